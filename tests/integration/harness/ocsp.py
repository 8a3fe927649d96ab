"""An OCSP responder that does what a test tells it, and openssl's own."""
import datetime as dt
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509 import ocsp

from .clients import OPENSSL
from .waiting import eventually, free_port

STATUS = {"good": ocsp.OCSPCertStatus.GOOD, "revoked": ocsp.OCSPCertStatus.REVOKED, "unknown": ocsp.OCSPCertStatus.UNKNOWN}


class Responder:
    """Answers for one Authority. `say[certificate]` is good, revoked or unknown (`default` for all others); `behave` is answer, hang,
    garbage, error, close or another_nonce. `requests` lists the serial numbers that were asked about."""

    def __init__(self, authority, *, default="good", behave="answer", lasts=3600, key=None, certificate=None, nonce=True, brings=True):
        self.authority, self.default, self.behave, self.lasts, self.nonce = authority, default, behave, lasts, nonce
        self.key, self.certificate, self.brings = key or authority.key, certificate or authority.certificate, brings
        self.say, self.requests, self.lock, self.free = {}, [], threading.Lock(), threading.Event()
        responder = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                responder.serve(self, self.rfile.read(int(self.headers["Content-Length"])))

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}/ocsp"
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def serve(self, handler, body):
        request = ocsp.load_der_ocsp_request(body)
        with self.lock:
            self.requests.append(request.serial_number)
        behave = self.behave
        if behave == "hang":
            self.free.wait(30)
            behave = self.behave if self.behave != "hang" else "answer"
        if behave == "close":
            handler.close_connection = True
            return
        data = b"<html>not now</html>" if behave == "garbage" else self.answer(request, behave)
        handler.send_response(503 if behave == "error" else 200)
        handler.send_header("Content-Type", "application/ocsp-response")
        handler.send_header("Content-Length", str(len(data)))
        handler.end_headers()
        handler.wfile.write(data)

    def answer(self, request, behave="answer"):
        now = dt.datetime.utcnow()
        status = STATUS[self.say.get(request.serial_number, self.default)]
        revoked = status == ocsp.OCSPCertStatus.REVOKED
        builder = ocsp.OCSPResponseBuilder().add_response(
            self.numbered(request.serial_number), self.authority.certificate, hashes.SHA1(), cert_status=status,
            this_update=now - dt.timedelta(seconds=5), next_update=now + dt.timedelta(seconds=self.lasts) if self.lasts else None,
            revocation_time=now - dt.timedelta(hours=1) if revoked else None, revocation_reason=None)
        builder = builder.responder_id(ocsp.OCSPResponderEncoding.HASH, self.certificate)
        if self.brings:
            builder = builder.certificates([self.certificate])
        if self.nonce:
            for extension in request.extensions:
                if isinstance(extension.value, x509.OCSPNonce):
                    nonce = bytes(32) if behave == "another_nonce" else extension.value.nonce
                    builder = builder.add_extension(x509.OCSPNonce(nonce), critical=False)
        return builder.sign(self.key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)

    def numbered(self, serial):
        """Any certificate of this number: the builder takes no number alone."""
        now = dt.datetime.utcnow()
        return (x509.CertificateBuilder().subject_name(self.authority.subject).issuer_name(self.authority.subject).serial_number(serial)
                .public_key(self.authority.key.public_key()).not_valid_before(now).not_valid_after(now + dt.timedelta(days=1))
                .sign(self.authority.key, hashes.SHA256()))

    def revoke(self, *certificates):
        for each in certificates:
            self.say[each.certificate.serial_number] = "revoked"

    def asked(self, certificate=None):
        """How often it was asked, about this certificate or any."""
        with self.lock:
            return len([serial for serial in self.requests if certificate is None or serial == certificate.certificate.serial_number])

    def wait_asked(self, count, certificate=None):
        eventually(lambda: self.asked(certificate) >= count, f"the OCSP responder was asked {count} times")

    def stop(self):
        self.free.set()
        self.server.shutdown()
        self.server.server_close()


class OpensslResponder:
    """`openssl ocsp` with an index file: what an operator of a small PKI runs."""

    def __init__(self, authority, folder, certificates, revoked=()):
        self.port, self.folder, self.index = free_port(), folder, folder / "index.txt"
        self.url = f"http://127.0.0.1:{self.port}"
        self.write(certificates, revoked)
        key = folder / "ocsp-ca.key"
        key.write_bytes(authority.key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                                    serialization.NoEncryption()))
        self.process = subprocess.Popen(
            [OPENSSL, "ocsp", "-port", str(self.port), "-index", str(self.index), "-CA", str(authority.pem), "-rsigner",
             str(authority.pem), "-rkey", str(key), "-nmin", "5"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        line = b""
        while b"waiting for" not in line.lower():
            line = self.process.stdout.readline()
            assert line, "openssl ocsp did not start"
        threading.Thread(target=self.process.stdout.read, daemon=True).start()

    def write(self, certificates, revoked=()):
        lines = []
        for each in certificates:
            gone = each in revoked
            serial = f"{each.certificate.serial_number:X}"
            serial = serial if len(serial) % 2 == 0 else "0" + serial
            subject = "/" + "/".join(attribute.rfc4514_string() for attribute in each.certificate.subject)
            lines.append("\t".join(["R" if gone else "V", each.certificate.not_valid_after.strftime("%y%m%d%H%M%SZ"),
                                    "200101000000Z" if gone else "", serial, "unknown", subject]))
        self.index.write_text("\n".join(lines) + "\n")

    def stop(self):
        self.process.terminate()
        self.process.wait(10)

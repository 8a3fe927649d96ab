"""Clients: Python's ssl with raw requests, curl, openssl s_client, plain TCP. None of them hides what came back."""
import re
import socket
import ssl
import struct
import subprocess
from dataclasses import dataclass

from .http import Reader, read_response
from .waiting import PATIENCE

VERSIONS = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}
OPENSSL = "/usr/bin/openssl"
CURL = "/usr/bin/curl"


class Connection:
    """A connected socket (TLS or not) with the bytes read from it."""

    def __init__(self, sock):
        self.sock = sock
        self.reader = Reader(sock)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.sock.close()

    def reset(self):
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    def send(self, data):
        self.sock.sendall(data if isinstance(data, bytes) else data.encode("latin-1"))

    def response(self, method="GET", keep=True):
        return read_response(self.reader, method, keep)

    def request(self, method="GET", target="/", host="open.test", fields=(), body=None, version="HTTP/1.1"):
        """Sends one request and reads its response. `fields` are pairs; a body brings its Content-Length."""
        self.send(head(method, target, host, fields, body, version))
        return self.response(method)

    def ended(self):
        """What came until the end; an abrupt end counts as one."""
        try:
            return self.reader.to_end()
        except (ConnectionResetError, ssl.SSLEOFError, ssl.SSLZeroReturnError):
            return self.reader.buffer

    def is_closed(self):
        try:
            return not self.reader.buffer and not self.reader.fill()
        except (ConnectionResetError, ssl.SSLError):
            return True


def head(method="GET", target="/", host="open.test", fields=(), body=None, version="HTTP/1.1"):
    lines = [f"{method} {target} {version}"]
    if host is not None:
        lines.append(f"Host: {host}")
    lines += [f"{key}: {value}" for key, value in fields]
    if body is not None:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + (body or b"")


def context(pki, *, cert=None, version=None, alpn=("http/1.1",), seclevel=None):
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.load_verify_locations(str(pki.server_ca.pem))
    made.check_hostname = False
    if version:
        made.minimum_version = made.maximum_version = VERSIONS[version]
    if seclevel is not None:
        made.set_ciphers(f"DEFAULT@SECLEVEL={seclevel}")
    if alpn:
        made.set_alpn_protocols(list(alpn))
    if cert:
        made.load_cert_chain(str(cert.pem), str(cert.key))
    return made


def tcp(port, host="127.0.0.1", timeout=PATIENCE, source=None):
    return Connection(socket.create_connection((host, port), timeout=timeout, source_address=source))


def tls(port, sni="open.test", pki=None, *, cert=None, version=None, session=None, ctx=None, host="127.0.0.1", timeout=PATIENCE,
        source=None, **options):
    """A TLS connection; `sni` None sends none. The handshake's own errors are raised as ssl.SSLError."""
    ctx = ctx or context(pki, cert=cert, version=version, **options)
    raw = socket.create_connection((host, port), timeout=timeout, source_address=source)
    try:
        return Connection(ctx.wrap_socket(raw, server_hostname=sni, session=session))
    except BaseException:
        raw.close()
        raise


def get(port, sni, pki, target="/", *, host=None, fields=(), method="GET", body=None, **options):
    """One request on a connection of its own."""
    with tls(port, sni, pki, **options) as connection:
        return connection.request(method, target, host or sni, fields, body)


def tls_error(port, sni, pki, **options):
    """The alert that refuses this client, as OpenSSL names it, in lower case with spaces. TLS 1.3 tells it on the first read."""
    try:
        with tls(port, sni, pki, **options) as connection:
            connection.send(head(host=sni or "open.test", fields=[("Connection", "close")]))
            data = connection.reader.to_end()
    except ssl.SSLError as error:
        # Newer alerts have no constant in Python's table, only OpenSSL's text: "[SSL] tlsv1 alert ... (_ssl.c:992)".
        return (error.reason or re.sub(r"^\[.*?\] | \(_ssl.*$", "", str(error))).lower().replace("_", " ")
    raise AssertionError(f"not refused: {data[:200]!r}")


@dataclass
class Ran:
    """What a client program did: `status` is the HTTP status or None, `error` what it wrote about a failure."""

    exit: int
    status: int
    output: str
    error: str


def curl(port, sni, pki, *arguments, cert=None, version=None, path="/", scheme="https", address="127.0.0.1"):
    command = [CURL, "-sS", "--max-time", str(int(PATIENCE)), "--noproxy", "*", "-o", "-", "-w", "\n%{http_code}", "--cacert", str(pki.server_ca.pem),
               "--resolve", f"{sni}:{port}:{address}"]
    if cert:
        command += ["--cert", str(cert.pem), "--key", str(cert.key)]
    if version:
        command += [f"--tlsv{version}", "--tls-max", version]
    command += [*arguments, f"{scheme}://{sni}:{port}{path}"]
    done = subprocess.run(command, capture_output=True, timeout=PATIENCE + 10)
    body, _, status = done.stdout.decode(errors="replace").rpartition("\n")
    return Ran(done.returncode, int(status or 0) or None, body, done.stderr.decode(errors="replace"))


def s_client(port, sni, pki, *arguments, cert=None, version=None, request=None):
    """openssl s_client that sends one request (Connection: close) and reads to the end."""
    command = [OPENSSL, "s_client", "-connect", f"127.0.0.1:{port}", "-CAfile", str(pki.server_ca.pem), "-verify_return_error", "-ign_eof"]
    command += ["-servername", sni] if sni else ["-noservername"]
    if cert:
        command += ["-cert", str(cert.pem), "-cert_chain", str(cert.pem), "-key", str(cert.key)]
    if version:
        command += ["-tls" + version.replace(".", "_")]
    text = request or head(host=sni or "open.test", fields=[("Connection", "close")])
    done = subprocess.run(command + list(arguments), input=text, capture_output=True, timeout=PATIENCE + 10)
    output, error = done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace")
    status = re.search(r"HTTP/1\.1 (\d{3}) ", output)
    return Ran(done.returncode, int(status[1]) if status else None, output, error)

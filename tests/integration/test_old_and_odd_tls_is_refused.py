"""No old version, no renegotiation, no compression, no 0-RTT, no certificate request after the handshake: each as a client tries it."""
import ctypes
import ctypes.util
import os
import socket
import struct
import subprocess

import pytest

from harness.clients import OPENSSL, context, get, head, s_client, tcp, tls
from harness.config import document, virtual_host
from harness.waiting import PATIENCE, eventually

PROTOCOL_VERSION, HANDSHAKE_FAILURE, DECODE_ERROR, ILLEGAL_PARAMETER = 70, 40, 50, 47
GATEWAY_CIPHER = 0xC02B  # ECDHE-ECDSA-AES128-GCM-SHA256


@pytest.fixture(scope="module")
def running(pki):
    from harness.gateway import Gateway
    from harness.origin import Origin

    behind = Origin()
    started = Gateway(document(pki, virtual_host(pki, "open"), virtual_host(pki, "strict", "strict"), origins=[behind.address])).start()
    started.origin = behind
    yield started
    started.stop()
    behind.stop()


# --- raw hellos -----------------------------------------------------------------------------------------------------------------------


def extension(kind, body):
    return struct.pack("!HH", kind, len(body)) + body


def hello(version=0x0303, compression=b"\x00", versions=None, alpn=None):
    """A ClientHello for open.test in one record; `version` is what stands in it, `versions` the supported_versions extension."""
    name = b"open.test"
    extensions = extension(0, struct.pack("!HBH", len(name) + 3, 0, len(name)) + name) + extension(10, struct.pack("!HH", 2, 23))
    extensions += extension(13, struct.pack("!HH", 2, 0x0403)) + extension(0xFF01, b"\x00")
    if versions:
        extensions += extension(43, bytes([2 * len(versions)]) + b"".join(struct.pack("!H", each) for each in versions))
        extensions += extension(51, b"\x00\x00")
    if alpn is not None:
        extensions += extension(16, alpn)
    suites = struct.pack("!HH", GATEWAY_CIPHER, 0x1301)
    body = struct.pack("!H", version) + os.urandom(32) + b"\x00" + struct.pack("!H", len(suites)) + suites
    body += bytes([len(compression)]) + compression + struct.pack("!H", len(extensions)) + extensions
    message = b"\x01" + len(body).to_bytes(3, "big") + body
    return b"\x16\x03\x01" + struct.pack("!H", len(message)) + message


def answer(port, data):
    """The first record that comes back: ("alert", number), ("handshake", bytes) or ("nothing", b"")."""
    with tcp(port) as connection:
        connection.send(data)
        connection.sock.settimeout(PATIENCE)
        got = b""
        try:
            while len(got) < 5 or len(got) < 5 + struct.unpack("!H", got[3:5])[0]:
                part = connection.sock.recv(65536)
                if not part:
                    break
                got += part
        except ConnectionResetError:
            pass
    if not got:
        return "nothing", b""
    return ("alert", got[6]) if got[0] == 21 else ("handshake", got[5:]) if got[0] == 22 else ("other", got)


def test_the_hello_itself_is_a_good_one(running):
    kind, message = answer(running.port, hello())
    assert kind == "handshake" and message[0] == 2
    assert answer(running.port, hello(versions=[0x0304, 0x0303]))[0] == "handshake"


@pytest.mark.parametrize("version", [0x0300, 0x0301, 0x0302])
@pytest.mark.parametrize("form", ["legacy", "supported_versions"])
def test_versions_before_1_2_are_refused_as_protocol_version(running, version, form):
    sent = hello(version=version) if form == "legacy" else hello(versions=[version])
    # SSL 3.0 has no alert for it but handshake_failure.
    alert = HANDSHAKE_FAILURE if version == 0x0300 and form == "legacy" else PROTOCOL_VERSION
    assert answer(running.port, sent) == ("alert", alert)
    running.logged(type="handshake", reason="protocol_version")


def test_an_sslv2_hello_gets_no_answer_in_tls(running):
    challenge = os.urandom(16)
    ciphers = bytes.fromhex("00c02b0000ff")
    body = b"\x01\x03\x03" + struct.pack("!HHH", len(ciphers), 0, len(challenge)) + ciphers + challenge
    kind, _ = answer(running.port, struct.pack("!H", 0x8000 | len(body)) + body)
    assert kind != "handshake"
    running.logged(type="handshake", reason="not_tls")


def test_compression_is_never_chosen_and_alone_never_taken(running):
    kind, message = answer(running.port, hello(compression=b"\x01\x00"))
    assert kind == "handshake"
    session = message[38]
    assert message[39 + session + 2] == 0, "ServerHello.compression_method"
    kind, alert = answer(running.port, hello(compression=b"\x01"))
    assert kind == "alert" and alert in (DECODE_ERROR, ILLEGAL_PARAMETER)
    kind, alert = answer(running.port, hello(compression=b"\x01\x00", versions=[0x0304]))
    assert (kind, alert) == ("alert", ILLEGAL_PARAMETER)


@pytest.mark.parametrize("versions", [None, [0x0304]])
@pytest.mark.parametrize("offer", [b"", b"\x00\x00", b"\x00\x01\x00", b"\x00\x09\x09http/1.1", b"\x00\x0a\x08http/1.1\x00", b"\x00\x05\x08http/1.1"])
def test_a_malformed_list_of_protocols_is_refused(running, offer, versions):
    kind, alert = answer(running.port, hello(alpn=offer, versions=versions))
    # With TLS 1.3 and no key share of ours a HelloRetryRequest may come before the list is looked at.
    if kind == "handshake" and versions:
        assert message_is_retry(alert)
    else:
        assert kind == "alert" and alert in (DECODE_ERROR, ILLEGAL_PARAMETER, 120), (kind, alert)


def message_is_retry(message):
    return message[0] == 2 and message[6:38] == bytes.fromhex("cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c")


# --- within a connection --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("host, kind", [("open", None), ("strict", "client")])
def test_a_client_that_wants_to_renegotiate_is_refused_and_its_request_never_comes(running, pki, host, kind):
    before = len(running.origin.requests)
    cert = ["-cert", str(pki.client.pem), "-key", str(pki.client.key)] if kind else []
    done = subprocess.run([OPENSSL, "s_client", "-connect", f"127.0.0.1:{running.port}", "-servername", f"{host}.test", "-tls1_2", *cert],
                          input=b"R\n" + head(target="/after", host=f"{host}.test"), capture_output=True, timeout=PATIENCE + 10)
    said = (done.stdout + done.stderr).decode(errors="replace")
    assert "RENEGOTIATING" in said
    assert "no renegotiation" in said, said[-600:]
    assert all(request.target != "/after" for request in running.origin.requests[before:])


def test_a_client_that_offers_authentication_after_the_handshake_is_never_asked(running, pki):
    ctx = context(pki, cert=pki.client, version="1.3")
    ctx.post_handshake_auth = True
    with tls(running.port, "open.test", ctx=ctx) as connection:
        assert connection.request(target="/one").status == 200
        assert connection.request(target="/two").status == 200
    line = running.logged(type="request", path="/two")
    assert not line.get("client_subject") and not line.get("client_fingerprint"), line


# --- 0-RTT ----------------------------------------------------------------------------------------------------------------------------


class Libssl:
    """As much of OpenSSL as a client with early data needs, which neither Python's ssl nor s_client sends where a server allows none."""

    def __init__(self):
        self.lib = ctypes.CDLL(ctypes.util.find_library("ssl"))
        for name in ("TLS_client_method", "SSL_CTX_new", "SSL_new", "SSL_get1_session"):
            getattr(self.lib, name).restype = ctypes.c_void_p
        self.context = ctypes.c_void_p(self.lib.SSL_CTX_new(ctypes.c_void_p(self.lib.TLS_client_method())))

    def connection(self, port, name):
        sock = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
        sock.settimeout(None)
        ssl = ctypes.c_void_p(self.lib.SSL_new(self.context))
        self.lib.SSL_set_fd(ssl, sock.fileno())
        self.lib.SSL_ctrl(ssl, 55, 0, ctypes.c_char_p(name.encode()))  # SSL_CTRL_SET_TLSEXT_HOSTNAME
        return sock, ssl

    def read(self, ssl):
        buffer = ctypes.create_string_buffer(65536)
        size = self.lib.SSL_read(ssl, buffer, len(buffer))
        return buffer.raw[:max(size, 0)]

    def close(self, sock, ssl):
        self.lib.SSL_free(ssl)
        sock.close()


def test_early_data_are_not_accepted_and_reach_no_upstream_before_the_handshake(running):
    client = Libssl()
    sock, ssl = client.connection(running.port, "open.test")
    assert client.lib.SSL_connect(ssl) == 1
    request = head(target="/first", host="open.test")
    assert client.lib.SSL_write(ssl, request, len(request)) == len(request)
    assert b" 200 " in client.read(ssl)
    session = ctypes.c_void_p(client.lib.SSL_get1_session(ssl))
    assert client.lib.SSL_SESSION_is_resumable(session) == 1
    assert client.lib.SSL_SESSION_get_max_early_data(session) == 0, "the ticket allows early data"
    client.lib.SSL_set_shutdown(ssl, 3)
    client.close(sock, ssl)

    # A client that does it all the same.
    assert client.lib.SSL_SESSION_set_max_early_data(session, ctypes.c_uint32(16384)) == 1
    sock, ssl = client.connection(running.port, "open.test")
    assert client.lib.SSL_set_session(ssl, session) == 1
    early = head(target="/early", host="open.test")
    written = ctypes.c_size_t(0)
    assert client.lib.SSL_write_early_data(ssl, early, ctypes.c_size_t(len(early)), ctypes.byref(written)) == 1
    connected = client.lib.SSL_connect(ssl)
    status = client.lib.SSL_get_early_data_status(ssl)
    assert status != 2, "SSL_EARLY_DATA_ACCEPTED"
    if connected == 1:
        late = head(target="/late", host="open.test")
        client.lib.SSL_write(ssl, late, len(late))
        assert b" 200 " in client.read(ssl)
        eventually(lambda: any(request.target == "/late" for request in running.origin.requests), "the request after the handshake")
    client.close(sock, ssl)
    assert all(request.target != "/early" for request in running.origin.requests)


def test_a_plain_resumption_does_not_allow_early_data_either(running, pki):
    got = s_client(running.port, "open.test", pki, version="1.3")
    assert got.status == 200
    assert "Max Early Data: 0" in got.output or "Early data was not sent" in got.output, got.output[-800:]


def test_afterwards_a_good_client_is_served(running, pki):
    assert get(running.port, "strict.test", pki, cert=pki.client).status == 200

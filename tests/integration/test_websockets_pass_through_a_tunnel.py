"""An upgrade that the origin accepts becomes a tunnel: bytes both ways, half-close each way, and nothing but the agreed protocol."""
import socket
import ssl

import pytest

from harness.clients import context, head, tls
from harness.origin import answer
from harness.waiting import PATIENCE, eventually

UPGRADE = [("Connection", "Upgrade"), ("Upgrade", "websocket"), ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="), ("Sec-WebSocket-Version", "13")]
SWITCH = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"


def echo(exchange):
    """Accepts, then sends back what comes until the client has ended its side; says goodbye after that."""
    exchange.send(SWITCH)
    reader = exchange.reader
    while reader.buffer or reader.fill():
        data, reader.buffer = reader.buffer, b""
        exchange.send(data)
    exchange.send("bye")
    exchange.close()


def test_bytes_flow_both_ways_after_101(open_host, pki):
    running, behind = open_host(echo)
    with tls(running.port, "open.test", pki) as connection:
        connection.send(head(fields=UPGRADE))
        switched = connection.response()
        assert switched.status == 101 and switched.get("upgrade") == "websocket" and switched.get("connection").lower() == "upgrade"
        assert switched.get("sec-websocket-accept") == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
        for size in (1, 125, 70000, 1 << 20):
            payload = bytes(size)
            connection.send(payload)
            assert connection.reader.exactly(size) == payload
    request = behind.last()
    assert request.get("upgrade") == "websocket" and request.get("connection").lower() == "upgrade"
    running.logged(status=101)


def test_bytes_sent_together_with_the_request_wait_for_101(open_host, pki):
    running, _ = open_host(echo)
    with tls(running.port, "open.test", pki) as connection:
        connection.send(head(fields=UPGRADE) + b"early bird")
        assert connection.response().status == 101
        assert connection.reader.exactly(10) == b"early bird"


def test_the_clients_half_close_reaches_the_origin_and_its_last_words_come_back(open_host, pki):
    running, _ = open_host(echo)
    with HalfClosingClient(running.port, pki) as client:
        client.send(head(fields=UPGRADE))
        client.read_until(b"\r\n\r\n")
        client.send(b"last")
        client.close_notify()
        assert client.read_to_end().endswith(b"lastbye")


class HalfClosingClient:
    """TLS over memory BIOs: ends its own side and goes on reading. A socket's unwrap() would read meanwhile, and lose what it reads."""

    def __init__(self, port, pki):
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context(pki).wrap_bio(self.incoming, self.outgoing, server_hostname="open.test")
        self.sock = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
        self._drive(self.tls.do_handshake)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.sock.close()

    def _flush(self):
        if self.outgoing.pending:
            self.sock.sendall(self.outgoing.read())

    def _drive(self, step):
        while True:
            try:
                return step()
            except ssl.SSLWantReadError:
                self._flush()
                data = self.sock.recv(65536)
                if not data:
                    self.incoming.write_eof()
                self.incoming.write(data)
            finally:
                self._flush()

    def send(self, data):
        self.tls.write(data)
        self._flush()

    def close_notify(self):
        with pytest.raises(ssl.SSLWantReadError):
            self.tls.unwrap()
        self._flush()

    def read_until(self, end):
        got = b""
        while end not in got:
            got += self._drive(lambda: self.tls.read(65536))
        return got

    def read_to_end(self):
        got = b""
        while True:
            try:
                data = self._drive(lambda: self.tls.read(65536))
            except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
                return got
            if not data:
                return got
            got += data


def test_the_origins_end_reaches_the_client(open_host, pki):
    def handler(exchange):
        exchange.send(SWITCH + "farewell")
        exchange.close()

    running, _ = open_host(handler)
    with tls(running.port, "open.test", pki) as connection:
        connection.send(head(fields=UPGRADE))
        assert connection.response().status == 101
        assert connection.ended() == b"farewell"


def test_a_refused_upgrade_is_an_ordinary_response(open_host, pki):
    running, _ = open_host(lambda exchange: answer(426, b"no", [("Upgrade", "websocket"), ("Connection", "Upgrade")]))
    with tls(running.port, "open.test", pki) as connection:
        connection.send(head(fields=UPGRADE))
        assert connection.response().status == 426
        assert connection.request().status == 426


def test_101_without_a_request_for_it_is_502(open_host, pki):
    running, _ = open_host(lambda exchange: SWITCH.encode())
    with tls(running.port, "open.test", pki) as connection:
        assert connection.request().status == 502


@pytest.mark.parametrize("switch", [SWITCH.replace("Upgrade: websocket", "Upgrade: other"), SWITCH.replace("Upgrade: websocket\r\n", "")],
                         ids=["another", "none"])
def test_101_to_another_protocol_than_asked_for_is_502(open_host, pki, switch):
    running, _ = open_host(lambda exchange: switch.encode())
    with tls(running.port, "open.test", pki) as connection:
        connection.send(head(fields=UPGRADE))
        assert connection.response().status == 502


@pytest.mark.parametrize("token", ["h2c", "TLS/1.0"])
def test_upgrades_to_http2_or_tls_are_not_passed_on(open_host, pki, token):
    running, behind = open_host()
    with tls(running.port, "open.test", pki) as connection:
        connection.send(head(fields=[("Connection", "Upgrade"), ("Upgrade", token)]))
        assert connection.response().status == 200
    assert behind.last().get("upgrade") is None


def test_a_tunnel_ends_at_once_when_its_client_is_revoked(pki, gateway, origin, tmp_path):
    from harness.config import document, trust_sets, virtual_host

    behind = origin(echo)
    trust = trust_sets(pki)
    crl = pki.root.write_crl(tmp_path / "own.crl", [])
    trust["clients"]["crl"] = [str(crl)]
    running = gateway(document(pki, virtual_host(pki, "strict", "strict"), origins=[behind.address], trust=trust))
    with tls(running.port, "strict.test", pki, cert=pki.client) as revoked, tls(running.port, "strict.test", pki, cert=pki.bob) as other:
        for connection in (revoked, other):
            connection.send(head(host="strict.test", fields=UPGRADE))
            assert connection.response().status == 101
        pki.root.write_crl(crl, [pki.client], number=2)
        running.reload()
        assert revoked.is_closed()
        other.send(b"still here")
        assert other.reader.exactly(10) == b"still here"
    eventually(lambda: running.metric("gateway_client_connections") == 0, "no connection is left")

"""64 MiB each way, with and without a slow peer: the gateway never holds a body."""
import hashlib
import threading

import pytest

from harness.clients import head, tls
from harness.waiting import eventually

SIZE = 64 << 20
BLOCK = bytes(range(256)) * 256  # 64 KiB
ALLOWED_GROWTH = 16 << 20

pytestmark = pytest.mark.slow


def digest_of(read, size):
    digest, left = hashlib.sha256(), size
    while left:
        piece = read(min(left, 1 << 18))
        digest.update(piece)
        left -= len(piece)
    return digest.hexdigest()


EXPECTED = hashlib.sha256(BLOCK * (SIZE // len(BLOCK))).hexdigest()


class Peak:
    """The greatest resident size while the block runs."""

    def __init__(self, running):
        self.running, self.stop = running, threading.Event()

    def __enter__(self):
        self.before = self.peak = self.running.rss_bytes()
        self.thread = threading.Thread(target=self.watch)
        self.thread.start()
        return self

    def watch(self):
        while not self.stop.wait(0.02):
            self.peak = max(self.peak, self.running.rss_bytes())

    def __exit__(self, *_):
        self.stop.set()
        self.thread.join()

    def assert_flat(self):
        import os

        allowed = ALLOWED_GROWTH * (8 if os.environ.get("GATEWAY_SANITIZED") else 1)
        assert self.peak - self.before < allowed, f"grew by {(self.peak - self.before) >> 20} MiB"


def download(chunked):
    def handler(exchange):
        framing = "Transfer-Encoding: chunked" if chunked else f"Content-Length: {SIZE}"
        exchange.send(f"HTTP/1.1 200 OK\r\n{framing}\r\n\r\n")
        for _ in range(SIZE // len(BLOCK)):
            exchange.send(b"10000\r\n" + BLOCK + b"\r\n" if chunked else BLOCK)
        if chunked:
            exchange.send(b"0\r\n\r\n")

    return handler


def read_chunked(connection):
    digest = hashlib.sha256()
    while True:
        size = int(connection.reader.until(b"\r\n"), 16)
        if size == 0:
            assert connection.reader.until(b"\r\n") == b""
            return digest.hexdigest()
        digest.update(connection.reader.exactly(size))
        connection.reader.exactly(2)


@pytest.mark.parametrize("chunked", [False, True])
def test_a_large_download(open_host, pki, chunked):
    from harness.http import read_head

    running, _ = open_host(download(chunked))
    with tls(running.port, "open.test", pki) as connection, Peak(running) as peak:
        connection.send(head())
        assert read_head(connection.reader).status == 200
        got = read_chunked(connection) if chunked else digest_of(connection.reader.exactly, SIZE)
        assert got == EXPECTED
    peak.assert_flat()


@pytest.mark.parametrize("chunked", [False, True])
def test_a_large_upload(open_host, pki, chunked):
    from harness.origin import answer

    def handler(exchange):
        exchange.body_read = True
        reader = exchange.reader
        if exchange.request.get("content-length") is not None:
            return answer(body=digest_of(reader.exactly, SIZE))

        class Raw:
            pass

        raw = Raw()
        raw.reader = reader
        return answer(body=read_chunked(raw))

    running, _ = open_host(handler)
    with tls(running.port, "open.test", pki) as connection, Peak(running) as peak:
        connection.send(head("POST", fields=[("Transfer-Encoding", "chunked")] if chunked else [("Content-Length", str(SIZE))]))
        for _ in range(SIZE // len(BLOCK)):
            connection.send(b"10000\r\n" + BLOCK + b"\r\n" if chunked else BLOCK)
        if chunked:
            connection.send(b"0\r\n\r\n")
        assert connection.response().text == EXPECTED
    peak.assert_flat()


def test_a_client_that_does_not_read_stops_the_origin_not_the_gateway(open_host, pki):
    sent = []

    def handler(exchange):
        exchange.send(f"HTTP/1.1 200 OK\r\nContent-Length: {SIZE}\r\n\r\n")
        for _ in range(SIZE // len(BLOCK)):
            exchange.send(BLOCK)
            sent.append(len(BLOCK))

    running, _ = open_host(handler)
    with tls(running.port, "open.test", pki) as connection, Peak(running) as peak:
        connection.send(head())
        last = [-1, 0]

        def stalled():
            last[1] = last[1] + 1 if sum(sent) == last[0] and sent else 0
            last[0] = sum(sent)
            return last[1] > 10

        eventually(stalled, "the origin is stopped by backpressure")
        assert sum(sent) < SIZE // 2
        with tls(running.port, "open.test", pki) as other:
            assert other.sock.version()
        from harness.http import read_head

        assert read_head(connection.reader).status == 200
        assert digest_of(connection.reader.exactly, SIZE) == EXPECTED
    peak.assert_flat()


def test_an_origin_that_does_not_read_stops_the_client(open_host, pki):
    go = threading.Event()

    def handler(exchange):
        go.wait(30)
        exchange.body_read = True
        from harness.origin import answer

        return answer(body=digest_of(exchange.reader.exactly, SIZE))

    running, _ = open_host(handler)
    with tls(running.port, "open.test", pki) as connection, Peak(running) as peak:
        connection.send(head("POST", fields=[("Content-Length", str(SIZE))]))
        sent = [0]

        def upload():
            for _ in range(SIZE // len(BLOCK)):
                connection.send(BLOCK)
                sent[0] += len(BLOCK)

        sender = threading.Thread(target=upload)
        sender.start()
        last = [-1, 0]

        def stalled():
            last[1] = last[1] + 1 if sent[0] == last[0] and sent[0] else 0
            last[0] = sent[0]
            return last[1] > 10

        eventually(stalled, "the client is stopped by backpressure")
        assert sent[0] < SIZE // 2
        go.set()
        sender.join()
        assert connection.response().text == EXPECTED
    peak.assert_flat()

"""An upstream server on a raw socket that does what a test tells it and remembers every byte it got."""
import socket
import struct
import threading

from .http import Closed, Reader, read_body, read_head
from .waiting import eventually


def answer(status=200, body=b"ok", fields=(), reason="OK"):
    body = body if isinstance(body, bytes) else body.encode()
    lines = [f"HTTP/1.1 {status} {reason}", f"Content-Length: {len(body)}", *(f"{key}: {value}" for key, value in fields)]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


class Exchange:
    """One request as a handler sees it. The body is read when asked for, or after the handler if it was not."""

    def __init__(self, origin, connection, number, reader):
        self.origin, self.connection, self.number, self.reader = origin, connection, number, reader
        self.request = read_head(reader)
        self.body_read = False

    def read_body(self, keep=True):
        if not self.body_read:
            self.body_read = True
            read_body(self.reader, self.request, until_close=False, keep=keep)
        return self.request.body

    def send(self, data):
        self.connection.sendall(data if isinstance(data, bytes) else data.encode("latin-1"))

    def close(self):
        try:
            self.connection.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        raise Closed

    def reset(self):
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()
        raise Closed


class Origin:
    """`handler(exchange)` may return bytes to send. Requests are listed once their head (or, by default, body) was read."""

    def __init__(self, handler=None, *, unix=None, family=socket.AF_INET, host=None):
        self.handler = handler or (lambda exchange: answer())
        self.lock = threading.Lock()
        self.requests, self.connections, self.open_sockets, self.raw = [], 0, [], []
        if unix:
            self.listener = socket.socket(socket.AF_UNIX)
            self.listener.bind(str(unix))
            self.address = f"unix:{unix}"
        else:
            self.listener = socket.socket(family)
            self.listener.bind((host or ("::1" if family == socket.AF_INET6 else "127.0.0.1"), 0))
            self.port = self.listener.getsockname()[1]
            self.address = f"[::1]:{self.port}" if family == socket.AF_INET6 else f"127.0.0.1:{self.port}"
        self.listener.listen(256)
        self.stopping = False
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while not self.stopping:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            with self.lock:
                self.connections += 1
                number = self.connections
                self.open_sockets.append(connection)
            threading.Thread(target=self._serve, args=(connection, number), daemon=True).start()

    def _serve(self, connection, number):
        reader = Reader(connection, keep=True)
        reader.seen = _Bounded()
        with self.lock:
            self.raw.append(reader.seen)
        try:
            while True:
                exchange = Exchange(self, connection, number, reader)
                with self.lock:
                    self.requests.append(exchange.request)
                reply = self.handler(exchange)
                exchange.read_body()
                if reply:
                    exchange.send(reply)
        except (Closed, OSError, ValueError, AssertionError):
            pass
        finally:
            connection.close()
            with self.lock:
                if connection in self.open_sockets:
                    self.open_sockets.remove(connection)

    def last(self):
        return eventually(lambda: self.requests and self.requests[-1], "the origin got a request")

    def got(self, count):
        """The requests, once there are so many."""
        eventually(lambda: len(self.requests) >= count, f"the origin got {count} requests")
        return list(self.requests)

    def raw_bytes(self):
        return b"".join(bytes(seen) for seen in self.raw)

    def close_connections(self):
        with self.lock:
            sockets = list(self.open_sockets)
        for connection in sockets:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        eventually(lambda: not any(each in self.open_sockets for each in sockets), "the origin closed its connections")

    def stop(self):
        self.stopping = True
        try:
            self.listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.listener.close()
        self.close_connections()


class _Bounded(bytearray):
    """The first megabyte is plenty to look at."""

    def __iadd__(self, data):
        if len(self) < 1 << 20:
            self.extend(data)
        return self

"""Just enough HTTP/1.1 to read exactly what a peer sent, from any object with recv()."""
from dataclasses import dataclass, field


class Closed(Exception):
    """The peer ended the connection before what was asked for came."""


class Reader:
    """Bytes as they come, with the framing of a message on demand. Keeps every byte it saw in `seen` if asked to."""

    def __init__(self, sock, keep=False):
        self.sock, self.buffer, self.eof = sock, b"", False
        self.seen = bytearray() if keep else None

    def fill(self):
        if self.eof:
            return False
        data = self.sock.recv(1 << 18)
        if not data:
            self.eof = True
            return False
        if self.seen is not None:
            self.seen += data
        self.buffer += data
        return True

    def until(self, mark, limit=1 << 20):
        while mark not in self.buffer:
            if len(self.buffer) > limit:
                raise ValueError("no end in sight")
            if not self.fill():
                raise Closed(bytes(self.buffer))
        text, self.buffer = self.buffer.split(mark, 1)
        return text

    def exactly(self, count, keep=True):
        parts = []
        left = count
        while left:
            if not self.buffer and not self.fill():
                raise Closed(b"".join(parts))
            piece, self.buffer = self.buffer[:left], self.buffer[left:]
            left -= len(piece)
            if keep:
                parts.append(piece)
        return b"".join(parts)

    def to_end(self):
        while self.fill():
            pass
        data, self.buffer = self.buffer, b""
        return data


@dataclass
class Message:
    """A request or a response. Field names keep their case; get() looks without it."""

    start: str
    fields: list
    body: bytes = b""
    trailers: list = field(default_factory=list)
    raw_head: bytes = b""
    body_bytes: int = 0

    def all(self, name):
        return [value for key, value in self.fields if key.lower() == name.lower()]

    def get(self, name, default=None):
        values = self.all(name)
        return values[0] if values else default

    def names(self):
        return [key.lower() for key, _ in self.fields]

    @property
    def status(self):
        return int(self.start.split(" ", 2)[1])

    @property
    def method(self):
        return self.start.split(" ")[0]

    @property
    def target(self):
        return self.start.split(" ")[1]

    @property
    def text(self):
        return self.body.decode(errors="replace")


def parse_fields(lines):
    fields = []
    for line in lines:
        key, _, value = line.partition(":")
        fields.append((key, value.strip(" \t")))
    return fields


def read_head(reader):
    raw = reader.until(b"\r\n\r\n")
    lines = raw.decode("latin-1").split("\r\n")
    return Message(lines[0], parse_fields(lines[1:]), raw_head=raw + b"\r\n\r\n")


def read_chunks(reader, message, keep=True):
    parts = []
    while True:
        size = int(reader.until(b"\r\n").split(b";")[0], 16)
        if size == 0:
            break
        parts.append(reader.exactly(size, keep))
        message.body_bytes += size
        assert reader.exactly(2) == b"\r\n"
    lines = []
    while line := reader.until(b"\r\n"):
        lines.append(line.decode("latin-1"))
    message.body, message.trailers = b"".join(parts), parse_fields(lines)


def read_body(reader, message, *, until_close, keep=True):
    if "chunked" in (message.get("transfer-encoding") or "").lower():
        read_chunks(reader, message, keep)
    elif message.get("content-length") is not None:
        message.body_bytes = int(message.get("content-length"))
        message.body = reader.exactly(message.body_bytes, keep)
    elif until_close:
        message.body = reader.to_end()
        message.body_bytes = len(message.body)
    return message


def read_response(reader, method="GET", keep=True):
    """The next response, interim ones included: whoever expects 100 or 103 reads it first."""
    message = read_head(reader)
    if method == "HEAD" or message.status < 200 or message.status in (204, 304):
        return message
    return read_body(reader, message, until_close=True, keep=keep)

"""The other side of bench/scale.py: clients that make an exact number of operations, an origin, a prober. Nothing here is measured but
the prober's longest wait."""
import gc
import os
import select
import socket
import ssl
import threading
import time

from scale_configs import DIRECT_PATH, MEASURED_HOST, MEASURED_PATH

PATIENCE = 300  # seconds: the gateway may run under valgrind
RESPONSE = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Client:
    def __init__(self, pki, port):
        self.port = port
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self.context.load_verify_locations(str(pki.folder / "ca.pem"))
        self.context.load_cert_chain(str(pki.folder / "client.pem"), str(pki.folder / "client.key"))

    def connect(self, host=MEASURED_HOST):
        """After its first response: in TLS 1.3 that is when the handshake is known to have worked."""
        return self.context.wrap_socket(socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE), server_hostname=host)

    def handshakes(self, count, host=MEASURED_HOST):
        for _ in range(count):
            with self.connect(host) as connection:
                request(connection, DIRECT_PATH, host)

    def idle(self, count, host=MEASURED_HOST):
        """So many established connections, as plain sockets: their TLS objects would be most of our memory."""
        return [self._established(host) for _ in range(count)]

    def _established(self, host):
        raw = socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE)
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = self.context.wrap_bio(incoming, outgoing, server_hostname=host)

        def until(step):
            while True:
                try:
                    return step()
                except ssl.SSLWantReadError:
                    raw.sendall(outgoing.read())
                    data = raw.recv(65536)
                    assert data, "closed in its handshake"
                    incoming.write(data)

        until(tls.do_handshake)
        tls.write(f"GET {DIRECT_PATH} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
        assert until(lambda: tls.read(65536)).startswith(b"HTTP/1.1 200")
        return raw


def request(connection, path=MEASURED_PATH, host=MEASURED_HOST):
    connection.sendall(f"GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
    data = connection.recv(65536)
    while b"\r\n\r\nok" not in data:
        more = connection.recv(65536)
        assert data.startswith(b"HTTP/1.1 200") and more, data
        data += more


class Origin:
    """Answers every head with 200, on one port of each address of 127.0.0.0/8."""

    def __init__(self):
        self.listener = socket.create_server(("0.0.0.0", 0), backlog=4096)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self):
        poll = select.epoll()
        poll.register(self.listener, select.EPOLLIN)
        open_sockets = {}
        while True:
            for fd, _ in poll.poll():
                if fd == self.listener.fileno():
                    accepted, _ = self.listener.accept()
                    open_sockets[accepted.fileno()] = accepted
                    poll.register(accepted, select.EPOLLIN)
                    continue
                data = b""
                try:
                    data = open_sockets[fd].recv(65536)
                except OSError:
                    pass
                if data:
                    open_sockets[fd].sendall(RESPONSE * data.count(b"\r\n\r\n"))
                else:
                    open_sockets.pop(fd).close()


def real_time(thread):
    """Lets a thread run before everybody else's, so that another process's work is not taken for a stall. Needs a privilege; without
    it the longest waits are the machine's as much as the gateway's."""
    try:
        os.sched_setscheduler(thread, os.SCHED_FIFO, os.sched_param(10))
        return True
    except PermissionError:
        return False


def probe(pki, port, stop, result):
    """A process: requests back to back on one connection until `stop`; the longest waits since `mark` go to `result`."""
    real_time(0)
    gc.disable()
    with Client(pki, port).connect() as connection:
        request(connection, DIRECT_PATH)
        longest = 0.0
        result.send("ready")
        while not stop.is_set():
            begun = time.perf_counter()
            request(connection, DIRECT_PATH)
            longest = max(longest, time.perf_counter() - begun)
            if result.poll():
                result.recv()
                result.send(longest)
                longest = 0.0
            # A FIFO thread that never sleeps would keep a core from everybody.
            time.sleep(0.0002)

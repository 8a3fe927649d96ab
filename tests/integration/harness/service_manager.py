"""What systemd is to a service: the receiver of sd_notify, and the parent that hands over listening sockets. And a thread that hangs."""
import ctypes
import os
import select
import socket
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

from .waiting import PATIENCE


class ServiceManager:
    """Receives what a service sends to $NOTIFY_SOCKET; each message is a dict of its KEY=VALUE lines."""

    def __init__(self, *, abstract=False):
        self.folder = tempfile.TemporaryDirectory(prefix="gw-notify-")
        name = "\0gw-notify-" + os.urandom(8).hex() if abstract else str(Path(self.folder.name) / "notify")
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
        self.socket.bind(name)
        self.environment = {"NOTIFY_SOCKET": name.replace("\0", "@")}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()
        self.folder.cleanup()

    def next(self, timeout=PATIENCE):
        """The next message; None if none comes in time."""
        if not select.select([self.socket], [], [], timeout)[0]:
            return None
        text = self.socket.recv(65536).decode()
        return dict(line.split("=", 1) for line in text.split("\n"))

    def expect(self, key):
        """The next message that has this key; what stands before it is skipped."""
        end = time.monotonic() + PATIENCE
        seen = []
        while (left := end - time.monotonic()) > 0:
            message = self.next(left)
            if message and key in message:
                return message
            seen.append(message)
        raise AssertionError(f"no {key} came, but {seen}")

    def received(self):
        """Everything that has come by now."""
        messages = []
        while (message := self.next(0)) is not None:
            messages.append(message)
        return messages


# Becomes the daemon, as systemd's fork does: descriptors from 3 on, and a LISTEN_PID that only the child itself can know.
ACTIVATE = """
import fcntl, os, sys
fds = [int(fd) for fd in sys.argv[1].split(',') if fd]
high = [fcntl.fcntl(fd, fcntl.F_DUPFD, 100) for fd in fds]
for fd in fds:
    os.close(fd)
for number, fd in enumerate(high):
    os.dup2(fd, 3 + number, inheritable=True)
    os.close(fd)
os.environ.setdefault('LISTEN_PID', str(os.getpid()))
os.environ.setdefault('LISTEN_FDS', str(len(fds)))
os.execv(sys.argv[2], sys.argv[2:])
"""


def activation(sockets):
    """The words before a command line that make it inherit these sockets; use with `pass_fds`."""
    return [sys.executable, "-c", ACTIVATE, ",".join(str(each.fileno()) for each in sockets)]


PTRACE_SEIZE, PTRACE_INTERRUPT, PTRACE_DETACH, WALL = 0x4206, 0x4207, 17, 0x40000000


@contextmanager
def frozen_thread(pid, name):
    """One thread of a process stands still, as if it were caught in an endless loop; all others run."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
    tid = next(int(task.name) for task in Path(f"/proc/{pid}/task").iterdir() if (task / "comm").read_text().strip() == name)

    def ptrace(request):
        assert libc.ptrace(request, tid, None, None) == 0, os.strerror(ctypes.get_errno())

    ptrace(PTRACE_SEIZE)
    ptrace(PTRACE_INTERRUPT)
    os.waitpid(tid, WALL)
    try:
        yield
    finally:
        ptrace(PTRACE_DETACH)

"""Stops one worker thread of a gatewayd while the rest of the process goes on: what a worker that hangs looks like from outside."""
import ctypes
import os
from pathlib import Path

PTRACE_ATTACH, PTRACE_DETACH = 16, 17
WAIT_ALL = 0x40000000  # __WALL: threads too
libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
libc.ptrace.restype = ctypes.c_long


def ptrace(request, thread):
    if libc.ptrace(request, thread, None, None) != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), f"ptrace({request}) of thread {thread}")


class HungWorker:
    """Which thread is a worker, nobody tells: the one without which /healthz is 503. It goes on when this is closed, by the same thread of
    ours that made it."""

    def __init__(self, running):
        self.thread = None
        process = running.process.pid
        for thread in sorted(int(each.name) for each in Path(f"/proc/{process}/task").iterdir()):
            if thread == process:
                continue  # the control thread
            ptrace(PTRACE_ATTACH, thread)
            os.waitpid(thread, WAIT_ALL)
            if running.admin("/healthz")[0] == 503:
                self.thread = thread
                return
            ptrace(PTRACE_DETACH, thread)
        raise AssertionError("no thread without which /healthz is 503")

    def close(self):
        ptrace(PTRACE_DETACH, self.thread)

"""Waiting for a condition, never for a time; and ports that no other test worker hands out."""
import os
import random
import socket
import time

# Sanitized binaries and busy machines are slow: a deadline says that something is broken, not that it took long.
PATIENCE = 60.0 if os.environ.get("GATEWAY_SANITIZED") else 20.0


def eventually(probe, what, timeout=PATIENCE):
    """The first true value of probe(); an AssertionError that names `what` if there is none in time."""
    end = time.monotonic() + timeout
    pause = 0.002
    while True:
        value = probe()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"not in {timeout:.0f} s: {what}")
        time.sleep(pause)
        pause = min(pause * 1.5, 0.05)


class PortRange:
    """Ports below the ephemeral range, from a part of it that belongs to this xdist worker. gatewayd listens with SO_REUSEPORT:
    two gateways on one port would quietly share its connections."""

    def __init__(self):
        worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:])
        self.low, self.count = 12000 + (worker % 16) * 1200, 1200
        self.next = random.randrange(self.count)

    def take(self):
        for _ in range(self.count):
            port = self.low + self.next
            self.next = (self.next + 1) % self.count
            with socket.socket() as probe:
                try:
                    probe.bind(("0.0.0.0", port))
                    return port
                except OSError:
                    continue
        raise RuntimeError("no free port")


PORTS = PortRange()


def free_port():
    return PORTS.take()

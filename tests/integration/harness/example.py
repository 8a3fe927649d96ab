"""A config of conf/ as it stands, but for its addresses: those become free ones, and its upstreams the test's own."""
import re
from dataclasses import dataclass
from pathlib import Path

from .gateway import ROOT, Gateway, ctl
from .waiting import free_port

ADDRESS = re.compile(r'(?:"\[::\]:(\d+)"|\b(?:0\.0\.0\.0|127\.0\.0\.1):(\d+)\b)')


@dataclass(frozen=True)
class Pair:
    """A certificate with its key, as curl takes them."""

    pem: Path
    key: Path


class Authority:
    """A CA made by `gatewayctl pki`."""

    def __init__(self, folder, cn):
        self.folder, self.pem = folder, folder / "ca.pem"
        assert ctl("pki", "init", str(folder), "--cn", cn).returncode == 0

    @property
    def server_ca(self):
        return self

    def issue(self, name, *arguments):
        done = ctl("pki", "issue", str(self.folder), name, *arguments)
        assert done.returncode == 0, done.stderr
        return self.pair(name)

    def pair(self, name):
        return Pair(self.folder / f"issued/{name}.pem", self.folder / f"issued/{name}.key")

    def revoke(self, name):
        assert ctl("pki", "revoke", str(self.folder), name).returncode == 0


class Example(Gateway):
    """Runs conf/NAME. `upstreams`: the address of an origin for the port that the file names. `change` may edit the text further."""

    def __init__(self, name, *, upstreams=None, environment=None, change=lambda text: text):
        super().__init__("", environment=environment)
        self.ports = {}
        self.socket = self.folder / "run/gatewayd.sock"
        self.environment["GATEWAY_SOCKET"] = str(self.socket)  # of a file that names none
        (self.folder / "run").mkdir()
        self.upstreams = dict(upstreams or {})
        self.write(ADDRESS.sub(self._address, change((ROOT / "conf" / name).read_text())))

    def _address(self, match):
        port = int(match[1] or match[2])
        if port in self.upstreams:
            return self.upstreams[port]
        self.ports.setdefault(port, free_port())
        return f"127.0.0.1:{self.ports[port]}"

    def is_ready(self):
        assert self.process.poll() is None, f"gatewayd ended with {self.process.returncode}:\n{self.stderr()}"
        return self.socket.exists() and self.ctl("health").returncode == 0

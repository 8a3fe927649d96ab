"""A Debian that is booted by its own systemd, in a folder, with a network of its own: systemd-nspawn."""
import os
import re
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

from debian_root import root_tarball

from harness.waiting import eventually

PACKAGES = ("systemd", "systemd-sysv", "logrotate")
BOOT_PATIENCE = 60
ENVIRONMENT = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive",
               "HOME": "/root", "TERM": "dumb"}


class Machine:
    """machine.run("systemctl", ...) runs in it as root; machine.network(...) runs a program of the host in its network."""

    def __init__(self, release="bookworm"):
        self.folder = Path(tempfile.mkdtemp(prefix="gw-machine-"))
        self.root = self.folder / "root"
        self.root.mkdir()
        self.console = self.folder / "console"
        self.process = None
        self.init = None
        subprocess.run(["tar", "-xf", root_tarball(release, PACKAGES), "-C", self.root], check=True)

    # --- life -----------------------------------------------------------------------------------------------------------------

    def fetch_for(self, package):
        """Copies the package in and lets apt fetch what it depends on, so that it can be installed without a network."""
        shutil.copy(package, self.root / "srv")
        shutil.copy("/etc/resolv.conf", self.root / "etc/resolv.conf")
        for command in (["update"], ["install", "-y", "--no-install-recommends", "--download-only", f"/srv/{package.name}"]):
            done = subprocess.run(["chroot", self.root, "apt-get", "-q", "-o", "Acquire::Retries=3", *command], env=ENVIRONMENT,
                                  capture_output=True, text=True)
            assert done.returncode == 0, done.stdout + done.stderr

    def boot(self):
        with open(self.console, "wb") as console:
            self.process = subprocess.Popen(["systemd-nspawn", "--register=no", "--keep-unit", "--private-network", "--link-journal=no",
                                             f"--machine=gateway-{self.folder.name.encode().hex()[-12:]}", "-D", self.root, "--boot"],
                                            stdin=subprocess.DEVNULL, stdout=console, stderr=subprocess.STDOUT)
        self.init = eventually(self.find_init, "the machine's init runs", BOOT_PATIENCE)
        eventually(lambda: self.run("systemctl", "is-system-running", check=False).stdout.strip() in ("running", "degraded"),
                   "the machine has booted", BOOT_PATIENCE)
        return self

    def find_init(self):
        assert self.process.poll() is None, f"systemd-nspawn ended:\n{self.console.read_text(errors='replace')}"
        for child in Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split():
            # systemd-nspawn has helpers too; the init is the process that is number 1 in its own namespace.
            status = Path(f"/proc/{child}/status")
            if status.exists() and re.search(r"(?m)^NSpid:\s\d+\s1$", status.read_text()):
                return int(child)
        return None

    def end(self):
        if self.init:
            # The kernel ends all processes of a namespace with its first.
            os.kill(self.init, signal.SIGKILL)
        if self.process:
            self.process.wait(30)
        shutil.rmtree(self.folder, ignore_errors=True)

    # --- what runs in it ------------------------------------------------------------------------------------------------------

    def run(self, *command, check=True, timeout=120, **options):
        done = subprocess.run(["nsenter", "-t", str(self.init), "-a", *command], env=ENVIRONMENT, capture_output=True, text=True,
                              timeout=timeout, stdin=subprocess.DEVNULL, **options)
        if check:
            assert done.returncode == 0, f"{' '.join(command)}: {done.returncode}\n{done.stdout}{done.stderr}\n{self.journal()[-4000:]}"
        return done

    def sh(self, script, **options):
        return self.run("sh", "-ec", script, **options)

    def network(self, *command):
        """A command line that runs a program of the host in the machine's network."""
        return ["nsenter", "-t", str(self.init), "-n", *map(str, command)]

    def curl(self, url, *options):
        return subprocess.run(self.network("curl", "-sS", "--max-time", "10", *options, url), capture_output=True, text=True)

    def apt_install(self, package, *options):
        return self.run("apt-get", "-q", "install", "-y", "--no-install-recommends", *options, f"/srv/{package.name}")

    def journal(self, unit="gatewayd"):
        return self.run("journalctl", "-q", "--no-pager", "-o", "cat", "-u", unit, check=False).stdout

    # --- files and units ------------------------------------------------------------------------------------------------------

    def write(self, path, text):
        target = self.root / path.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)

    def read(self, path):
        return (self.root / path.lstrip("/")).read_text()

    def unit(self, name="gatewayd.service"):
        """All properties of a unit."""
        shown = self.run("systemctl", "show", name).stdout
        return dict(line.split("=", 1) for line in shown.splitlines() if "=" in line)

    def drop_in(self, text, unit="gatewayd.service"):
        self.write(f"/etc/systemd/system/{unit}.d/test.conf", text)
        self.run("systemctl", "daemon-reload")

    def without_drop_ins(self):
        for unit in ("gatewayd.service", "gatewayd.socket"):
            shutil.rmtree(self.root / f"etc/systemd/system/{unit}.d", ignore_errors=True)
        self.run("systemctl", "daemon-reload")

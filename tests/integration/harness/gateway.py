"""The real gatewayd, in a folder of its own, with everything a test wants to know about it."""
import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import urllib.error
import urllib.request
from pathlib import Path

from .config import dump
from .service_manager import activation
from .waiting import PATIENCE, eventually, free_port

ROOT = Path(__file__).resolve().parents[3]
GATEWAYD = os.environ.get("GATEWAYD_BIN", str(ROOT / "build/bin/gatewayd"))
GATEWAYCTL = os.environ.get("GATEWAYCTL_BIN", str(ROOT / "build/bin/gatewayctl"))
SANITIZER = re.compile(r"(AddressSanitizer|LeakSanitizer|ThreadSanitizer|runtime error:|Assertion|invariant)")
SAMPLE = re.compile(r'^([a-z_:][a-z0-9_:]*)(?:\{(.*)\})? (\S+)$')
LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


class Gateway:
    """`doc` is a config document; where it names no listeners there is one https listener on a free port."""

    def __init__(self, doc, *, environment=None, descriptors=None, wrap=(), inherit=()):
        # A short path: a Unix socket's name may have 107 bytes.
        self.folder = Path(tempfile.mkdtemp(prefix="gw-"))
        self.config = self.folder / "gateway.yaml"
        self.socket = self.folder / "ctl.sock"
        self.log = self.folder / "access.log"
        self.port = free_port()
        self.admin_port = free_port()
        self.environment = {**os.environ, "STATE_DIRECTORY": str(self.folder / "state"), **(environment or {})}
        self.process = None
        self.wrap = ["prlimit", f"--nofile={descriptors}:{descriptors}"] if descriptors else list(wrap)
        self.inherit = list(inherit)  # sockets, as systemd hands them over
        self.doc = doc
        self.write(doc)

    # --- config ---------------------------------------------------------------------------------------------------------------

    def complete(self, doc):
        doc = dict(doc)
        doc.setdefault("listeners", [{"bind": f"127.0.0.1:{self.port}"}])
        doc.setdefault("access_log", {"path": str(self.log), "format": "json"})
        doc.setdefault("admin", {"socket": str(self.socket), "metrics": f"127.0.0.1:{self.admin_port}"})
        return doc

    def write(self, doc):
        """A document, or the text of a config (a broken one, say)."""
        temporary = self.folder / "gateway.yaml.new"
        temporary.write_text(doc if isinstance(doc, str) else dump(self.complete(doc)))
        temporary.rename(self.config)

    # --- life -----------------------------------------------------------------------------------------------------------------

    def start(self):
        self.spawn()
        eventually(self.is_ready, "gatewayd is ready")
        return self

    def spawn(self):
        with open(self.folder / "stderr", "ab") as err, open(self.folder / "stdout", "ab") as out:
            activate = activation(self.inherit) if self.inherit else []
            self.process = subprocess.Popen([*self.wrap, *activate, GATEWAYD, "--config", str(self.config)], stdout=out, stderr=err,
                                            stdin=subprocess.DEVNULL, env=self.environment, cwd="/",
                                            pass_fds=[each.fileno() for each in self.inherit])
        return self

    def is_ready(self):
        assert self.process.poll() is None, f"gatewayd ended with {self.process.returncode}:\n{self.stderr()}"
        try:
            return self.admin("/readyz")[0] == 200
        except OSError:
            return False

    def signal(self, number):
        self.process.send_signal(number)

    def wait(self, timeout=PATIENCE):
        return self.process.wait(timeout)

    def running(self):
        return self.process is not None and self.process.poll() is None

    def stop(self):
        """Ends it as a test's end does: nothing may crash, leak or hang on the way out."""
        if self.running():
            self.signal(signal.SIGTERM)
            try:
                self.wait(3)
            except subprocess.TimeoutExpired:
                self.signal(signal.SIGTERM)
                try:
                    self.wait()
                except subprocess.TimeoutExpired:
                    self.process.kill()
                    self.process.wait()
                    raise AssertionError("gatewayd did not end after two SIGTERMs") from None
        errors = self.stderr()
        status = self.process.returncode if self.process else 0
        shutil.rmtree(self.folder, ignore_errors=True)
        assert not SANITIZER.search(errors), errors
        assert status in (0, 78, -signal.SIGKILL), f"exit status {status}\n{errors}"

    # --- what it says ---------------------------------------------------------------------------------------------------------

    def stderr(self):
        path = self.folder / "stderr"
        return path.read_text(errors="replace") if path.exists() else ""

    def stdout(self):
        return (self.folder / "stdout").read_text(errors="replace")

    def log_lines(self):
        if not self.log.exists():
            return []
        return [json.loads(line) for line in self.log.read_text().splitlines() if line.startswith("{") and line.endswith("}")]

    def logged(self, **fields):
        """The first log line with these values, waited for."""
        def find():
            for line in self.log_lines():
                if all(line.get(key) == value for key, value in fields.items()):
                    return line
            return None

        try:
            return eventually(find, f"a log line with {fields}")
        except AssertionError as error:
            tail = "\n".join(self.log.read_text().splitlines()[-5:]) if self.log.exists() else "(no log)"
            raise AssertionError(f"{error}\n{tail}") from None

    def admin(self, path):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.admin_port}{path}", timeout=PATIENCE) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def samples(self):
        found = []
        for line in self.admin("/metrics")[1].splitlines():
            match = SAMPLE.match(line)
            if match:
                labels = {key: value for key, value in LABEL.findall(match[2] or "")}
                found.append((match[1], labels, float(match[3])))
        return found

    def metric(self, name, **labels):
        """The sum of the series with these labels."""
        return sum(value for series, has, value in self.samples()
                   if series == name and all(has.get(k) == v for k, v in labels.items()))

    def counted(self, at_least, name, **labels):
        """Waits until the metric has come that far: a worker counts after it has answered."""
        try:
            return eventually(lambda: self.metric(name, **labels) >= at_least, f"{name}{labels} >= {at_least}")
        except AssertionError as error:
            series = [str(sample) for sample in self.samples() if sample[0] == name]
            raise AssertionError(f"{error}\n" + "\n".join(series[:20])) from None

    def rss_bytes(self):
        for line in Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
        raise AssertionError("no VmRSS")

    # --- gatewayctl -----------------------------------------------------------------------------------------------------------

    def ctl(self, *arguments, timeout=PATIENCE):
        return ctl("--socket", str(self.socket), *arguments, timeout=timeout)

    def reload(self, doc=None):
        """Writes the document, reloads, and insists that it worked."""
        if doc is not None:
            self.write(doc)
        result = self.ctl("reload")
        assert result.returncode == 0, result.stdout + result.stderr
        return result

    def check(self):
        return ctl("check", str(self.config))


def ctl(*arguments, timeout=PATIENCE, **options):
    return subprocess.run([GATEWAYCTL, *arguments], capture_output=True, text=True, timeout=timeout, stdin=subprocess.DEVNULL, **options)


def gatewayd(*arguments, timeout=PATIENCE, **options):
    return subprocess.run([GATEWAYD, *arguments], capture_output=True, text=True, timeout=timeout, stdin=subprocess.DEVNULL, **options)

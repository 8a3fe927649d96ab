"""gatewayd under bench/scale.py: its processes, threads, memory and counts of instructions."""
import json
import mmap
import os
import re
import socket
import struct
import subprocess
import time
from pathlib import Path

PATIENCE = 1800  # seconds, for a start under valgrind


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def http(family, address, method, path):
    """One exchange, without a library that would pool: status and body."""
    with socket.socket(family) as connection:
        connection.settimeout(PATIENCE)
        connection.connect(address)
        connection.sendall(f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 0\r\n\r\n".encode())
        data = b""
        while more := connection.recv(1 << 20):
            data += more
    head, _, body = data.partition(b"\r\n\r\n")
    return int(head.split()[1]), body


class TurnClock:
    """The longest turn of an event loop in processor time, as bench/turns/turn_clock.cc counts it in the daemon."""
    HEAD, LOOP, LOOPS = struct.Struct("Q"), struct.Struct("16sQQ"), 64

    def __init__(self, library, folder):
        path = Path(folder) / "turns"
        path.write_bytes(bytes(self.HEAD.size + self.LOOPS * self.LOOP.size))
        self.environment = {"LD_PRELOAD": str(Path(library).resolve()), "TURN_CLOCK": str(path)}
        with open(path, "r+b") as file:
            self.mapped = mmap.mmap(file.fileno(), 0)

    def longest(self, name="worker-0"):
        """Milliseconds, since it was asked last."""
        longest = 0
        for i in range(self.LOOPS):
            at = self.HEAD.size + i * self.LOOP.size
            loop, _, took = self.LOOP.unpack_from(self.mapped, at)
            if loop.rstrip(b"\0").decode() == name:
                longest = max(longest, took)
                struct.pack_into("Q", self.mapped, at + 24, 0)
        return longest / 1e6


class Daemon:
    def __init__(self, binary, config, ports, wrap=(), environment=None):
        self.folder, self.ports = Path(config).parent, ports
        begun = time.monotonic()
        self.log = open(self.folder / "gatewayd.log", "wb")
        environment = {**os.environ, "STATE_DIRECTORY": str(self.folder / "state"), **(environment or {})}
        self.process = subprocess.Popen([*wrap, binary, "--config", str(config)], stdout=self.log, stderr=self.log, env=environment)
        while not self._is_ready():
            if self.process.poll() is not None or time.monotonic() - begun > PATIENCE:
                raise RuntimeError(f"gatewayd did not start:\n{(self.folder / 'gatewayd.log').read_text()[-3000:]}")
            time.sleep(0.02)
        self.start_seconds = time.monotonic() - begun
        self.start_cpu = self.cpu()

    def _is_ready(self):
        try:
            return http(socket.AF_INET, ("127.0.0.1", self.ports["metrics"]), "GET", "/readyz")[0] == 200
        except OSError:
            return False

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        try:
            self.process.wait(120)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.log.close()

    def threads(self):
        """By name: its id. The control thread is called as the program is."""
        found = {}
        for task in Path(f"/proc/{self.process.pid}/task").iterdir():
            found[(task / "comm").read_text().strip()] = int(task.name)
        return found

    @property
    def worker(self):
        return self.threads()["worker-0"]

    def cpu(self, thread=None):
        """Seconds; of one thread or of all."""
        tasks = [thread] if thread else [int(task.name) for task in Path(f"/proc/{self.process.pid}/task").iterdir()]
        return sum(int(Path(f"/proc/{self.process.pid}/task/{each}/schedstat").read_text().split()[0]) for each in tasks) / 1e9

    def control_cpu(self):
        return self.cpu(self.process.pid)

    def settle(self):
        """Until the control thread has had nothing to do for a while."""
        before = self.control_cpu()
        while True:
            time.sleep(0.4)
            now = self.control_cpu()
            if now - before < 0.004:
                return
            before = now

    def memory(self):
        """KiB."""
        rollup = Path(f"/proc/{self.process.pid}/smaps_rollup").read_text()
        return {name.lower(): int(re.search(rf"^{name}:\s+(\d+)", rollup, re.M)[1]) for name in ("Rss", "Pss")}

    def reload(self):
        status, body = http(socket.AF_UNIX, str(self.folder / "ctl.sock"), "POST", "/reload")
        if status != 200:
            raise RuntimeError(f"reload: {status} {body[:2000]!r}")
        return json.loads(body)

    def announce_drain(self):
        http(socket.AF_UNIX, str(self.folder / "ctl.sock"), "POST", "/drain")

    def reload_and_settle(self):
        self.reload()
        self.settle()

    def scrape(self):
        status, body = http(socket.AF_INET, ("127.0.0.1", self.ports["metrics"]), "GET", "/metrics")
        if status != 200:
            raise RuntimeError(f"scrape: {status}")
        return body


class Counter:
    """Instructions of the worker's thread in gatewayd under callgrind."""

    def __init__(self, folder):
        self.output = Path(folder) / "callgrind.out"
        self.wrap = ["valgrind", "--tool=callgrind", "--instr-atstart=no", "--separate-threads=yes", "--fair-sched=try",
                     f"--callgrind-out-file={self.output}", "-q"]
        self.dumps = 0

    @staticmethod
    def _control(daemon, *arguments):
        done = subprocess.run(["callgrind_control", *arguments, str(daemon.process.pid)], capture_output=True, text=True, timeout=PATIENCE)
        if done.returncode != 0 or "Error" in done.stderr:
            raise RuntimeError(f"callgrind_control {arguments}: {done.stdout}{done.stderr}")

    def instrument(self, daemon, on):
        self._control(daemon, "-i", "on" if on else "off")

    def take(self, daemon):
        """Those since the last take, of the worker's thread: in all, and by verdicts on open connections, which come by the clock."""
        self._control(daemon, "-d")
        self.dumps += 1
        found = [(0, 0)]
        for path in self.output.parent.glob(f"{self.output.name}.{self.dumps}-*"):
            text = path.read_text()
            thread = int(re.search(r"^thread: (\d+)", text, re.M)[1])
            total = re.search(r"^(?:totals|summary): (\d+)", text, re.M)
            # Of a thread that slept all the time it may be nonsense near 2^64.
            if thread != 1 and total and int(total[1]) < 1 << 60:
                found.append((int(total[1]), self._inclusive(path, "::judge_slice()")))
        return max(found)

    @staticmethod
    def _inclusive(path, function):
        listed = subprocess.run(["callgrind_annotate", "--inclusive=yes", "--threshold=100", str(path)], capture_output=True, text=True)
        costs = [int(line.split()[0].replace(",", "")) for line in listed.stdout.splitlines()
                 if function in line.partition("[")[0].rstrip() and line.lstrip()[:1].isdigit() and "=>" not in line]
        return max(costs, default=0)

    def per_operation(self, daemon, operate, count):
        """What `operate(count)` costs for each: twice as many less once as many, so that what happens beside it falls out."""
        operate(count)
        self.instrument(daemon, True)
        operate(count)
        once = self.take(daemon)
        operate(2 * count)
        twice = self.take(daemon)
        self.instrument(daemon, False)
        return ((twice[0] - twice[1]) - (once[0] - once[1])) / count

    def of(self, daemon, operate):
        """What one call of `operate` costs the worker, and of that the verdicts."""
        self.instrument(daemon, True)
        self.take(daemon)
        operate()
        cost = self.take(daemon)
        self.instrument(daemon, False)
        return cost

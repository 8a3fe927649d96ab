"""`./dev bench instructions`: how many instructions an operation costs gatewayd, counted by callgrind. The count hardly differs from run to
run, whatever else the machine does, so it tells a loss of a few percent. Each operation is counted as the difference of two runs, few and
many, so start and stop cancel out. Exit status 1: an operation costs more than bench/instructions.json allows."""
import argparse
import json
import platform
import re
import signal
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import gateways
import load
import page
import pki

ROOT = Path(__file__).resolve().parent.parent
BASELINES = ROOT / "bench/instructions.json"
RUN_SECONDS = 300
STOP_SECONDS = 60


@dataclass(frozen=True)
class Operation:
    options: dict  # of bench_load
    few: int  # enough for all that is done once, or once a client
    many: int
    gateway: str = "ours"


OPERATIONS = {
    "keep-alive request": Operation({"mode": "keepalive"}, 20, 1020),
    "full handshake": Operation({"mode": "full"}, 16, 56),
    "new client's full handshake": Operation({"mode": "full", "mint": 64}, 16, 56),
    "resumed handshake": Operation({"mode": "resume"}, 16, 66),
    "full handshake, sealed tickets": Operation({"mode": "full"}, 16, 56, "ours_tickets"),
    "resumed handshake, sealed tickets": Operation({"mode": "resume"}, 16, 66, "ours_tickets"),
    "1 MiB download": Operation({"mode": "keepalive", "path": "/bytes/1048576", "expect": 1048576}, 4, 44),
}


def system(gatewayd):
    """What a count depends on besides our sources. OpenSSL and libc choose their code by what the CPU has, as far as valgrind has it too."""
    told = subprocess.run([gatewayd, "--version"], capture_output=True, text=True, check=True, timeout=20).stdout
    compiler = re.search(r", ([^,]*, \w+)\)$", told, re.M)[1]
    openssl = re.search(r"^(OpenSSL \S+)", told, re.M)[1]
    valgrind = subprocess.run(["valgrind", "--version"], capture_output=True, text=True, check=True, timeout=20).stdout.strip()
    avx2 = "AVX2" if re.search(r"^flags\s*:.*\bavx2\b", Path("/proc/cpuinfo").read_text(), re.M) else "no AVX2"
    return ", ".join([platform.machine(), avx2, compiler, openssl, " ".join(platform.libc_ver()), valgrind])


class Counter:
    """Runs gatewayd under callgrind, with an origin and certificates of its own."""

    def __init__(self, programs, folder):
        self.programs, self.folder = programs, Path(folder)
        (self.folder / "pki").mkdir()
        self.pki = pki.make(self.folder / "pki")
        self.origin = subprocess.Popen([str(programs / "bench_origin")], stdout=subprocess.PIPE, text=True)
        self.origin_port = int(self.origin.stdout.readline())

    def close(self):
        gateways.stop(self.origin)

    def of(self, name):
        """Instructions of one operation."""
        operation = OPERATIONS[name]
        few, many = (self.run(operation, count, f"{name} {count}".replace(" ", "-")) for count in (operation.few, operation.many))
        return round((many - few) / (operation.many - operation.few))

    def run(self, operation, count, name):
        folder = self.folder / name
        folder.mkdir()
        output = folder / "callgrind.out"
        gateway = gateways.Gateway(operation.gateway, {operation.gateway: str(self.programs / "gatewayd")}, folder, self.pki, key="ec", features=(),
                                   origin=self.origin_port, workers=1, cpus=None, connections=200,
                                   wrap=["valgrind", "--tool=callgrind", f"--callgrind-out-file={output}"])
        try:
            command = load.command(self.programs, gateway.port, self.pki, operations=count, **operation.options)
            done = subprocess.run(command, capture_output=True, text=True, timeout=RUN_SECONDS)
            if done.returncode != 0:
                sys.exit(f"{name}: {done.stdout}{done.stderr}")
        finally:
            gateways.stop(gateway.process, STOP_SECONDS)
        return int(re.search(r"^(?:totals|summary): (\d+)", output.read_text(), re.M)[1])


def count_all(programs):
    with tempfile.TemporaryDirectory(prefix="gw-count-") as folder:
        counter = Counter(programs, folder)
        try:
            with ThreadPoolExecutor(2) as pool:
                return dict(zip(OPERATIONS, pool.map(counter.of, OPERATIONS)))
        finally:
            counter.close()


def verdict(name, baseline, now, tolerance):
    """(whether it passes, what to say)."""
    change = round(now / baseline - 1, 4)
    told = f"{name}: {now:,} instructions, baseline {baseline:,}: {change:+.1%}"
    if change > tolerance:
        return False, f"{told}, more than {tolerance:.0%} dearer. If it must be so: ./dev bench instructions --update"
    if change < -tolerance:
        return True, f"{told}. Keep it: ./dev bench instructions --update"
    return True, told


def table(here, counts):
    """For docs/performance.md."""
    rows = [f"| {name} | {count:,} |" for name, count in counts.items()]
    return "\n".join([f"| one worker; {here} | instructions |", "| --- | --- |", *rows]) + "\n"


def arguments(command_line=None):
    parser = argparse.ArgumentParser(prog="./dev bench instructions", description=__doc__)
    parser.add_argument("--update", action="store_true", help="what is counted now is the baseline of this system, and stands in docs/performance.md")
    parser.add_argument("--if-known", action="store_true", help="count nothing on a system that has no baseline")
    parser.add_argument("--programs", type=Path, default=ROOT / "build-bench/bin", help="folder of gatewayd, bench_load and bench_origin")
    return parser.parse_args(command_line)


def main():
    settings = arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    here = system(str(settings.programs / "gatewayd"))
    known = json.loads(BASELINES.read_text())
    baseline = known["baselines"].get(here, {})
    if not baseline and not settings.update:
        print(f"no baseline here: {here}")
        if settings.if_known:
            return 0
    counts = count_all(settings.programs)
    passes = True
    for name, count in counts.items():
        if name not in baseline:
            print(f"{name}: {count:,} instructions, no baseline yet")
            continue
        passed, told = verdict(name, baseline[name], count, known["tolerance"][name])
        passes = passes and passed
        print(told)
    if settings.update:
        known["baselines"][here] = counts
        BASELINES.write_text(json.dumps(known, indent=2) + "\n")
        page.replace("instructions", table(here, counts))
        print(f"baseline written: {here}")
        return 0
    return 0 if passes else 1


if __name__ == "__main__":
    sys.exit(main())

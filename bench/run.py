"""`./dev bench`: CPU time of an operation, ours and the peers' side by side."""
import argparse
import json
import os
import platform
import re
import resource
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import gateways
import page
import pki
import report
from measure import Bench
from scenarios import PLAIN, SCENARIOS

ROOT = Path(__file__).resolve().parent.parent


def arguments(command_line=None):
    parser = argparse.ArgumentParser(prog="./dev bench", description=__doc__)
    parser.add_argument("--scenarios", metavar="NAME,NAME", default=",".join(SCENARIOS), help="all: " + " ".join(SCENARIOS))
    parser.add_argument("--gateways", metavar="NAME,NAME", help="ours, ours_tickets, nginx, nginx_notickets, haproxy (all that are there)")
    parser.add_argument("--before", metavar="GATEWAYD", help="another gatewayd, measured as `before`")
    parser.add_argument("--rounds", type=int, default=3, help="each gateway is measured once a round (3)")
    parser.add_argument("--duration", type=float, default=1.0, help="seconds of a measurement (1)")
    parser.add_argument("--warmup", type=float, default=0.3, help="seconds before it (0.3)")
    parser.add_argument("--workers", type=int, default=1, help="of each gateway (1)")
    parser.add_argument("--rate", type=float, default=35000, help="requests/s of the scenario `rate` (35000)")
    parser.add_argument("--idle", type=int, default=2000, help="connections of the scenario `idle` (2000)")
    parser.add_argument("--json", metavar="FILE", help="where the figures of each round go")
    parser.add_argument("--write-docs", action="store_true", help="put the table into docs/performance.md")
    parser.add_argument("--programs", type=Path, default=ROOT / "build-bench/bin", help="folder of gatewayd, bench_load and bench_origin")
    parser.add_argument("--origin-status", type=int, default=200, help="what the origin answers; with another than 200 all is void")
    settings = parser.parse_args(command_line)
    settings.scenarios = settings.scenarios.split(",")
    if unknown := set(settings.scenarios) - set(SCENARIOS):
        parser.error(f"no such scenario: {', '.join(sorted(unknown))}")
    settings.gateways = settings.gateways.split(",") if settings.gateways else list(gateways.KINDS)
    if unknown := set(settings.gateways) - set(gateways.KINDS):
        parser.error(f"no such gateway: {', '.join(sorted(unknown))}")
    return settings


def cpu_name():
    found = re.search(r"^model name\s*: (.*)$", Path("/proc/cpuinfo").read_text(), re.M)
    return found[1] if found else platform.machine()


def about(settings, columns, binaries):
    """What the figures depend on."""
    load = os.getloadavg()[0]
    openssl = subprocess.run(["openssl", "version"], capture_output=True, text=True, timeout=20).stdout.split("(")[0].strip()
    release = re.search(r'PRETTY_NAME="(.*)"', Path("/etc/os-release").read_text())
    told = {"machine": f"{cpu_name()}, {len(os.sched_getaffinity(0))} CPUs, {platform.system()} {platform.release()}, {release[1]}, {openssl}"}
    for name in columns:
        if not name.endswith("tickets"):
            told[name] = gateways.version(name, binaries)
    told["how"] = f"{settings.workers} worker{'s' * (settings.workers > 1)}, {settings.rounds} rounds of {settings.duration:g} s, `rate` " \
                  f"at {settings.rate:,.0f}/s; the load average was {load:.1f} before"
    return told


def columns_of(scenario, columns):
    """The gateways whose figures say something in this scenario."""
    return [name for name in columns if name in PLAIN or name == "before" or name in scenario.columns]


def measure_scenario(bench, name, scenario, columns):
    """{gateway: [result of each round]}; in each round another one is first."""
    running, results = {}, {}
    try:
        for column in columns:
            try:
                running[column] = bench.start(column, scenario)
                results[column] = []
            except RuntimeError as error:
                results[column] = [{"void": str(error)}]
                print(f"{name} {column}: {error}", file=sys.stderr, flush=True)
        columns = list(running)
        rounds = 1 if scenario.idle else bench.settings.rounds
        for turn in range(rounds):
            for column in columns[turn % len(columns):] + columns[:turn % len(columns)] if columns else []:
                result = bench.measure(running[column], name, scenario)
                results[column].append(result)
                told = result.get("void") and f"void: {result['void']}" or f"{result['value']:.2f} {'KiB' if scenario.idle else 'µs'}"
                print(f"{name} {column} {turn + 1}/{rounds}: {told}", file=sys.stderr, flush=True)
    finally:
        for gateway in running.values():
            gateway.stop()
    return results


def main():
    settings = arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    ours = str(settings.programs / "gatewayd")
    binaries = {"ours": ours, "ours_tickets": ours, "before": settings.before}
    columns = [name for name in gateways.KINDS if (settings.before if name == "before" else name in settings.gateways)]
    for name in [name for name in columns if not gateways.program(name, binaries)]:
        print(f"{name} is not installed and is left out", file=sys.stderr)
        columns.remove(name)
    run = {"about": about(settings, columns, binaries), "columns": columns, "idle": settings.idle, "results": {}}
    with tempfile.TemporaryDirectory(prefix="gw-bench-") as folder:
        folder = Path(folder)
        (folder / "pki").mkdir()
        bench = Bench(settings, binaries, folder, pki.make(folder / "pki"))
        try:
            for name in settings.scenarios:
                scenario = SCENARIOS[name]
                run["results"][name] = measure_scenario(bench, name, scenario, columns_of(scenario, columns))
        finally:
            bench.close()
    table = report.markdown(run)
    print(table)
    if settings.json:
        Path(settings.json).write_text(json.dumps(run, indent=1))
    if settings.write_docs:
        page.replace("the last table", table)
    return 1 if report.voids(run["results"]) else 0


if __name__ == "__main__":
    sys.exit(main())

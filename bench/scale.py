#!/usr/bin/env python3
"""Does an operation cost more when the config or the number of clients grows? Makes a PKI and a config for each case, and measures:
instructions of a handshake and of a keep-alive request (callgrind), start, memory, reload, scrape, and the longest wait of a client
during both. With --turn-clock build/lib/libbench_turn_clock.so also the longest turn of the worker's loop, in processor time: what a
client may have to wait for, whatever else the machine does but for a host that takes the processor from a virtual one (`steal` in
/proc/stat): that is in both, and in the rounds in which nothing happens, too.

  bench/scale.py --gatewayd build/bin/gatewayd [--cases small,hosts_10000,...] [--no-counts] [--turn-clock FILE] [--json FILE]
                 [--work FOLDER]

`small` comes first in any case: the others are compared with it. Waits are wall-clock time; run as root, so that the prober may run before
everybody else's work. The worker may not: with a priority above the control thread's it spins in libuv for what that one, on the same core,
was about to write. Needs valgrind, and a limit of 21,000 descriptors for 10,000 idle connections: with a lower one there are fewer.
"""
import argparse
import json
import multiprocessing
import resource
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from scale_client import Client, Origin, probe, request  # noqa: E402
from scale_configs import CASES, Pki, write_config  # noqa: E402
from scale_daemon import Counter, Daemon, TurnClock, free_port  # noqa: E402

HANDSHAKES = 25
REQUESTS = 200
ROUNDS = 5  # of reloads, scrapes, and of nothing
QUIET = 2  # seconds, about as long as a reload


class Prober:
    def __init__(self, pki, daemon):
        self.stop = multiprocessing.Event()
        self.pipe, theirs = multiprocessing.Pipe()
        self.process = multiprocessing.Process(target=probe, args=(pki, daemon.ports["tls"], self.stop, theirs), daemon=True)
        self.process.start()
        assert self.pipe.recv() == "ready"

    def longest(self):
        """Milliseconds, since it was asked last."""
        self.pipe.send("mark")
        return self.pipe.recv() * 1e3

    def end(self):
        self.stop.set()
        self.process.join()


def change_hosts(pki, case, number):
    """New certificates for `number` hosts, spread over all; without hosts to change a reload finds nothing new."""
    hosts = case.get("hosts", 1)
    if hosts < number:
        return
    for i in range(number):
        pki.host_certificate(1 + i * (hosts - 1) // number, again=True)


def measure_reloads(pki, daemon, case, turn):
    """A rotation is found by the daemon itself; a reload is asked for."""
    rotates = case.get("watch") == "files"
    seconds, control, worker, waits, turns = [], [], [], [], []
    prober = Prober(pki, daemon)
    quiet, quiet_turn = [], []
    for _ in range(ROUNDS + 1):
        time.sleep(QUIET)
        quiet.append(prober.longest())
        quiet_turn.append(turn())
    # In the first the prober began.
    del quiet[0], quiet_turn[0]
    for _ in range(ROUNDS):
        prober.longest()
        turn()
        before = daemon.control_cpu(), daemon.cpu(daemon.worker)
        begun = time.monotonic()
        change_hosts(pki, case, 100)
        if rotates:
            time.sleep(1)
        else:
            begun = time.monotonic()
            daemon.reload()
            seconds.append(time.monotonic() - begun)
        daemon.settle()
        control.append(daemon.control_cpu() - before[0])
        worker.append(daemon.cpu(daemon.worker) - before[1])
        waits.append(prober.longest())
        turns.append(turn())
    result = {"quiet_wait_ms": quiet, "quiet_turn_ms": quiet_turn, "reload_seconds": seconds, "reload_control_cpu": control,
              "reload_worker_cpu": worker, "reload_wait_ms": waits, "reload_turn_ms": turns}
    seconds, control, waits, turns, size = [], [], [], [], 0
    for _ in range(ROUNDS):
        prober.longest()
        before = daemon.control_cpu()
        begun = time.monotonic()
        size = len(daemon.scrape())
        seconds.append(time.monotonic() - begun)
        control.append(daemon.control_cpu() - before)
        waits.append(prober.longest())
        turns.append(turn())
    prober.end()
    return {**result, "scrape_seconds": seconds, "scrape_control_cpu": control, "scrape_wait_ms": waits, "scrape_turn_ms": turns,
            "scrape_bytes": size}


def measure_drain(daemon, turn):
    """Of the idle connections: told to go, then made to go."""
    turn()
    daemon.announce_drain()
    time.sleep(3)  # those that stay idle are closed a second later
    announced = turn()
    daemon.process.terminate()
    daemon.process.wait(60)
    return {"announce_turn_ms": announced, "drain_turn_ms": turn()}


def idle_count(case):
    """The gateway takes as many clients as could have an upstream connection each."""
    return min(case.get("idle", 0), resource.getrlimit(resource.RLIMIT_NOFILE)[0] // 2 - 200)


def touch_all(client, case):
    """Every host has counted something: so a scrape has them all to tell of."""
    for i in range(case.get("hosts", 1)):
        with client.connect(f"h{i}.test") as connection:
            request(connection, "/direct", f"h{i}.test")


def measure_natively(args, pki, case, config, ports):
    clock = TurnClock(args.turn_clock, config.parent) if args.turn_clock else None
    turn = clock.longest if clock else lambda: 0
    with Daemon(args.gatewayd, config, ports, environment=clock.environment if clock else None) as daemon:
        result = {"start_seconds": daemon.start_seconds, "start_cpu": daemon.start_cpu, **daemon.memory()}
        client = Client(pki, ports["tls"])
        idle = client.idle(idle_count(case))
        touch_all(client, case)
        if idle:
            result.update({"idle": len(idle), **{f"idle_{name}": kib for name, kib in daemon.memory().items()}})
        result.update(measure_reloads(pki, daemon, case, turn))
        result.update({f"end_{name}": kib for name, kib in daemon.memory().items()})
        result.update(measure_drain(daemon, turn))
        for each in idle:
            each.close()
        return result


def measure_counts(args, pki, case, config, ports):
    counter = Counter(config.parent)
    with Daemon(args.gatewayd, config, ports, counter.wrap) as daemon:
        client = Client(pki, ports["tls"])
        idle = client.idle(idle_count(case))
        handshake = counter.per_operation(daemon, client.handshakes, HANDSHAKES)
        with client.connect() as connection:
            # So that every endpoint has a connection to be kept alive.
            for _ in range(2 * case.get("endpoints", 1)):
                request(connection)

            def requests(count):
                for _ in range(count):
                    request(connection)

            keep_alive = counter.per_operation(daemon, requests, REQUESTS)
        adopt, judged = counter.of(daemon, daemon.reload_and_settle)
        scrape, _ = counter.of(daemon, daemon.scrape)
        for each in idle:
            each.close()
        return {"handshake_instructions": handshake, "request_instructions": keep_alive, "reload_worker_instructions": adopt - judged,
                "reload_judge_instructions": judged, "scrape_worker_instructions": scrape}


def run_case(args, pki, origin, name):
    case = CASES[name]
    folder = Path(args.work) / name
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "state").mkdir(parents=True)
    ports = {"tls": free_port(), "metrics": free_port(), "origin": origin.port}
    options = {key: value for key, value in case.items() if key not in ("idle", "reload_only")}
    config = write_config(folder, pki, ports, **options)
    result = measure_natively(args, pki, case, config, ports)
    if not args.no_counts and not case.get("reload_only"):
        result.update(measure_counts(args, pki, case, config, ports))
    print(f"# {name}: {json.dumps(result)}", file=sys.stderr, flush=True)
    return result


def spread(values, scale=1.0, digits=1):
    if not values:
        return "-"
    ordered = [each * scale for each in values]
    return "-".join(f"{each:.{digits}f}" for each in (min(ordered), statistics.median(ordered), max(ordered)))


def table(results):
    small = results["small"]
    lines = ["| case | handshake, instructions | request, instructions | a reload's instructions on the worker | start s (CPU s) | RSS MiB start / end | reload s | its control CPU s | "
             "longest wait ms: quiet | reload | scrape | scrape control CPU s | longest turn ms: quiet | reload | scrape | drain |",
             "|" + " --- |" * 16]
    for name, one in results.items():
        cells = [name]
        for key in ("handshake_instructions", "request_instructions"):
            cells.append(f"{one[key]:,.0f} ({(one[key] / small[key] - 1) * 100:+.1f} %)" if key in one and key in small else "-")
        cells.append(f"{one['reload_worker_instructions']:,}" if "reload_worker_instructions" in one else "-")
        cells += [f"{one['start_seconds']:.1f} ({one['start_cpu']:.1f})", f"{one['rss'] / 1024:.0f} / {one['end_rss'] / 1024:.0f}",
                  spread(one["reload_seconds"], digits=2), spread(one["reload_control_cpu"], digits=2), spread(one["quiet_wait_ms"]),
                  spread(one["reload_wait_ms"]), spread(one["scrape_wait_ms"]), spread(one["scrape_control_cpu"], digits=2),
                  spread(one["quiet_turn_ms"]), spread(one["reload_turn_ms"]), spread(one["scrape_turn_ms"]),
                  f"{max(one['announce_turn_ms'], one['drain_turn_ms']):.1f}"]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n\nSpreads are min-median-max of " + str(ROUNDS) + "."


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gatewayd", required=True)
    parser.add_argument("--cases", default=",".join(CASES))
    parser.add_argument("--work", default=None, help="where PKI and configs are made, and kept")
    parser.add_argument("--json", default=None)
    parser.add_argument("--turn-clock", default=None, help="a library to preload into the daemon")
    parser.add_argument("--no-counts", action="store_true", help="without callgrind")
    args = parser.parse_args()
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    made = None if args.work else tempfile.TemporaryDirectory(prefix="scale-")
    args.work = args.work or made.name
    names = [name for name in args.cases.split(",") if name != "small"]
    if unknown := [name for name in names if name not in CASES]:
        parser.error(f"unknown cases: {', '.join(unknown)}")
    pki = Pki(Path(args.work) / "pki")
    origin = Origin()
    results = {}
    for name in ["small", *names]:
        results[name] = run_case(args, pki, origin, name)
        if args.json:
            Path(args.json).write_text(json.dumps(results, indent=1))
    print(table(results))


if __name__ == "__main__":
    main()

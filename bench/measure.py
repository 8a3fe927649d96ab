"""One measurement: a gateway that runs, a load upon it, and whether the result may count."""
import os
import subprocess
import time

import load
from gateways import Gateway, pin, stop
from scenarios import NEW_CLIENTS_A_SECOND

RETURNING_CLIENTS = 1000
REQUESTS_BEFORE_IDLE = 200
# What a load may take longer than its window: to make its clients, to fill a cache, to find out that nothing goes on.
GRACE_SECONDS = 150
# After this long a gateway has given back what it needed for the handshakes only.
SETTLE_SECONDS = 1.0


class Bench:
    """The origin, the programs and the settings that all measurements of a run share."""

    def __init__(self, settings, binaries, folder, pki):
        self.settings, self.binaries, self.folder, self.pki = settings, binaries, folder, pki
        self.gateway_cpus, self.load_cpus = cpu_split(settings.workers)
        command = [str(settings.programs / "bench_origin"), str(settings.origin_status)]
        self.origin = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, preexec_fn=pin(self.load_cpus))
        self.origin_port = int(self.origin.stdout.readline())
        self.count = 0

    def close(self):
        stop(self.origin)

    def start(self, name, scenario):
        self.count += 1
        folder = self.folder / f"{self.count}-{name}"
        folder.mkdir()
        return Gateway(name, self.binaries, folder, self.pki, key=scenario.key, features=scenario.features, origin=self.origin_port,
                       workers=self.settings.workers, cpus=self.gateway_cpus)

    def measure(self, gateway, name, scenario):
        """A dict with `value` (CPU µs of an operation, or KiB of a connection), or with `void`, why there is none."""
        try:
            if scenario.idle:
                return self.idle(gateway, scenario)
            return self.window(gateway, name, scenario)
        except (RuntimeError, subprocess.TimeoutExpired, OSError, ValueError) as error:
            return {"void": str(error)}

    # --- CPU ------------------------------------------------------------------------------------------------------------------

    def window(self, gateway, name, scenario):
        settings = self.settings
        options = {"warmup": settings.warmup, "duration": settings.duration}
        if name == "rate":
            options["rate"] = settings.rate
        if scenario.mint == "returning":
            options.update(mint=RETURNING_CLIENTS, warmup_operations=RETURNING_CLIENTS + 64)
        if scenario.mint == "new":
            options["mint"] = int((settings.warmup + settings.duration) * NEW_CLIENTS_A_SECOND) + 100
        result = self.put_load_on(gateway, scenario, **options)
        if fault := fault_of(result, name, scenario, options, gateway):
            return {**result, "void": fault}
        cpu = result["cpu_seconds"]["gateway"]
        return {**result, "value": cpu / result["operations"] * 1e6, "busy": cpu / result["seconds"]}

    def command(self, gateway, scenario, **options):
        words = load.command(self.settings.programs, gateway.port, self.pki, scenario.key, **{**scenario.load, **options})
        return words + ["--cpu-of", "gateway=" + ",".join(map(str, gateway.pids())), "--cpu-of", f"origin={self.origin.pid}"]

    def put_load_on(self, gateway, scenario, **options):
        done = subprocess.run(self.command(gateway, scenario, **options), capture_output=True, text=True, preexec_fn=pin(self.load_cpus),
                              timeout=self.settings.warmup + self.settings.duration + GRACE_SECONDS)
        return load.parsed(done.stdout, done.stderr)

    # --- memory ---------------------------------------------------------------------------------------------------------------

    def idle(self, gateway, scenario):
        count = self.settings.idle
        keepalive = {"mode": "keepalive", "connections": 8, "operations": REQUESTS_BEFORE_IDLE}
        if failures := self.put_load_on(gateway, scenario, **keepalive)["failures"]:
            return {"void": f"before the idle connections: {failures}"}
        time.sleep(SETTLE_SECONDS)
        before = gateway.pss_kib()
        options = {"connections": count, **({"mint": count} if scenario.mint else {})}
        with subprocess.Popen(self.command(gateway, scenario, **options), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True, preexec_fn=pin(self.load_cpus)) as client:
            try:
                ready = client.stdout.readline()  # bench_load bounds its time itself
                time.sleep(SETTLE_SECONDS)
                during = gateway.pss_kib()
                output, errors = client.communicate("\n", timeout=GRACE_SECONDS)
            finally:
                stop(client)
        result = load.parsed(output, errors)
        if ready != "ready\n" or result["failures"] or result["operations"] != count:
            return {**result, "void": f"{result['operations']} of {count} connections answered after the pause: {result['failures']}"}
        return {**result, "value": (during - before) / count}


def cpu_split(workers):
    """(CPUs of the gateway, CPUs of the load and the origin); (None, None) if there are too few to part them."""
    cpus = sorted(os.sched_getaffinity(0))
    if len(cpus) <= workers:
        return None, None
    return set(cpus[:workers]), set(cpus[workers:workers + 2])


def fault_of(result, name, scenario, options, gateway):
    """Why a result may not count, or None."""
    if result["failures"]:
        return ", ".join(f"{count} × {kind}" for kind, count in result["failures"].items())
    if not result["operations"] or not result["cpu_seconds"].get("gateway"):
        return "nothing was done"
    if not gateway.is_alive():
        return "the gateway has ended"
    wanted = {"none": (0, 0), "full": (result["operations"], 0), "resumed": (result["operations"], result["operations"])}
    handshakes, resumed = wanted[scenario.handshakes]
    # Up to one operation a connection is cut by each end of the window.
    cut = 2 * scenario.load.get("connections", 1)
    if abs(result["handshakes"] - handshakes) > (cut if handshakes else 0) or abs(result["resumed"] - resumed) > (cut if resumed else 0):
        return f"{result['handshakes']} handshakes, {result['resumed']} resumed, in {result['operations']} operations"
    if scenario.mint == "new" and result["connections"] > options["mint"]:
        return f"{result['connections']} connections of {options['mint']} clients: some came twice"
    if name == "rate" and result["per_second"] < 0.98 * options["rate"]:
        return f"asked for {options['rate']:,.0f} requests/s, got {result['per_second']:,.0f}"
    return None

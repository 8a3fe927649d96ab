"""What docs/operations.md says of large CRLs: memory by the parsed size, once for all; handshakes that don't feel it; loads that stay short."""
import resource
import subprocess
from pathlib import Path

import large_crl
import pytest

from harness.clients import context, get, tls, tls_error
from harness.config import document, respond, virtual_host
from harness.gateway import GATEWAYCTL, Gateway
from harness.pki import Pki

MANY = 1_000_000
SOME = 100_000
MIB = 1 << 20


@pytest.fixture(scope="module")
def pki(tmp_path_factory):
    return Pki(tmp_path_factory.mktemp("pki"))


@pytest.fixture(scope="module")
def crls(pki, tmp_path_factory):
    """By the number of their entries. Each revokes the client `revoked` as well."""
    folder = tmp_path_factory.mktemp("crls")
    return {count: large_crl.write(pki.root, folder / f"{count}.crl", count, [pki.revoked]) for count in (0, SOME, MANY)}


@pytest.fixture
def started():
    running = []

    def start(doc):
        running.append(Gateway(doc).start())
        return running[-1]

    yield start
    for each in running:
        each.stop()


def config(pki, crl, hosts=1, sets=1):
    """`hosts` strict virtual hosts, which share `sets` trust sets; each set names the CRL."""
    one = {"ca": [str(pki.root.pem)], "crl": [str(crl)]} if crl else {"ca": [str(pki.root.pem)]}
    doc = document(pki, *[virtual_host(pki, "strict" if i == 0 else f"h{i}", "strict", trust=f"set{i % sets}", routes=[respond()])
                          for i in range(hosts)], trust={f"set{i}": one for i in range(sets)})
    return doc


def memory(running, field="VmRSS"):
    for line in Path(f"/proc/{running.process.pid}/status").read_text().splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1]) * 1024
    raise AssertionError(field)


def cpu_seconds(running):
    tasks = Path(f"/proc/{running.process.pid}/task").glob("*/schedstat")
    return sum(int(task.read_text().split()[0]) for task in tasks) / 1e9


def cpu_of_check(path):
    """What a load takes, in a process of its own."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([GATEWAYCTL, "check", str(path)], check=True, capture_output=True, timeout=120)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def handshakes(running, ctx, count=150):
    """The daemon's CPU time for one full handshake of an admitted client."""
    before = cpu_seconds(running)
    for _ in range(count):
        with tls(running.port, "strict.test", ctx=ctx) as connection:
            assert connection.request(host="strict.test", fields=[("Connection", "close")]).status == 200
    return (cpu_seconds(running) - before) / count


def test_a_handshake_does_not_feel_a_million_entries(pki, crls, started):
    ctx = context(pki, cert=pki.client)
    plain, large = started(config(pki, None)), started(config(pki, crls[MANY]))
    assert tls_error(large.port, "strict.test", pki, cert=pki.revoked).endswith("certificate revoked")
    # In turns, and the best of each: what else the machine does hits both.
    rounds = [(handshakes(plain, ctx), handshakes(large, ctx)) for _ in range(6)]
    without, with_crl = (min(each) for each in zip(*rounds))
    print(f"\nCPU a handshake: {without * 1e6:.0f} us without a CRL, {with_crl * 1e6:.0f} us with {MANY} entries: x{with_crl / without:.3f}")
    assert with_crl < 1.15 * without


def test_memory_is_the_parsed_size_once(pki, crls, started):
    def rss(crl, **size):
        running = started(config(pki, crl, **size))
        get(running.port, "strict.test", pki, cert=pki.client)
        return memory(running)

    shapes = {"1 host": {}, "50 hosts": {"hosts": 50}, "50 trust sets": {"hosts": 50, "sets": 50}}
    costs = {name: rss(crls[SOME], **size) - rss(crls[0], **size) for name, size in shapes.items()}
    print(f"\nA CRL file of {crls[SOME].stat().st_size / MIB:.1f} MiB adds", {name: f"{cost / MIB:.1f} MiB" for name, cost in costs.items()})
    assert costs["1 host"] < 1.2 * crls[SOME].stat().st_size
    for name in ("50 hosts", "50 trust sets"):
        assert costs[name] < costs["1 host"] + 2 * MIB, name


def test_reloads_leave_memory_as_it_is(pki, crls, started, tmp_path):
    running = started(config(pki, crls[SOME], hosts=5, sets=5))
    running.reload()
    before = memory(running)
    for _ in range(10):
        running.reload()
    assert memory(running) < before + crls[SOME].stat().st_size / 2


def test_a_million_entries_load_in_bounded_time_and_memory(pki, crls, started, tmp_path):
    for crl in (crls[0], crls[SOME], crls[MANY]):
        path = tmp_path / f"{crl.stem}.yaml"
        running = Gateway(config(pki, crl))
        path.write_text(running.config.read_text())
        running.stop()
        seconds = cpu_of_check(path)
        print(f"\n{crl.stem} entries: check takes {seconds:.2f} s of CPU")
        assert seconds < 1 or crl == crls[MANY]
    running = started(config(pki, crls[MANY]))
    size = crls[MANY].stat().st_size
    steady, peak = memory(running), memory(running, "VmHWM")
    base = memory(started(config(pki, None)))
    print(f"{size / MIB:.0f} MiB of DER: steady {(steady - base) / MIB:.0f} MiB, peak {(peak - base) / MIB:.0f} MiB above a gateway without a CRL")
    assert steady - base < size
    assert peak - base < 2.5 * size
    before = cpu_seconds(running)
    running.reload()
    again = cpu_seconds(running) - before
    print(f"a reload with the same CRL: {again:.2f} s of CPU")
    assert again < seconds
    assert memory(running) < steady + size / 4

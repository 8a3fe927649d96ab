"""gatewayctl: exit codes 0 done, 1 refused, 2 usage, 3 not reachable, 4 timeout; status; the socket's mode; the small PKI."""
import json
import os
import re
import signal
import stat
import subprocess
from types import SimpleNamespace

import pytest

from harness.clients import OPENSSL, get, tls_error
from harness.config import document, respond, virtual_host
from harness.gateway import GATEWAYD, ctl, gatewayd


@pytest.fixture
def running(pki, gateway):
    return gateway(document(pki, virtual_host(pki, "open", routes=[respond()]), virtual_host(pki, "strict", "strict", routes=[respond()])))


def test_exit_codes(running, tmp_path):
    assert running.ctl("reload").returncode == 0
    running.write("a: [")
    assert running.ctl("reload").returncode == 1
    assert ctl("no-such-command").returncode == 2
    assert ctl().returncode == 2
    assert ctl("reload", "--no-such-option").returncode == 2
    assert ctl("--socket", str(tmp_path / "none.sock"), "reload").returncode == 3


@pytest.mark.parametrize("command, named", [(["relod"], "relod"), (["pki", "renew", "ca"], "renew")])
def test_a_misspelt_command_is_named(command, named):
    result = ctl(*command)
    assert result.returncode == 2 and f"'{named}'" in result.stderr


def test_a_daemon_that_does_not_answer_is_a_timeout(running):
    running.signal(signal.SIGSTOP)
    try:
        assert running.ctl("status", "--timeout", "300ms").returncode == 4
    finally:
        running.signal(signal.SIGCONT)


def test_the_socket_is_for_its_owner_only(running):
    assert stat.S_IMODE(os.stat(running.socket).st_mode) == 0o600


def test_a_stale_socket_is_taken_over_and_a_live_one_is_not(running, pki, gateway):
    second = gateway.unstarted({**running.doc, "admin": {"socket": str(running.socket)}})
    second.spawn()
    assert second.wait() != 0, "a second daemon must not steal the socket"
    assert running.ctl("status").returncode == 0
    second.stop = lambda: None
    running.process.kill()
    running.wait()
    assert running.socket.exists()
    running.start()
    assert running.ctl("status").returncode == 0


def test_status_shows_the_generation_hosts_and_upstreams(running):
    text = running.ctl("status")
    assert text.returncode == 0 and re.search(r"generation\D+1", text.stdout)
    assert "strict" in json.dumps(json.loads(running.ctl("--json", "status").stdout))


def test_versions_of_the_programs_and_of_each_library_as_built_and_as_running(running):
    linked = {"OpenSSL": "libcrypto", "yaml-cpp": "libyaml-cpp", "RE2": "libre2", "fmt": "libfmt", "libuv": "libuv",
              "prometheus-cpp": "libprometheus-cpp-core"}
    text, told = gatewayd("--version"), json.loads(gatewayd("--version", "--json").stdout)
    assert text.returncode == 0 and text.stdout.startswith(f"gatewayd {told['version']} (commit {told['commit']}, ")
    for name, file in linked.items():
        loaded = re.search(rf"\b{file}\.so", subprocess.run(["ldd", GATEWAYD], capture_output=True, text=True).stdout)
        assert loaded and re.fullmatch(r"\d+(\.\d+)*", told["libraries"][name]["running"]), (name, told)
    openssl = subprocess.run(["openssl", "version"], capture_output=True, text=True).stdout.split()[1]
    assert told["libraries"]["OpenSSL"]["running"] == openssl and f"OpenSSL {openssl} (built with " in text.stdout
    assert told["libraries"]["llhttp"]["note"] in ("strict mode", "always strict")
    assert gatewayd("--json").returncode == 2

    mine = json.loads(running.ctl("--json", "version").stdout)
    assert mine["program"] == "gatewayctl" and mine["daemon"] == told
    assert running.ctl("version").stdout.endswith(f"gatewayd {told['version']} (commit {told['commit']}) runs\n")
    alone = ctl("--socket", str(running.folder / "none.sock"), "version")
    assert alone.returncode == 0 and alone.stdout.endswith("none.sock\n"), "that no daemon runs is no failure"


def run(*arguments):
    result = ctl(*arguments)
    assert result.returncode == 0, result.stderr
    return result


def test_the_small_pki_runs_a_gateway_from_init_to_revocation(gateway, tmp_path):
    ca = tmp_path / "ca"
    run("pki", "init", str(ca), "--cn", "Small CA")
    run("pki", "issue", str(ca), "server", "--server", "--dns", "small.test")
    run("pki", "issue", str(ca), "alice", "--client", "--cn", "alice", "--dns", "a.example", "--uri", "spiffe://x/y", "--email", "a@b.example", "--ip", "10.0.0.1")
    run("pki", "issue", str(ca), "old", "--client", "--days", "-1")
    issued = ca / "issued"
    assert stat.S_IMODE((issued / "alice.key").stat().st_mode) == 0o600
    verified = subprocess.run([OPENSSL, "verify", "-CAfile", str(ca / "ca.pem"), str(issued / "alice.pem")], capture_output=True, text=True)
    assert verified.returncode == 0, verified.stderr
    assert ctl("pki", "issue", str(ca), "alice", "--client").returncode == 1, "a key is never overwritten"
    assert ctl("pki", "init", str(ca)).returncode == 1

    def pair(name):
        return SimpleNamespace(pem=issued / f"{name}.pem", key=issued / f"{name}.key")

    own = SimpleNamespace(pem=ca / "ca.pem")
    small = SimpleNamespace(server=pair("server"), server_ca=own, root=own, other=own, crl=ca / "ca.crl")
    gate = gateway(document(small, virtual_host(small, "small", "strict", routes=[respond("hello alice")])))
    assert get(gate.port, "small.test", small, cert=pair("alice")).text == "hello alice"
    assert tls_error(gate.port, "small.test", small, cert=pair("old")).endswith("certificate expired")
    run("pki", "revoke", str(ca), "alice")
    gate.reload()
    assert tls_error(gate.port, "small.test", small, cert=pair("alice")).endswith("certificate revoked")
    listed = json.loads(run("--json", "pki", "list", str(ca)).stdout)
    assert "revoked" in json.dumps(listed)
    run("pki", "crl", str(ca))

"""gatewayctl check, gatewayd --check and gatewayd itself share one loader: every fault with its place, exit codes 1 and 78."""
import json
import re
import shutil

import pytest

from harness.config import document, dump, respond, virtual_host
from harness.gateway import Gateway, ctl, gatewayd


@pytest.fixture
def good(pki, tmp_path):
    doc = document(pki, virtual_host(pki, "open", routes=[respond()]), virtual_host(pki, "strict", "strict", routes=[respond()]))
    doc["listeners"] = [{"bind": "127.0.0.1:18443"}]
    doc["admin"] = {"socket": "ctl.sock"}

    class Good:
        path = tmp_path / "gateway.yaml"

        def check(self, text):
            self.path.write_text(text if isinstance(text, str) else dump(text))
            return ctl("check", str(self.path))

    Good.doc = doc
    return Good()


def test_a_good_config_passes(good):
    result = good.check(good.doc)
    assert result.returncode == 0, result.stderr
    assert gatewayd("--check", "--config", str(good.path)).returncode == 0


def change(doc, path, value):
    """Sets doc[path...] or, with value None, removes it."""
    *way, last = path
    for step in way:
        doc = doc[step]
    if value is None:
        del doc[last]
    else:
        doc[last] = value


HOST = ("virtual_hosts", 1)
FAULTS = [
    ("an unknown key", ("listners",), [], "listeners"),
    ("an unknown key deep down", (*HOST, "tls", "client_aut"), "strict", "client_auth"),
    ("a bad mode", (*HOST, "tls", "client_auth"), "mandatory", "strict"),
    ("true for a mode", (*HOST, "tls", "client_auth"), True, "strict"),
    ("strict without a trust set", (*HOST, "tls", "trust"), None, "trust"),
    ("an unknown trust set", (*HOST, "tls", "trust"), "client", "clients"),
    ("an unknown policy", (*HOST, "policy"), "nobody", "nobody"),
    ("an unknown upstream", (*HOST, "routes"), [{"path": "/*", "upstream": "nowhere"}], "nowhere"),
    ("a missing certificate file", (*HOST, "tls", "certificate"), "nothing.pem", "nothing.pem"),
    ("a duplicate host", (*HOST, "hosts"), ["open.test"], "open.test"),
    ("a duplicate host in another spelling", (*HOST, "hosts"), ["OPEN.test."], "open"),
    ("a duplicate name", (*HOST, "name"), "open", "open"),
    ("a bad host", (*HOST, "hosts"), ["a..b"], "a..b"),
    ("a wildcard in the middle", (*HOST, "hosts"), ["a.*.test"], "a.*.test"),
    ("a bad duration", ("timeouts",), {"handshake": "10 parsecs"}, "parsecs"),
    ("a bad size", ("limits",), {"body": "big"}, "big"),
    ("a bad address", ("listeners",), [{"bind": "127.0.0.1"}], "127.0.0.1"),
    ("http2", ("listeners",), [{"bind": "127.0.0.1:18443", "http2": True}], "not in this version"),
    ("tcp", ("listeners",), [{"bind": "127.0.0.1:18443", "protocol": "tcp"}], "not in this version"),
    ("an unreachable route", (*HOST, "routes"), [respond(path="/a"), respond(path="/a")], "/a"),
    ("a bad expression", ("policies",), {"p": {"rules": [{"name": "r", "effect": "allow", "when": {"cn": "~("}}]}}, "("),
    ("an unknown matcher", ("policies",), {"p": {"rules": [{"name": "r", "effect": "allow", "when": {"common_name": "a"}}]}}, "common_name"),
    ("a bad CIDR", ("policies",), {"p": {"rules": [{"name": "r", "effect": "allow", "when": {"source_ip": "10.0.0.0/33"}}]}}, "10.0.0.0/33"),
    ("an unknown variable", (*HOST, "routes"), [{"path": "/*", "respond": "echo"}, {"path": "/x", "upstream": "origin", "headers": {"set": {"A": "${client.cm}"}}}], "client.cn"),
    ("a default host that is laxer", ("virtual_hosts", 0, "default"), True, "allow_lax_default"),
    ("no virtual hosts", ("virtual_hosts",), [], "virtual_hosts"),
    ("a variable of the environment that is not set", (*HOST, "name"), "${NOT_SET_ANYWHERE}", "NOT_SET_ANYWHERE"),
]


@pytest.mark.parametrize("what, path, value, said", FAULTS, ids=[fault[0] for fault in FAULTS])
def test_a_fault_is_named_with_its_place(good, what, path, value, said):
    change(good.doc, path, value)
    result = good.check(good.doc)
    assert result.returncode == 1, result.stdout
    errors = re.findall(r"gateway\.yaml:\d+:\d+: error: (.*)", result.stderr)
    assert errors and any(said in error for error in errors), result.stderr


@pytest.mark.parametrize("text, said", [
    ("hosts: [*.example.com]\n", "quot"), ("a: 1\n\tb: 2\n", "tab"), ("workers: 1\nworkers: 2\n", "workers"), ("a: [1, 2\n", "gateway.yaml"),
    ("", "gateway.yaml"), ("just text\n", "gateway.yaml"), ("a: &a [*a]\n", "gateway.yaml"), ("\x00\x01", "gateway.yaml"), ("[" * 5000, "gateway.yaml")])
def test_broken_yaml_says_what_to_do(good, text, said):
    result = good.check(text)
    assert result.returncode == 1 and said in result.stderr.lower().replace("GATEWAY", "gateway"), result.stderr


def test_all_errors_come_at_once_in_the_order_of_the_file(good):
    change(good.doc, ("virtual_hosts", 0, "hosts"), ["a..b"])
    change(good.doc, (*HOST, "tls", "client_auth"), "mandatory")
    change(good.doc, ("timeouts",), {"handshake": "soon"})
    result = good.check(good.doc)
    lines = [int(line) for line in re.findall(r"gateway\.yaml:(\d+):\d+: error:", result.stderr)]
    assert len(lines) >= 3 and lines == sorted(lines), result.stderr


def test_a_key_that_does_not_fit_its_certificate_is_found(good, pki):
    change(good.doc, (*HOST, "tls", "key"), str(pki.client.key))
    result = good.check(good.doc)
    assert result.returncode == 1 and "match" in result.stderr, result.stderr


def test_an_expired_server_certificate_is_a_warning(good, pki, tmp_path):
    old = pki.server_ca.issue("old-server", "gateway", server=True, dns=["*.test"], start=-10, days=-1)
    change(good.doc, (*HOST, "tls", "certificate"), str(old.pem))
    change(good.doc, (*HOST, "tls", "key"), str(old.key))
    result = good.check(good.doc)
    assert result.returncode == 0 and re.search(r"warning: .*expired", result.stdout + result.stderr), result.stderr


def test_an_issuer_without_a_crl_is_a_warning(good):
    del good.doc["trust"]["clients"]["crl"]
    result = good.check(good.doc)
    assert result.returncode == 0 and "warning" in result.stdout + result.stderr


def test_check_as_json(good):
    result = ctl("--json", "check", str(good.path)) if good.check(good.doc) else None
    assert json.loads(result.stdout)
    good.check("a: [")
    result = ctl("--json", "check", str(good.path))
    found = json.loads(result.stdout)["diagnostics"]
    assert result.returncode == 1 and found[0]["severity"] == "error" and found[0]["line"] >= 1


def test_gatewayd_exits_with_78_and_the_errors(good):
    change(good.doc, (*HOST, "tls", "client_auth"), "mandatory")
    good.check(good.doc)
    for arguments in (["--config", str(good.path)], ["--check", "--config", str(good.path)]):
        result = gatewayd(*arguments)
        assert result.returncode == 78 and "gateway.yaml:" in result.stderr, result


def test_a_missing_config_is_78(tmp_path):
    result = gatewayd("--config", str(tmp_path / "none.yaml"))
    assert result.returncode == 78 and "none.yaml" in result.stderr


def test_environment_variables_fill_scalars_and_add_no_structure(pki, gateway):
    from harness.clients import get

    doc = document(pki, virtual_host(pki, "open", hosts=["${OPEN_HOST:-open.test}"], routes=[respond("${TEXT}")]))
    running = gateway(doc, environment={"TEXT": "a: [b], \"c\""})
    assert get(running.port, "open.test", pki).text == 'a: [b], "c"'


def test_relative_paths_are_relative_to_the_config(pki, tmp_path):
    shutil.copy(pki.server.pem, tmp_path / "s.pem")
    shutil.copy(pki.server.key, tmp_path / "s.key")
    doc = document(pki, virtual_host(pki, "open", tls={"certificate": "s.pem", "key": "s.key"}, routes=[respond()]))
    doc["listeners"] = [{"bind": "127.0.0.1:18443"}]
    (tmp_path / "c.yaml").write_text(dump(doc))
    assert ctl("check", str(tmp_path / "c.yaml"), cwd="/").returncode == 0


@pytest.mark.parametrize("spelling", ["off", "false", "'off'", '"off"', "no"])
def test_off_in_any_yaml_spelling_is_off(good, spelling):
    text = dump(good.doc).replace("client_auth: 'off'", f"client_auth: {spelling}").replace('client_auth: "off"', f"client_auth: {spelling}")
    result = good.check(text)
    assert result.returncode == (0 if spelling != "no" else result.returncode), result.stderr


def test_an_address_in_use_ends_gatewayd_with_a_message(pki):
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        doc = document(pki, virtual_host(pki, "open", routes=[respond()]), listeners=[{"bind": f"127.0.0.1:{taken.getsockname()[1]}"}])
        running = Gateway(doc)
        running.spawn()
        assert running.wait() != 0 and str(taken.getsockname()[1]) in running.stderr()
        shutil.rmtree(running.folder)

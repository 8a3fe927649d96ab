"""Reload by gatewayctl or SIGHUP: the change is there, a broken one changes nothing and says why, and nobody in flight notices."""
import json
import re
import signal
import socket
import threading

import pytest

from harness.clients import context, get, head, tls
from harness.config import document, respond, virtual_host
from harness.origin import answer
from harness.waiting import eventually, free_port


@pytest.fixture
def simple(pki, gateway):
    doc = document(pki, virtual_host(pki, "open", routes=[respond("one")]))
    return gateway(doc), doc


def test_a_reload_is_visible_and_says_what_changed(simple, pki):
    running, doc = simple
    with tls(running.port, "open.test", pki) as connection:
        assert connection.request().text == "one"
        doc["virtual_hosts"][0]["routes"] = [respond("two")]
        doc["virtual_hosts"].append(virtual_host(pki, "added", routes=[respond("added")]))
        result = running.reload(doc)
        assert "generation 2" in result.stdout and "added" in result.stdout
        assert connection.request().text == "two", "the next request on a live connection uses the new generation"
    assert get(running.port, "added.test", pki).text == "added"
    assert running.metric("gateway_config_generation") == 2
    assert running.metric("gateway_config_last_reload_success") == 1


def test_a_reload_of_the_same_config_changes_nothing(simple):
    running, _ = simple
    assert "nothing changed" in running.reload().stdout


def test_reload_as_json(simple, pki):
    running, doc = simple
    doc["virtual_hosts"][0]["routes"] = [respond("two")]
    running.write(doc)
    done = json.loads(running.ctl("--json", "reload").stdout)
    assert done["generation"] == 2 and done["changes"]
    running.write("listeners: [\n")
    result = running.ctl("--json", "reload")
    assert result.returncode == 1 and json.loads(result.stdout)["errors"]


BROKEN = """\
listeners:
  - bind: 127.0.0.1:{port}
    protokoll: https
virtual_hosts:
  - name: open
    hosts: [open.test]
    tls: {{certificate: missing.pem, key: missing.key, client_auth: strikt}}
    routes:
      - path: /*
        upstream: nowhere
timeouts: {{handshake: 10 parsecs}}
"""


def test_a_broken_reload_changes_nothing_and_lists_every_error_with_its_place(simple, pki):
    running, _ = simple
    with tls(running.port, "open.test", pki) as connection:
        assert connection.request().text == "one"
        running.write(BROKEN.format(port=running.port))
        result = running.ctl("reload")
        assert result.returncode == 1
        found = {int(line): message for line, message in re.findall(r"gateway\.yaml:(\d+):\d+: error: (.*)", result.stderr)}
        assert {3, 7, 10, 11} <= set(found), result.stderr
        assert "protocol" in found[3], "an unknown key suggests the nearest"
        assert connection.request().text == "one"
    assert get(running.port, "open.test", pki).text == "one"
    assert running.metric("gateway_config_generation") == 1
    assert running.metric("gateway_config_last_reload_success") == 0


@pytest.mark.parametrize("spoil", ["certificate", "key", "ca", "crl"])
def test_a_spoiled_file_refuses_the_reload(pki, gateway, tmp_path, spoil):
    import shutil

    paths = {"certificate": pki.server.pem, "key": pki.server.key, "ca": pki.root.pem, "crl": pki.crl}
    mine = {name: shutil.copy(path, tmp_path / f"{name}.pem") for name, path in paths.items()}
    doc = document(pki, virtual_host(pki, "strict", "strict", tls={"certificate": str(mine["certificate"]), "key": str(mine["key"])}, routes=[respond()]),
                   trust={"clients": {"ca": [str(mine["ca"])], "crl": [str(mine["crl"])]}})
    running = gateway(doc)
    mine[spoil].write_text("-----BEGIN CERTIFICATE-----\nbm90aGluZw==\n-----END CERTIFICATE-----\n")
    result = running.ctl("reload")
    assert result.returncode == 1 and f"{spoil}.pem" in result.stderr, result.stderr
    assert get(running.port, "strict.test", pki, cert=pki.client).status == 200
    mine[spoil].unlink()
    result = running.ctl("reload")
    assert result.returncode == 1 and f"{spoil}.pem" in result.stderr, result.stderr
    assert get(running.port, "strict.test", pki, cert=pki.client).status == 200


def test_a_rotated_server_certificate_is_served_after_a_reload(pki, gateway, tmp_path):
    import shutil

    cert, key = tmp_path / "s.pem", tmp_path / "s.key"
    shutil.copy(pki.server.pem, cert)
    shutil.copy(pki.server.key, key)
    running = gateway(document(pki, virtual_host(pki, "open", tls={"certificate": str(cert), "key": str(key)}, routes=[respond()])))
    fresh = pki.server_ca.issue("rotated", "gateway", server=True, dns=["*.test"])
    shutil.copy(fresh.pem, cert)
    result = running.ctl("reload")
    assert result.returncode == 1 and "match" in result.stderr, "the old key does not fit the new certificate"
    shutil.copy(fresh.key, key)
    running.reload()
    with tls(running.port, "open.test", pki) as connection:
        assert connection.sock.getpeercert(True) == fresh.der


def test_sighup_reloads_too(simple, pki):
    running, doc = simple
    doc["virtual_hosts"][0]["routes"] = [respond("two")]
    running.write(doc)
    running.signal(signal.SIGHUP)
    eventually(lambda: get(running.port, "open.test", pki).text == "two", "the reload took")
    running.write("nonsense: [")
    running.signal(signal.SIGHUP)
    eventually(lambda: running.metric("gateway_config_last_reload_success") == 0, "the broken reload was noticed")
    assert "gateway.yaml:" in running.stderr()
    assert get(running.port, "open.test", pki).text == "two"


def test_listeners_come_and_go(simple, pki):
    running, doc = simple
    other = free_port()
    doc["listeners"] = [{"bind": f"127.0.0.1:{running.port}"}, {"bind": f"127.0.0.1:{other}"}]
    with tls(running.port, "open.test", pki) as connection:
        assert connection.request().status == 200
        running.reload(doc)
        assert get(other, "open.test", pki).text == "one"
        doc["listeners"].pop()
        running.reload(doc)
        with socket.socket() as probe:
            assert probe.connect_ex(("127.0.0.1", other)) != 0
        assert connection.request().status == 200


def test_an_address_in_use_refuses_the_reload(simple, pki):
    running, doc = simple
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        doc["listeners"] = [{"bind": f"127.0.0.1:{running.port}"}, {"bind": f"127.0.0.1:{taken.getsockname()[1]}"}]
        running.write(doc)
        result = running.ctl("reload")
        assert result.returncode == 1 and str(taken.getsockname()[1]) in result.stderr + result.stdout
    assert get(running.port, "open.test", pki).text == "one"


@pytest.mark.parametrize("change", [{"workers": 2}, {"admin": {"socket": "other.sock"}}])
def test_what_needs_a_restart_refuses_the_reload_and_says_so(simple, pki, change):
    running, doc = simple
    running.write({**doc, **change})
    result = running.ctl("reload")
    assert result.returncode == 1 and "restart" in result.stderr, result.stderr
    assert get(running.port, "open.test", pki).text == "one"


def test_a_request_keeps_the_generation_it_began_with(pki, gateway, origin):
    go = threading.Event()
    old = origin(lambda exchange: go.wait(30) and answer(body="old"))
    new = origin(lambda exchange: answer(body="new"))
    doc = document(pki, virtual_host(pki, "open"), origins=[old.address])
    running = gateway(doc)
    with tls(running.port, "open.test", pki) as connection:
        connection.send(head())
        old.got(1)
        doc["upstreams"]["origin"]["endpoints"] = [new.address]
        running.reload(doc)
        go.set()
        assert connection.response().text == "old"
        assert connection.request().text == "new"


@pytest.mark.slow
def test_200_reloads_under_load_lose_no_request(pki, gateway, origin):
    """Keep-alive and new connections, with and without a client certificate, while hosts, routes, policies and trust change."""
    behind = origin()
    doc = document(pki, virtual_host(pki, "open"), virtual_host(pki, "strict", "strict", policy="p"), origins=[behind.address], workers=2,
                   policies={"p": {"rules": [{"name": "r", "effect": "allow", "when": {"cn": "alice"}}]}})
    running = gateway(doc)
    stop, failures, served = threading.Event(), [], [0] * 4

    def load(index, sni, cert, keep_alive):
        ctx = context(pki, cert=cert)
        connection = None
        while not stop.is_set():
            try:
                if connection is None:
                    connection = tls(running.port, sni, ctx=ctx)
                status = connection.request(host=sni).status
                if status != 200:
                    failures.append(f"{sni}: {status}")
                served[index] += 1
                if not keep_alive:
                    connection.close()
                    connection = None
            except Exception as error:  # noqa: B902: whatever it was, a request failed
                failures.append(f"{sni}: {error!r}")
                connection = None
        if connection:
            connection.close()

    clients = [threading.Thread(target=load, args=each) for each in
               [(0, "open.test", None, True), (1, "open.test", None, False), (2, "strict.test", pki.client, True), (3, "strict.test", pki.client, False)]]
    for client in clients:
        client.start()
    eventually(lambda: all(served), "every client is served")
    rule = doc["policies"]["p"]["rules"][0]
    for number in range(200):
        doc["virtual_hosts"][0]["routes"] = [{"path": "/*", "upstream": "origin"}, respond(str(number), path=f"/{number}")]
        rule["when"] = {"cn": ["alice", f"user-{number}"]}
        doc["trust"]["clients"]["ca"] = [str(pki.root.pem)] + ([str(pki.other.pem)] if number % 2 else [])
        doc["listeners"] = [{"bind": f"127.0.0.1:{running.port}"}] + ([{"bind": f"127.0.0.2:{running.port}"}] if number % 3 else [])
        running.reload(doc)
    stop.set()
    for client in clients:
        client.join()
    assert failures == []
    assert running.metric("gateway_config_generation") == 201 and min(served) > 20, served

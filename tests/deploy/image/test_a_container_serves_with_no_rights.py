"""The image as an operator runs it: user 65532, no capabilities, a read-only root, one tmpfs."""
import re
import shlex
import time
from pathlib import Path

import pytest
from conftest import inside
from engine import UID

from harness import clients
from harness.config import virtual_host
from harness.gateway import ROOT
from harness.waiting import eventually


def status_of(container):
    text = Path(f"/proc/{container.pid()}/status").read_text()
    return dict(re.findall(r"^(\w+):\s+(.*)$", text, re.MULTILINE))


def test_it_has_neither_root_nor_capabilities_nor_a_writable_place(container, strict_host):
    running = container().write(strict_host()).start()
    status = status_of(running)
    assert status["Uid"].split() == [str(UID)] * 4 and status["Gid"].split() == [str(UID)] * 4
    for kind in ("CapEff", "CapPrm", "CapInh", "CapBnd", "CapAmb"):
        assert int(status[kind], 16) == 0, kind
    assert status["NoNewPrivs"] == "1"
    mounts = [line.split() for line in Path(f"/proc/{running.pid()}/mountinfo").read_text().splitlines()]
    by_place = {fields[4]: fields[5].split(",") for fields in mounts}
    assert "ro" in by_place["/"] and "ro" in by_place["/etc/gatewayd"]
    writable = {place for place, options in by_place.items() if "rw" in options and not place.startswith(("/dev", "/proc", "/sys"))}
    # The engine's own: files of the network and secrets, which it mounts into every container.
    assert writable - {"/etc/hosts", "/etc/resolv.conf", "/etc/hostname", "/run/.containerenv", "/run/secrets"} == {"/run/gatewayd"}


def test_it_is_run_as_the_readme_says(container):
    text = (ROOT / "deploy/docker/README.md").read_text().replace("\\\n", "")
    (line,) = re.findall(r"^    docker run --rm (.*)$", text, re.MULTILINE)
    told = shlex.split(line)
    for option, value in (("-v", "/srv/gatewayd:/etc/gatewayd:ro"), ("-p", "8443:8443")):  # places of the reader's machine
        at = told.index(option)
        assert told[at + 1] == value
        del told[at:at + 2]
    assert told == container().rights + ["mtls-gateway"]


def test_clients_are_told_apart_by_their_certificates(container, pki, origin):
    behind = origin()
    doc = inside(pki, virtual_host(pki, "strict", "strict", identity_headers=["client-cert"]), origins=[behind.address])
    running = container().write(doc).start()
    for version in ("1.2", "1.3"):
        answer = clients.get(running.port, "strict.test", pki, cert=pki.client, version=version)
        assert answer.status == 200
    assert behind.last().get("Client-Cert")
    assert clients.curl(running.port, "strict.test", pki, cert=pki.client).status == 200
    assert "required" in clients.tls_error(running.port, "strict.test", pki, version="1.3")
    assert "unknown ca" in clients.tls_error(running.port, "strict.test", pki, cert=pki.stranger)
    assert "revoked" in clients.tls_error(running.port, "strict.test", pki, cert=pki.revoked)
    assert len(behind.requests) == 3


def test_an_upstream_is_found_by_its_name(container, pki, origin):
    behind = origin()
    doc = inside(pki, virtual_host(pki, "open", routes=[{"path": "/*", "upstream": "legacy"}]),
                 upstreams={"legacy": {"endpoints": [f"legacy-api:{behind.port}"]}})
    running = container(flags=["--add-host", "legacy-api:127.0.0.1"]).write(doc).start()
    eventually(lambda: clients.get(running.port, "open.test", pki).status == 200, "the name was found")


def test_hup_and_gatewayctl_load_the_config_anew(container, strict_host, pki):
    running = container().write(strict_host("first")).start()
    body = lambda: clients.get(running.port, "strict.test", pki, cert=pki.client).body  # noqa: E731
    assert body() == b"first"
    running.write(strict_host("second"))
    running.signal("HUP")
    eventually(lambda: body() == b"second", "SIGHUP reloaded")
    running.write(strict_host("third"))
    assert running.exec("/usr/bin/gatewayctl", "reload").returncode == 0
    assert body() == b"third"
    running.write("listeners: nonsense\n")
    refused = running.exec("/usr/bin/gatewayctl", "reload")
    assert refused.returncode == 1 and "gatewayd.yaml:1:" in refused.stdout + refused.stderr
    assert body() == b"third"


def test_the_probe_follows_the_gateway(container, strict_host):
    running = container().write(strict_host()).start()
    assert running.health().returncode == 0
    assert running.exec("/usr/bin/gatewayctl", "drain", "--wait", "100ms").returncode == 0
    assert running.health().returncode == 1


def test_term_lets_a_request_finish_and_ends_with_0(container, pki, origin):
    behind = origin()
    doc = inside(pki, virtual_host(pki, "strict", "strict"), origins=[behind.address])
    running = container().write(doc).start()
    with clients.tls(running.port, "strict.test", pki, cert=pki.client) as connection:
        connection.send(clients.head("POST", "/", "strict.test", [("Content-Length", "5")]))
        behind.got(1)
        began = time.monotonic()
        running.signal("TERM")
        eventually(lambda: not accepts(running, pki), "no new client gets in")
        assert running.running()
        connection.send(b"hello")
        assert connection.response("POST").status == 200
    assert running.wait() == 0
    assert time.monotonic() - began < 20


def accepts(running, pki):
    try:
        return clients.get(running.port, "strict.test", pki, cert=pki.client).status == 200
    except OSError:
        return False


def test_without_a_config_it_says_so(image, container, mounted):
    empty = container()
    assert empty.spawn().wait() == 78
    assert "/etc/gatewayd/gatewayd.yaml" in empty.logs()


@pytest.mark.parametrize("break_it, status, message", [
    (lambda doc: doc["virtual_hosts"][0].update(rooutes=[]), 78, "did you mean 'routes'"),
    (lambda doc: doc["virtual_hosts"][0]["tls"].update(key="/etc/gatewayd/missing.key"), 78, "/etc/gatewayd/missing.key"),
    (lambda doc: doc["admin"].update(socket="/nowhere/gatewayd.sock"), 1, "/nowhere: Read-only file system"),
], ids=["unknown key", "missing Secret", "no folder for the socket"])
def test_what_is_wrong_ends_it_with_the_reason(container, strict_host, break_it, status, message):
    broken = container().write(strict_host())
    doc = broken.config()
    break_it(doc)
    assert broken.write(doc).spawn().wait() == status, broken.logs()
    assert message in broken.logs()


def test_a_key_that_its_user_may_not_read_is_named(container, strict_host, mounted):
    (mounted[0] / "server.key").chmod(0o600)
    unreadable = container().write(strict_host())
    assert unreadable.spawn().wait() == 78
    assert "/etc/gatewayd/server.key" in unreadable.logs() and "ermission denied" in unreadable.logs()


def test_without_a_writable_place_for_its_socket_it_says_so(container, strict_host):
    homeless = container(run_tmpfs=False).write(strict_host())
    assert homeless.spawn().wait() == 1
    assert "/run/gatewayd/gatewayd.sock" in homeless.logs() and "ead-only file system" in homeless.logs()


def test_without_an_admin_socket_it_needs_no_writable_place(container, strict_host, pki):
    doc = strict_host()
    alone = container(run_tmpfs=False).write(doc)
    doc["admin"] = {"socket": "off", "metrics": f"127.0.0.1:{alone.admin_port}"}
    alone.write(doc).spawn()
    eventually(lambda: accepts(alone, pki), "it serves")

"""Socket activation as systemd does it: a listening socket whose address a `bind` has is served, whatever else comes is refused in words."""
import os
import re
import shutil
import socket
from pathlib import Path

import pytest

from harness.clients import get, tcp, tls
from harness.config import document, respond, virtual_host
from harness.gateway import GATEWAYD
from harness.service_manager import ServiceManager, frozen_thread
from harness.waiting import eventually, free_port


def listening(port, host="127.0.0.1", *, reuse_port=False, family=socket.AF_INET):
    made = socket.socket(family, socket.SOCK_STREAM)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if reuse_port:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    made.bind((host, port))
    made.listen(64)
    return made


@pytest.fixture
def simple(pki):
    """simple(*ports, workers=…): a plain http host that answers `one` on these ports of 127.0.0.1."""

    def make(*ports, **more):
        doc = document(pki, virtual_host(pki, "open", None, routes=[respond("one")]), **more)
        doc["listeners"] = [{"bind": f"127.0.0.1:{port}", "protocol": "http"} for port in ports]
        return doc

    return make


def answer(port):
    with tcp(port) as client:
        return client.request().text


@pytest.mark.parametrize("workers", [1, 3])
def test_who_connected_before_the_start_is_served(gateway, simple, workers):
    port = free_port()
    with listening(port) as inherited, tcp(port) as early:
        early.send("GET / HTTP/1.1\r\nHost: open.test\r\n\r\n")
        gateway(simple(port, workers=workers), inherit=[inherited])
        assert early.response().text == "one"
        assert [answer(port) for _ in range(10)] == ["one"] * 10


def test_a_shared_socket_is_served_although_a_worker_hangs(gateway, simple):
    port = free_port()
    with listening(port) as inherited:
        running = gateway(simple(port, workers=2), inherit=[inherited])
        for name in ("worker-0", "worker-1"):
            with frozen_thread(running.process.pid, name):
                assert [answer(port) for _ in range(5)] == ["one"] * 5


@pytest.mark.parametrize("workers", [1, 2, 4])
def test_of_several_sockets_with_one_address_none_is_forgotten(gateway, simple, workers):
    """The kernel deals connections out to all of them: those on a socket that no worker watches would hang."""
    port = free_port()
    group = [listening(port, reuse_port=True) for _ in range(3)]
    gateway(simple(port, workers=workers), inherit=group)
    for each in group:
        each.close()
    assert [answer(port) for _ in range(60)] == ["one"] * 60


def test_binds_without_one_are_opened_as_usual(gateway, simple):
    port, own = free_port(), free_port()
    with listening(port) as inherited:
        gateway(simple(own, port), inherit=[inherited])
        assert answer(port) == answer(own) == "one"


def test_a_reload_keeps_them_and_a_bind_that_goes_is_closed(gateway, simple):
    port, other = free_port(), free_port()
    with listening(port) as inherited:
        running = gateway(simple(port), inherit=[inherited])
    # From here on only the daemon holds it.
    with tcp(port) as client:
        assert client.request().text == "one"
        running.reload(simple(other, port))
        assert answer(port) == answer(other) == client.request().text == "one"
    running.reload(simple(other))
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port)) != 0
    running.reload(simple(other, port))
    assert answer(port) == "one", "opened anew"


def test_clients_wait_while_the_daemon_restarts(gateway, simple):
    port = free_port()
    with listening(port) as inherited:
        running = gateway(simple(port), inherit=[inherited])
        assert answer(port) == "one"
        running.process.terminate()
        assert running.wait() == 0
        with tcp(port) as early:
            early.send("GET / HTTP/1.1\r\nHost: open.test\r\n\r\n")
            running.start()
            assert early.response().text == "one"


def test_one_that_no_bind_wants_is_closed_with_a_warning(gateway, simple):
    port, unwanted = free_port(), free_port()
    with listening(unwanted) as inherited:
        running = gateway(simple(port), inherit=[inherited])
    assert answer(port) == "one"
    assert f'no listener binds its address","address":"127.0.0.1:{unwanted}"' in running.stderr()
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", unwanted)) != 0
    running.reload(simple(port, unwanted))
    assert answer(unwanted) == "one"


def test_one_socket_for_both_families_serves_both(gateway, simple):
    port = free_port()
    with listening(port, "::", family=socket.AF_INET6) as inherited:
        doc = simple()
        doc["listeners"] = [{"bind": f"[0:0::0]:{port}", "protocol": "http"}]
        running = gateway(doc, inherit=[inherited])
        assert answer(port) == "one"
        assert running.logged(status=200)["source_ip"] == "127.0.0.1"
        with tcp(port, "::1") as client:
            assert client.request().text == "one"


def unix(folder):
    made = socket.socket(socket.AF_UNIX)
    made.bind(str(folder / "s"))
    made.listen()
    return made


def udp(_):
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.bind(("127.0.0.1", 0))
    return made


@pytest.mark.parametrize("make, words", [
    (udp, "is a UDP socket"), (unix, "is a Unix socket"), (lambda _: socket.socket(), "does not listen"),
    (lambda folder: open(folder / "file", "w"), "is not a socket"),
], ids=["UDP", "Unix", "not listening", "file"])
def test_what_is_no_listening_tcp_socket_is_refused_in_words(gateway, simple, tmp_path, make, words):
    port = free_port()
    with listening(port) as good, make(tmp_path) as bad, ServiceManager() as manager:
        running = gateway.unstarted(simple(port), inherit=[good, bad], environment={**manager.environment, "LISTEN_FDNAMES": "http:odd"})
        running.spawn()
        assert running.wait() == 1
        assert f"inherited descriptor 4 (odd) {words}" in running.stderr()
        assert words in manager.expect("STATUS")["STATUS"]
        running.stop = lambda: None


@pytest.mark.parametrize("environment, words", [({"LISTEN_FDS": "2"}, "inherited descriptor 4 is not open"), ({"LISTEN_FDS": "many"}, "LISTEN_FDS is 'many'")])
def test_wrong_numbers_are_refused_in_words(gateway, simple, environment, words):
    port = free_port()
    with listening(port) as inherited:
        running = gateway.unstarted(simple(port), inherit=[inherited], environment=environment).spawn()
        assert running.wait() == 1
        assert words in running.stderr()
        running.stop = lambda: None


def test_what_was_meant_for_another_process_is_left_alone(gateway, simple):
    port = free_port()
    with listening(free_port()) as inherited:
        running = gateway(simple(port), inherit=[inherited], environment={"LISTEN_PID": "1"})
        assert answer(port) == "one"
        assert "inherited" not in running.stderr()


@pytest.mark.skipif(not shutil.which("systemd-socket-activate"), reason="systemd is not installed")
def test_systemds_own_tool_can_start_it(gateway, simple):
    port = free_port()
    running = gateway.unstarted(simple(port), wrap=["systemd-socket-activate", f"--listen=127.0.0.1:{port}", "--fdname=https"])
    running.spawn()
    # It starts the daemon for the first client, which waits.
    eventually(lambda: "Listening on" in running.stderr() or not running.running(), "the tool listens")
    assert answer(port) == "one"
    assert "inherited" not in running.stderr()


def test_a_tls_host_can_be_inherited_too(gateway, pki):
    port = free_port()
    doc = document(pki, virtual_host(pki, "strict", "strict", routes=[respond("secret")]), listeners=[{"bind": f"127.0.0.1:{port}"}])
    with listening(port) as inherited:
        gateway(doc, inherit=[inherited])
        assert get(port, "strict.test", pki, cert=pki.client).text == "secret"


def test_no_child_would_inherit_them(gateway, simple):
    """Close-on-exec, like every descriptor of the daemon but the standard streams."""
    port = free_port()
    with listening(port) as inherited:
        running = gateway(simple(port), inherit=[inherited])
        open_ones = [int(entry) for entry in os.listdir(f"/proc/{running.process.pid}/fdinfo")]
        assert [entry for entry in open_ones if entry > 2 and not _close_on_exec(running.process.pid, entry)] == []


def _close_on_exec(pid, descriptor):
    try:
        text = Path(f"/proc/{pid}/fdinfo/{descriptor}").read_text()
    except FileNotFoundError:
        return True  # closed meanwhile
    return bool(int(re.search(r"^flags:\s*(\d+)", text, re.M)[1], 8) & 0o2000000)

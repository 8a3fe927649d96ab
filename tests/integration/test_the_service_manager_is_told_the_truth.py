"""sd_notify: READY once clients are served, RELOADING and READY around every reload, also a refused one, STOPPING, keep-alives that
mean what they say; and without a service manager nothing of it."""
import signal
import socket
import time

import pytest

from harness.clients import get, head, tls
from harness.config import document, respond, virtual_host
from harness.service_manager import ServiceManager, frozen_thread
from harness.waiting import eventually


@pytest.fixture
def manager():
    with ServiceManager() as made:
        yield made


@pytest.fixture
def simple(pki):
    return document(pki, virtual_host(pki, "open", routes=[respond("one")]))


@pytest.mark.parametrize("abstract", [False, True], ids=["path", "abstract"])
def test_ready_comes_once_clients_are_served(gateway, simple, pki, abstract):
    with ServiceManager(abstract=abstract) as manager:
        running = gateway.unstarted({**simple, "workers": 2}, environment=manager.environment).spawn()
        message = manager.next()
        assert message == {"READY": "1", "MAINPID": str(running.process.pid), "STATUS": "Serving generation 1."}
        assert running.admin("/readyz")[0] == 200
        assert get(running.port, "open.test", pki).text == "one"
        assert manager.received() == []


def test_every_reload_is_told_whoever_asks_for_it(gateway, simple, manager):
    running = gateway(simple, environment=manager.environment)
    manager.expect("READY")
    for generation, (trigger, ask) in enumerate([("admin", lambda: running.reload()), ("signal", lambda: running.signal(signal.SIGHUP))], 2):
        before = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
        ask()
        reloading = manager.next()
        assert reloading["RELOADING"] == "1" and trigger in reloading["STATUS"]
        assert before <= int(reloading["MONOTONIC_USEC"]) <= time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
        ready = manager.next()
        assert ready["READY"] == "1" and ready["STATUS"] == f"Serving generation {generation}."


def test_the_manager_knows_before_gatewayctl_does(gateway, simple, manager):
    running = gateway(simple, environment=manager.environment)
    manager.expect("READY")
    assert running.ctl("reload", "--wait").returncode == 0
    assert [set(message) & {"RELOADING", "READY"} for message in manager.received()] == [{"RELOADING"}, {"READY"}]


def test_a_refused_reload_ends_in_ready_too_and_the_status_says_why(gateway, simple, manager):
    running = gateway(simple, environment=manager.environment)
    manager.expect("READY")
    running.write("listeners: [\n")
    assert running.ctl("reload").returncode == 1
    manager.expect("RELOADING")
    status = manager.expect("READY")["STATUS"]
    assert status.startswith("Serving generation 1. The last reload (admin) was refused: ") and "gateway.yaml:" in status
    running.reload(simple)
    manager.expect("RELOADING")
    assert manager.expect("READY")["STATUS"] == "Serving generation 2.", "the next good one heals it"


def test_stopping_tells_how_long_it_may_take(gateway, simple, manager):
    running = gateway({**simple, "timeouts": {"drain": "100s"}}, environment=manager.environment)
    manager.expect("READY")
    running.signal(signal.SIGTERM)
    message = manager.next()
    assert message["STOPPING"] == "1" and 100_000_000 <= int(message["EXTEND_TIMEOUT_USEC"]) <= 120_000_000
    assert running.wait() == 0
    assert manager.received() == []


def test_a_start_that_fails_leaves_its_reason_as_the_status(gateway, simple, manager):
    running = gateway.unstarted({**simple, "trust": 3}, environment=manager.environment).spawn()
    assert running.wait() == 78
    (message,) = manager.received()
    assert set(message) == {"STATUS"} and "gateway.yaml:" in message["STATUS"] and "trust" in message["STATUS"]


def test_a_port_that_is_taken_is_the_status_and_never_ready(gateway, simple, manager):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        bind = "127.0.0.1:%d" % taken.getsockname()[1]
        running = gateway.unstarted({**simple, "listeners": [{"bind": bind}]}, environment=manager.environment).spawn()
        assert running.wait() == 1
        (message,) = manager.received()
        assert set(message) == {"STATUS"} and f"can't bind {bind}: Address already in use" in message["STATUS"]
        running.stop = lambda: None


@pytest.mark.parametrize("address", ["/nonexistent/notify", "notify", "@" + "x" * 120], ids=["nobody", "no address", "too long"])
def test_a_broken_notify_socket_costs_one_warning(gateway, simple, pki, address):
    running = gateway(simple, environment={"NOTIFY_SOCKET": address})
    running.reload()
    assert get(running.port, "open.test", pki).status == 200
    assert running.stderr().count("the service manager can't be told anything") == 1


def test_without_a_service_manager_nothing_is_said_of_one(gateway, simple):
    running = gateway(simple)
    running.reload()
    assert "service manager" not in running.stderr()


def test_keep_alives_end_while_one_worker_hangs(gateway, simple, manager):
    running = gateway({**simple, "workers": 2}, environment={**manager.environment, "WATCHDOG_USEC": "200000"})
    manager.expect("READY")
    for _ in range(3):
        assert manager.next() == {"WATCHDOG": "1"}
    with frozen_thread(running.process.pid, "worker-1"):
        eventually(lambda: '"workers":"1"' in running.stderr(), "the daemon notices")
        manager.received()
        # It takes two seconds, ten times the limit, to find that out.
        assert running.admin("/healthz") == (503, "worker 1 does not answer\n")
        assert manager.received() == []
    assert manager.expect("WATCHDOG")
    eventually(lambda: "all workers answer again" in running.stderr(), "and says when it is over")


def test_keep_alives_go_on_while_the_daemon_drains(gateway, pki, manager, origin):
    behind = origin(lambda exchange: None)
    doc = document(pki, virtual_host(pki, "open"), origins=[behind.address])
    running = gateway(doc, environment={**manager.environment, "WATCHDOG_USEC": "200000"})
    with tls(running.port, "open.test", pki) as busy:
        busy.send(head())
        behind.got(1)
        running.signal(signal.SIGTERM)
        manager.expect("STOPPING")
        for _ in range(3):
            assert manager.next() == {"WATCHDOG": "1"}
        running.signal(signal.SIGTERM)
        running.wait()

"""SIGTERM and SIGINT let running requests finish, within the drain timeout; a second one ends at once."""
import contextlib
import signal
import socket
import threading

import pytest

from harness.clients import head, tls
from harness.origin import answer
from harness.waiting import eventually


@pytest.fixture
def slow(open_host):
    go = threading.Event()
    running, behind = open_host(lambda exchange: answer(body="late") if exchange.request.target != "/slow" or go.wait(30) else None)
    yield running, behind, go
    go.set()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_running_requests_finish_and_idle_connections_close(slow, pki, number):
    running, behind, go = slow
    with tls(running.port, "open.test", pki) as busy, tls(running.port, "open.test", pki) as idle:
        assert idle.request().status == 200
        busy.send(head(target="/slow"))
        behind.got(2)
        running.signal(number)
        assert idle.is_closed()
        eventually(lambda: _refuses(running.port), "no new connection is taken")
        assert running.running()
        go.set()
        assert busy.response().text == "late"
        assert busy.is_closed()
    assert running.wait() == 0


def test_readyz_is_503_while_draining(slow, pki):
    running, behind, go = slow
    with tls(running.port, "open.test", pki) as busy:
        busy.send(head(target="/slow"))
        behind.got(1)
        running.signal(signal.SIGTERM)
        eventually(lambda: running.admin("/readyz")[0] == 503, "not ready any more")
        assert running.admin("/healthz")[0] == 200
        go.set()
        assert busy.response().status == 200
    assert running.wait() == 0


def test_a_second_signal_ends_at_once(slow, pki):
    running, behind, _ = slow
    with tls(running.port, "open.test", pki) as busy:
        busy.send(head(target="/slow"))
        behind.got(1)
        running.signal(signal.SIGTERM)
        eventually(lambda: _refuses(running.port), "draining")
        running.signal(signal.SIGTERM)
        running.wait(10)
        busy.ended()


def test_the_drain_timeout_bounds_it(open_host, pki):
    go = threading.Event()
    running, behind = open_host(lambda exchange: go.wait(30) and answer(), timeouts={"drain": "300ms"})
    with tls(running.port, "open.test", pki) as busy:
        busy.send(head())
        behind.got(1)
        running.signal(signal.SIGTERM)
        assert running.wait() == 0
        busy.ended()
    go.set()


def test_an_idle_gateway_stops_at_once_and_removes_its_socket(slow):
    running, _, _ = slow
    running.signal(signal.SIGTERM)
    assert running.wait() == 0
    assert not running.socket.exists()


def _refuses(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


def test_many_idle_connections_all_close_while_a_request_finishes(slow, pki):
    """They are told a few at a time."""
    running, behind, go = slow
    with contextlib.ExitStack() as stack:
        busy = stack.enter_context(tls(running.port, "open.test", pki))
        idle = [stack.enter_context(tls(running.port, "open.test", pki)) for _ in range(200)]
        assert all(each.request().status == 200 for each in idle)
        busy.send(head(target="/slow"))
        behind.got(201)
        running.signal(signal.SIGTERM)
        assert all(each.is_closed() for each in idle)
        assert running.running()
        go.set()
        assert busy.response().text == "late"
    assert running.wait() == 0

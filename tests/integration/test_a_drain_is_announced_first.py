"""`gatewayctl drain`: not ready any more, but serving, so that a load balancer can notice before anything is refused."""
import json
import signal
import subprocess
import threading
import time

import pytest

from harness.clients import context, get, head, tls
from harness.config import document, respond, virtual_host
from harness.gateway import ctl
from harness.origin import answer
from harness.waiting import eventually


@pytest.fixture
def slow(open_host):
    go = threading.Event()
    running, behind = open_host(lambda exchange: answer(body="late") if exchange.request.target != "/slow" or go.wait(30) else None)
    yield running, behind, go
    go.set()


def drain(running, *arguments):
    result = running.ctl("drain", *arguments)
    assert result.returncode == 0, result.stderr
    return result


@pytest.mark.parametrize("path", ["/drain", "/reload"])
def test_what_changes_something_takes_post_only(slow, path):
    """Whoever only looks at the admin socket must not take a gateway out of service."""
    running, _, _ = slow
    before = running.metric("gateway_config_generation")
    result = subprocess.run(["curl", "-sS", "-o", "/dev/null", "-w", "%{http_code}", "--max-time", "10", "--unix-socket", str(running.socket),
                             f"http://localhost{path}"], capture_output=True, text=True, timeout=20)
    assert result.stdout == "405", result.stderr
    assert running.admin("/readyz")[0] == 200
    assert running.metric("gateway_config_generation") == before


def test_whoever_asks_is_told_so(slow):
    running, _, _ = slow
    assert running.metric("gateway_draining") == 0
    assert "draining" in drain(running).stdout
    assert running.admin("/readyz") == (503, "draining\n")
    assert running.admin("/healthz")[0] == 200
    assert running.ctl("health").returncode == 1
    status = json.loads(running.ctl("--json", "status").stdout)
    assert status["draining"] and not status["ready"]
    assert running.metric("gateway_draining") == 1
    assert json.loads(drain(running, "--json").stdout) == {"ready": False, "draining": True}, "asked for twice it is the same"


def test_new_clients_are_served_and_asked_to_go_elsewhere(slow, pki):
    running, _, _ = slow
    drain(running)
    for _ in range(3):
        with tls(running.port, "open.test", pki) as client:
            response = client.request()
            assert response.text == "late" and response.get("connection") == "close"
            assert client.is_closed()


def test_a_request_that_runs_gets_its_answer(slow, pki):
    running, behind, go = slow
    with tls(running.port, "open.test", pki) as busy:
        busy.send(head(target="/slow"))
        behind.got(1)
        drain(running)
        go.set()
        response = busy.response()
        assert response.text == "late" and response.get("connection") == "close"
        assert busy.is_closed()


def test_an_idle_client_has_a_moment_for_a_request_that_is_on_its_way(slow, pki):
    running, _, _ = slow
    with tls(running.port, "open.test", pki) as quick, tls(running.port, "open.test", pki) as idle:
        assert quick.request().status == idle.request().status == 200
        drain(running)
        response = quick.request()
        assert response.text == "late" and response.get("connection") == "close"
        begin = time.monotonic()
        assert idle.is_closed()
        assert time.monotonic() - begin < 10, "long before its keep-alive timeout"


def test_a_response_that_has_begun_keeps_what_it_promised(open_host, pki):
    """Its head said keep-alive before the drain: a request that follows at once is served."""
    more = threading.Event()

    def handler(exchange):
        if exchange.request.target == "/second":
            return answer(body="second")
        exchange.send(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nab")
        more.wait(30)
        exchange.send(b"cd")
        return None

    running, _ = open_host(handler)
    with tls(running.port, "open.test", pki) as client:
        client.send(head(target="/first"))
        eventually(lambda: b"ab" in client.reader.buffer or not client.reader.fill(), "the response has begun")
        drain(running)
        more.set()
        assert client.response().text == "abcd"
        response = client.request(target="/second")
        assert response.text == "second" and response.get("connection") == "close"


def test_a_reload_still_works(slow, pki):
    running, _, _ = slow
    drain(running)
    doc = {**running.doc, "virtual_hosts": [virtual_host(pki, "open", routes=[respond("new")])]}
    running.reload(doc)
    assert get(running.port, "open.test", pki).text == "new"
    assert running.admin("/readyz")[0] == 503, "a reload does not take the drain back"


def test_wait_waits_all_of_its_time_and_ends_nothing(slow, pki):
    running, _, _ = slow
    begin = time.monotonic()
    drain(running, "--wait", "700ms")
    assert time.monotonic() - begin >= 0.7
    assert running.running() and get(running.port, "open.test", pki).status == 200
    running.signal(signal.SIGTERM)
    assert running.wait() == 0


@pytest.mark.parametrize("time", ["0s", "2h", "soon"])
def test_a_wait_is_bounded(time):
    assert ctl("drain", "--wait", time).returncode == 2


def test_clients_that_go_when_asked_lose_no_request(pki, gateway, origin):
    """As a load balancer does it: until /readyz says no, every client comes back; after that, SIGTERM finds nobody."""
    behind = origin()
    running = gateway(document(pki, virtual_host(pki, "open"), origins=[behind.address], workers=2))
    removed, failures, served = threading.Event(), [], [0] * 4

    def load(index):
        ctx, connection = context(pki), None
        while not removed.is_set() or connection:
            try:
                connection = connection or tls(running.port, "open.test", ctx=ctx)
                response = connection.request()
                served[index] += response.status == 200
                if response.get("connection") == "close":
                    connection.close()
                    connection = None
            except Exception as error:  # noqa: B902: whatever it was, a request failed
                failures.append(repr(error))
                return

    clients = [threading.Thread(target=load, args=[index]) for index in range(len(served))]
    for client in clients:
        client.start()
    eventually(lambda: min(served) > 5, "every client is served")
    drain(running)
    before = list(served)
    assert running.admin("/readyz")[0] == 503
    eventually(lambda: all(now > then + 5 for now, then in zip(served, before)), "all are served while the drain is announced")
    removed.set()
    for client in clients:
        client.join()
    running.signal(signal.SIGTERM)
    assert running.wait() == 0
    assert failures == []

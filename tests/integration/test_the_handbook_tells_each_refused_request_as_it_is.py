"""docs/operations.md says which status a client gets for each reason, and what the log adds: here each reason is caused."""
import fnmatch
import signal

import pytest

from harness.clients import get, head, tcp, tls
from harness.config import document, respond, trust_sets, virtual_host
from harness.gateway import Gateway
from harness.handbook import request_details, request_statuses
from harness.ocsp import Responder
from harness.origin import Origin
from harness.waiting import eventually, free_port

# What no client can cause from outside.
NOT_CAUSED = {"internal"}


def misbehave(exchange):
    if exchange.request.target == "/slow":
        return exchange.reader.fill() and None
    if exchange.request.target == "/reset":
        return exchange.reset()
    exchange.send(b"SSH-2.0-OpenSSH_9.2\r\n\r\n")
    return exchange.close()


@pytest.fixture(scope="module")
def running(pki):
    origin = Origin(misbehave)
    policies = {"p": {"rules": [{"name": "bob-only", "effect": "allow", "when": {"cn": "bob"}}]}}
    upstreams = {"origin": {"endpoints": [origin.address]}, "dead": {"endpoints": [f"127.0.0.1:{free_port()}"]},
                 "sick": {"endpoints": [f"127.0.0.1:{free_port()}"], "health_check": {"interval": "50ms", "fall": 1, "rise": 1}}}
    routes = [respond(path="/local"), {"path": "/dead", "upstream": "dead"}, {"path": "/sick", "upstream": "sick"}]
    routes += [{"path": f"/{name}", "upstream": "origin"} for name in ("slow", "reset", "nonsense")]
    responder = Responder(pki.root)
    responder.revoke(pki.client)
    responder.say[pki.bob.certificate.serial_number] = "unknown"
    trust = {**trust_sets(pki), "asking": {"ca": [str(pki.root.pem)], "revocation": {"ocsp": {"mode": "soft", "responder": responder.url}}}}
    doc = document(pki, virtual_host(pki, "open", routes=routes), virtual_host(pki, "flexible", "optional", policy="p", routes=[respond()]),
                   virtual_host(pki, "asking", "strict", trust="asking", routes=[respond()]), trust=trust,
                   policies=policies, upstreams=upstreams, limits={"request_line": "256B", "headers": "1KiB", "body": "10B"},
                   timeouts={"request_headers": "400ms", "upstream_response": "300ms", "drain": "300ms"})
    started = Gateway(doc).start()
    yield started
    started.stop()
    responder.stop()
    origin.stop()


def plain(target="/local", host="open.test", **options):
    return lambda running, pki: get(running.port, "open.test", pki, target, host=host, **options).status


def sent(data):
    def status(running, pki):
        with tls(running.port, "open.test", pki) as connection:
            connection.send(data)
            return connection.response().status

    return status


def field(name, value):
    return sent(head(target="/local", fields=[(name, value)]))


def no_endpoint(running, pki):
    eventually(lambda: get(running.port, "open.test", pki, "/sick").status == 503, "the health check takes the only endpoint out")
    return 503


def closed_by_the_client(running, pki):
    connection = tls(running.port, "open.test", pki)
    connection.send(head("POST", "/slow", fields=[("Content-Length", "5")]))
    connection.close()
    return running.logged(type="request", reason="client_closed")["status"]


CAUSES = {
    "bad_request": [plain("/%zz"), sent(b"BREW /local HTTP/1.1\r\nHost: open.test\r\n\r\n"), sent(b"GET /local HTTP/2.0\r\nHost: open.test\r\n\r\n"),
                    sent(b"CONNECT open.test:443 HTTP/1.1\r\nHost: open.test\r\n\r\n"), field("Expect", "200-ok")],
    "too_large": [plain(method="POST", body=b"12345678901"), plain("/" + "a" * 300), plain(fields=[("X-A", "a" * 2000)])],
    "wrong_host": [plain(host="flexible.test")],
    "no_route": [plain("/nowhere")],
    "policy_denied": [lambda running, pki: get(running.port, "flexible.test", pki, cert=pki.client).status],
    "not_authenticated": [lambda running, pki: get(running.port, "flexible.test", pki).status],
    "ocsp_revoked": [lambda running, pki: get(running.port, "asking.test", pki, cert=pki.client).status],
    "ocsp_unavailable": [lambda running, pki: get(running.port, "asking.test", pki, cert=pki.bob).status],
    "upstream_connect": [plain("/dead")],
    "upstream_timeout": [plain("/slow")],
    "upstream_reset": [plain("/reset")],
    "upstream_bad_response": [plain("/nonsense")],
    "no_endpoint": [no_endpoint],
    "client_closed": [closed_by_the_client],
    "timeout": [sent(b"GET / HTTP/1.1\r\nHo")],
}


@pytest.mark.parametrize("reason", sorted(CAUSES))
def test_the_client_gets_what_the_handbook_says(running, pki, reason):
    got = {str(cause(running, pki)) for cause in CAUSES[reason]}
    assert got == request_statuses()[reason]

    def told(detail):
        return [line for line in running.log_lines() if line.get("reason") == reason and fnmatch.fnmatchcase(line.get("detail", ""), detail)]

    for detail in request_details()[reason] or ["*"]:
        eventually(lambda: told(detail), f"a line with {reason} and '{detail}'")
    running.counted(1, "gateway_http_refusals_total", reason=reason)


def test_a_request_that_a_stop_cuts_off_is_in_the_log_only(pki, origin):
    behind = origin(lambda exchange: exchange.reader.fill() and None)
    running = Gateway(document(pki, virtual_host(pki, "open"), origins=[behind.address], timeouts={"drain": "100ms"})).start()
    with tls(running.port, "open.test", pki) as connection:
        connection.send(head())
        behind.got(1)
        running.signal(signal.SIGTERM)
        assert connection.ended() == b""
    assert {str(running.logged(type="request", reason="draining")["status"])} == request_statuses()["draining"]
    running.wait()
    running.stop()


def test_a_connection_over_the_limit_is_closed_at_once(pki, gateway):
    running = gateway(document(pki, virtual_host(pki, "open", routes=[respond()]), limits={"connections": 1}))
    with tls(running.port, "open.test", pki) as first, tcp(running.port) as second:
        assert first.request().status == 200
        assert second.ended() == b""
    assert request_statuses()["connection_limit"] == {"none"}
    running.counted(1, "gateway_client_connections_refused_total", reason="connection_limit")
    assert not [line for line in running.log_lines() if line.get("reason")]


def test_every_other_reason_is_caused_above():
    assert set(request_statuses()) == set(CAUSES) | NOT_CAUSED | {"draining", "connection_limit"}

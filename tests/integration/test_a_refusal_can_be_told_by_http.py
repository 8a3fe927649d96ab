"""on_refusal: http: who would have been refused by an alert gets 403 with the reason, and never anything else."""
import json
import re
import socket

import pytest

from harness.clients import context, curl, get, head, s_client, tls, tls_error
from harness.config import document, respond, trust_sets, virtual_host
from harness.gateway import Gateway
from harness.origin import Origin

BOTH = pytest.mark.parametrize("version", ["1.2", "1.3"])
REFUSED = {"expired": "expired", "future": "not_yet_valid", "revoked": "revoked", "stranger": "unknown_ca", "imposture": "unknown_ca",
           "orphan": "unknown_ca", "server_purpose": "wrong_purpose"}
HTTP = {"on_refusal": "http"}


class World:
    def __init__(self, pki, folder, store="auto"):
        self.pki, self.origin, self.store = pki, Origin(), store
        trust = trust_sets(pki)
        self.crl = pki.root.write_crl(folder / "root.crl", [pki.revoked])
        trust["clients"]["crl"] = [str(self.crl)]
        routes = [respond("inside", path="/respond"), {"path": "/echo", "respond": "echo"},
                  {"path": "/*", "upstream": "origin", "headers": {"set": {"X-Who": "${client.cn}"}}}]
        hosts = [virtual_host(pki, "kind", "strict", routes=routes, tls=HTTP, default=True),
                 virtual_host(pki, "kinder", "optional", routes=list(routes), tls=HTTP),
                 virtual_host(pki, "curt", "strict", routes=list(routes)), virtual_host(pki, "open", "off", routes=list(routes))]
        self.doc = document(pki, *hosts, origins=[self.origin.address], trust=trust, session={"store": store})
        self.gateway = Gateway(self.doc).start()
        self.port = self.gateway.port

    def stop(self):
        self.gateway.stop()
        self.origin.stop()


@pytest.fixture
def world(request, pki, tmp_path):
    made = World(pki, tmp_path, getattr(request, "param", "auto"))
    yield made
    made.stop()


@pytest.fixture(scope="module")
def shared(pki, tmp_path_factory):
    """For tests that change nothing. No request of theirs that is refused may reach its origin."""
    made = World(pki, tmp_path_factory.mktemp("shared"))
    yield made
    made.stop()


@pytest.fixture(scope="module", params=["process", "tickets"])
def by_store(request, pki, tmp_path_factory):
    """The same, for sessions that are kept here or there."""
    made = World(pki, tmp_path_factory.mktemp(request.param), request.param)
    yield made
    made.stop()


def told(response, reason):
    assert response.status == 403, response
    assert response.get("content-type") == "application/problem+json"
    assert response.get("connection") == "close"
    problem = json.loads(response.body)
    assert problem["status"] == 403 and problem["title"] == "Forbidden" and problem["type"] == "about:blank"
    assert problem["reason"] == reason and problem["detail"].endswith(".") and problem["request_id"] == response.get("x-request-id")
    return problem


@BOTH
@pytest.mark.parametrize("host", ["kind", "kinder"])
@pytest.mark.parametrize("kind", list(REFUSED))
def test_a_refused_certificate_is_told_its_reason(shared, pki, version, host, kind):
    labels = {"virtual_host": host, "reason": REFUSED[kind], "outcome": "failure"}
    handshakes = shared.gateway.metric("gateway_tls_handshakes_total", **labels)
    refusals = shared.gateway.metric("gateway_http_refusals_total", virtual_host=host, reason=REFUSED[kind])
    served = len(shared.origin.requests)
    with tls(shared.port, f"{host}.test", pki, cert=getattr(pki, kind), version=version) as connection:
        problem = told(connection.request(host=f"{host}.test", target="/to-upstream"), REFUSED[kind])
        assert connection.is_closed()
    # The failed handshake and the refused request are a line each, and are counted once each.
    assert shared.gateway.logged(request_id=problem["request_id"])["reason"] == REFUSED[kind]
    line = shared.gateway.logged(type="handshake", reason=REFUSED[kind], sni=f"{host}.test")
    assert line["virtual_host"] == host and line["presented_subject"]
    shared.gateway.counted(handshakes + 1, "gateway_tls_handshakes_total", **labels)
    assert shared.gateway.metric("gateway_tls_handshakes_total", **labels) == handshakes + 1
    assert shared.gateway.metric("gateway_http_refusals_total", virtual_host=host, reason=REFUSED[kind]) == refusals + 1
    assert len(shared.origin.requests) == served


@BOTH
def test_a_missing_certificate_is_told_where_one_is_required(shared, pki, version):
    served = len(shared.origin.requests)
    told(get(shared.port, "kind.test", pki, version=version), "no_certificate")
    assert len(shared.origin.requests) == served
    assert get(shared.port, "kinder.test", pki, version=version).status == 200
    assert shared.origin.last().get("x-who") is None


@BOTH
@pytest.mark.parametrize("host", ["kind", "kinder"])
def test_a_good_certificate_is_served(shared, pki, version, host):
    assert get(shared.port, f"{host}.test", pki, cert=pki.client, version=version).status == 200
    assert shared.origin.last().get("x-who") == "alice"


@pytest.mark.parametrize("target", ["/respond", "/echo", "/to-upstream", "/nowhere/../respond", "http://open.test/respond", "*", "//%2f"])
@pytest.mark.parametrize("host", ["kind.test", "open.test", "curt.test", "nobody.example", "198.51.100.7"])
@pytest.mark.parametrize("method", ["GET", "OPTIONS", "POST", "DELETE"])
def test_no_route_of_any_host_answers_a_barred_client(shared, pki, method, host, target):
    served = len(shared.origin.requests)
    with tls(shared.port, "kind.test", pki, cert=pki.stranger) as connection:
        told(connection.request(method, target, host), "unknown_ca")
        assert connection.is_closed()
    assert len(shared.origin.requests) == served


@BOTH
@pytest.mark.parametrize("cert", [None, "stranger"])
def test_nothing_follows_the_first_answer(shared, pki, version, cert):
    served = len(shared.origin.requests)
    requests = {
        "pipelined": head(host="kind.test") * 3,
        "upgrade": head(host="kind.test", fields=[("Connection", "Upgrade"), ("Upgrade", "websocket"), ("Sec-WebSocket-Version", "13"),
                                                  ("Sec-WebSocket-Key", "x3JJHMbDL1EzLkh9GBhXDw==")]) + head(host="kind.test"),
        "http/1.0": head(host=None, version="HTTP/1.0") + head(host="kind.test"),
        "keep-alive of http/1.0": head(host="kind.test", version="HTTP/1.0", fields=[("Connection", "keep-alive")]) * 2,
        "body": head("POST", host="kind.test", body=b"x" * 5000) + head(host="kind.test"),
        "chunked": head("POST", host="kind.test", fields=[("Transfer-Encoding", "chunked")]) + b"5\r\nhello\r\n0\r\n\r\n" + head(host="kind.test"),
        "body that does not come": head("POST", host="kind.test", fields=[("Content-Length", "10")]),
        "expect": head("POST", host="kind.test", fields=[("Content-Length", "5"), ("Expect", "100-continue")]),
        "early hints of an identity": head(host="kind.test", fields=[("Client-Cert", ":AAAA:"), ("X-Who", "alice")]),
    }
    for name, sent in requests.items():
        with tls(shared.port, "kind.test", pki, cert=getattr(pki, cert) if cert else None, version=version) as connection:
            connection.send(sent)
            told(connection.response(), "unknown_ca" if cert else "no_certificate")
            assert connection.ended() == b"", name
    assert len(shared.origin.requests) == served


def test_a_head_request_gets_no_body(shared, pki):
    with tls(shared.port, "kind.test", pki) as connection:
        connection.send(head("HEAD", host="kind.test"))
        response = connection.response("HEAD")
        assert response.status == 403 and int(response.get("content-length")) > 0
        assert connection.ended() == b""


def test_what_is_no_request_is_400_and_closes(shared, pki):
    with tls(shared.port, "kind.test", pki) as connection:
        connection.send(b"GET / HTTP/1.1\r\nHost: kind.test\r\nHost: open.test\r\n\r\n" + head(host="kind.test"))
        assert connection.response().status == 400
        assert connection.ended() == b""


@BOTH
@pytest.mark.parametrize("cert", [None, "stranger", "revoked"])
def test_a_barred_client_gets_no_ticket(by_store, pki, version, cert, tmp_path):
    saved = tmp_path / "session.pem"
    for options in ((), ("-groups", "P-521:P-256"))[:1 if version == "1.2" else 2]:
        got = s_client(by_store.port, "kind.test", pki, "-msg", *options, "-sess_out", str(saved), cert=getattr(pki, cert) if cert else None, version=version)
        assert got.status == 403, got
        assert not re.search(r"TLS session ticket:|Post-Handshake New Session Ticket", got.output), got.output
        ticket = re.search(r"<<< .*NewSessionTicket\n((?: +[0-9a-f ]+\n)+)", got.output)
        # Sealed for TLS 1.2 it was promised: it is empty (type, length, lifetime, length of the ticket).
        is_promised = version == "1.2" and by_store.store == "tickets"
        assert ticket is None if not is_promised else ticket[1].split()[-2:] == ["00", "00"], got.output
        assert by_store.gateway.metric("gateway_tls_sessions") == 0
        # A bare session id may have been told before the refusal: nothing stands behind it.
        assert saved.exists() or (version, by_store.store) != ("1.2", "process")
        if saved.exists():
            again = s_client(by_store.port, "kind.test", pki, *options, "-sess_in", str(saved), version=version)
            assert "Reused, " not in again.output and again.status == 403, again


@pytest.mark.parametrize("world", ["process", "tickets"], indirect=True)
@BOTH
def test_a_session_of_a_client_refused_since_is_told_so(world, pki, version):
    ctx = context(pki, version=version, cert=pki.client)
    with tls(world.port, "kind.test", ctx=ctx) as connection:
        assert connection.request(host="kind.test").status == 200
        session = connection.sock.session
    with tls(world.port, "kind.test", ctx=ctx, session=session) as connection:
        assert connection.sock.session_reused and connection.request(host="kind.test").status == 200
        session = connection.sock.session
    pki.root.write_crl(world.crl, [pki.client], number=2)
    world.gateway.reload()
    with tls(world.port, "kind.test", ctx=ctx, session=session) as connection:
        assert not connection.sock.session_reused
        told(connection.request(host="kind.test"), "revoked")
    assert len(world.origin.requests) == 2


@BOTH
def test_a_barred_client_stays_barred_whatever_is_reloaded(world, pki, version):
    """It waits with its request until its certificate would be welcome, and until there is no mode left to forbid it."""
    with tls(world.port, "kinder.test", pki, cert=pki.stranger, version=version) as one, \
            tls(world.port, "kind.test", pki, version=version) as two, tls(world.port, "kind.test", pki, version=version) as three:
        world.doc["trust"]["clients"] = {"ca": [str(pki.root.pem), str(pki.other.pem)]}
        world.gateway.reload(world.doc)
        told(one.request(host="kinder.test"), "unknown_ca")
        world.doc["virtual_hosts"][0]["tls"].update(client_auth="off", on_refusal="alert")
        world.doc["virtual_hosts"][0]["allow_lax_default"] = True
        world.gateway.reload(world.doc)
        told(two.request(host="kind.test"), "no_certificate")
        del world.doc["virtual_hosts"][0]
        world.gateway.reload(world.doc)
        assert three.is_closed()
    assert world.origin.requests == []


def test_a_barred_client_that_says_nothing_is_closed(pki, gateway):
    running = gateway(document(pki, virtual_host(pki, "kind", "strict", tls=HTTP, routes=[respond()]), timeouts={"request_headers": "300ms"}))
    with tls(running.port, "kind.test", pki) as connection:
        assert connection.is_closed()


@BOTH
def test_curl_shows_the_reason(shared, pki, version):
    got = curl(shared.port, "kind.test", pki, "--insecure", cert=pki.stranger, version=version)
    assert got.status == 403 and json.loads(got.output)["reason"] == "unknown_ca", got


@BOTH
def test_other_hosts_keep_their_alert(shared, pki, version):
    expected = {"1.2": "handshake failure", "1.3": "certificate required"}
    assert tls_error(shared.port, "curt.test", pki, version=version).endswith(expected[version])
    assert tls_error(shared.port, "curt.test", pki, cert=pki.expired, version=version).endswith("certificate expired")


def test_faults_of_the_protocol_keep_their_alert(shared, pki):
    assert tls_error(shared.port, "kind.test", pki, alpn=("h3",)).endswith("no application protocol")
    with socket.create_connection(("127.0.0.1", shared.port)) as raw:
        raw.sendall(b"GET / HTTP/1.1\r\nHost: kind.test\r\n\r\n")
        assert raw.recv(100).startswith(b"HTTP/1.1 400 ")


def test_many_kinds_of_clients_at_once_are_not_mixed_up(shared, pki):
    """Connections that are barred, served and anonymous, open at the same time on one worker."""
    kinds = [(pki.stranger, "kind", 403, None), (pki.client, "kind", 200, "alice"), (None, "kinder", 200, "nobody"), (pki.expired, "kinder", 403, None),
             (None, "kind", 403, None), (pki.bob, "kinder", 200, "bob")]
    open_now = [(tls(shared.port, f"{host}.test", pki, cert=cert), host, status, who) for cert, host, status, who in kinds * 3]
    for connection, host, status, who in open_now:
        before = len(shared.origin.requests)
        with connection:
            assert connection.request(host=f"{host}.test").status == status
        assert [each.get("x-who") or "nobody" for each in shared.origin.requests[before:]] == ([] if who is None else [who])

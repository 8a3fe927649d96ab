"""When a reload or the clock turns a connected client into a refused one, its connection ends within a second: idle or a tunnel at once,
busy after its response. It is counted and logged with its reason."""
import datetime as dt
import os
import threading
import time

import pytest

from harness.clients import head, tls
from harness.config import document, respond, trust_sets, virtual_host
from harness.origin import answer


UPGRADE = [("Connection", "Upgrade"), ("Upgrade", "websocket"), ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="), ("Sec-WebSocket-Version", "13")]
SWITCH = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"
# The promise; sanitizers are slow.
AT_MOST = 10 if os.environ.get("GATEWAY_SANITIZED") else 1


def ended_for(running, reason, host, count=1):
    """So many connections were ended for this reason and for no other, each with its line."""
    closed = "gateway_live_connections_closed_total"
    running.counted(count, closed, virtual_host=host, reason=reason)
    assert running.metric(closed) == running.metric(closed, virtual_host=host, reason=reason) == count
    line = running.logged(type="connection", reason=reason)
    assert line["virtual_host"] == host and line["duration"] >= 0
    return line


@pytest.fixture
def revocable(pki, gateway, origin, tmp_path):
    trust = trust_sets(pki)
    crl = pki.root.write_crl(tmp_path / "own.crl", [])
    trust["clients"]["crl"] = [str(crl)]
    hold = threading.Event()

    def handler(exchange):
        if exchange.request.target == "/slow":
            hold.wait(30)
        if exchange.request.target == "/tunnel":
            exchange.send(SWITCH)
            exchange.reader.fill()
            return exchange.close()
        return answer(body="served")

    behind = origin(handler)
    running = gateway(document(pki, virtual_host(pki, "strict", "strict"), virtual_host(pki, "flexible", "optional"), origins=[behind.address], trust=trust))

    def revoke(*certificates):
        pki.root.write_crl(crl, list(certificates), number=2)
        return running.reload()

    yield running, behind, revoke, hold
    hold.set()


@pytest.mark.parametrize("host", ["strict.test", "flexible.test"])
def test_an_idle_connection_of_a_revoked_client_closes_at_once(revocable, pki, host):
    running, _, revoke, _ = revocable
    with tls(running.port, host, pki, cert=pki.client) as revoked, tls(running.port, host, pki, cert=pki.bob) as other:
        assert revoked.request(host=host).status == other.request(host=host).status == 200
        revoke(pki.client)
        begun = time.monotonic()
        assert revoked.is_closed()
        assert time.monotonic() - begun < AT_MOST
        assert other.request(host=host).status == 200
    line = ended_for(running, "revoked", host.removesuffix(".test"))
    assert line["identity"]["cn"] == "alice" and line["sni"] == host


def test_a_tunnel_of_a_revoked_client_closes_at_once(revocable, pki):
    running, _, revoke, _ = revocable
    with tls(running.port, "strict.test", pki, cert=pki.client) as revoked:
        revoked.send(head(target="/tunnel", host="strict.test", fields=UPGRADE))
        assert revoked.response().status == 101
        revoke(pki.client)
        assert revoked.is_closed()
    ended_for(running, "revoked", "strict")
    assert running.logged(type="request", path="/tunnel")["reason"] == "revoked"


def test_a_busy_connection_of_a_revoked_client_closes_after_its_response(revocable, pki):
    running, behind, revoke, hold = revocable
    with tls(running.port, "strict.test", pki, cert=pki.client) as revoked:
        revoked.send(head(target="/slow", host="strict.test"))
        behind.got(1)
        revoke(pki.client)
        hold.set()
        assert revoked.response().text == "served"
        assert revoked.is_closed()
    ended_for(running, "revoked", "strict")


def test_a_revoked_clients_pipelined_request_is_not_served(revocable, pki):
    running, behind, revoke, hold = revocable
    with tls(running.port, "strict.test", pki, cert=pki.client) as revoked:
        revoked.send(head(target="/slow", host="strict.test") + head(target="/second", host="strict.test"))
        behind.got(1)
        revoke(pki.client)
        hold.set()
        assert revoked.response().text == "served"
        assert revoked.ended() == b""
    assert [request.target for request in behind.requests] == ["/slow"]


@pytest.mark.parametrize("cert", [None, "client"])
def test_a_host_that_turns_strict_keeps_only_who_proved_it(pki, gateway, cert):
    doc = document(pki, virtual_host(pki, "host", "optional", routes=[respond()]))
    running = gateway(doc)
    with tls(running.port, "host.test", pki, cert=getattr(pki, cert) if cert else None) as connection:
        assert connection.request(host="host.test").status == 200
        doc["virtual_hosts"][0]["tls"]["client_auth"] = "strict"
        running.reload(doc)
        if cert:
            assert connection.request(host="host.test").status == 200
        else:
            assert connection.is_closed()
            assert "identity" not in ended_for(running, "no_certificate", "host")


@pytest.mark.parametrize("lax, reason", [({"extended_key_usage": "if_present"}, "wrong_purpose"), ({"strict_profile": False}, "malformed_certificate"),
                                         ({"anchors": "any"}, "unknown_ca"), ({"depth": 5}, "chain_too_deep")])
def test_a_trust_set_that_asks_for_more_ends_the_connections_that_were_not_asked(pki, gateway, lax, reason):
    doc = document(pki, virtual_host(pki, "host", "strict", routes=[respond()]), virtual_host(pki, "open", routes=[respond()]))
    name = next(iter(doc["trust"]))
    strict = {**doc["trust"][name], **({"depth": 0} if "depth" in lax else {})}
    doc["trust"][name] = {**strict, **lax}
    running = gateway(doc)
    with tls(running.port, "host.test", pki, cert=pki.deep) as judged, tls(running.port, "open.test", pki) as stays:
        assert judged.request(host="host.test").status == stays.request().status == 200
        doc["trust"][name] = strict
        running.reload(doc)
        assert judged.is_closed()
        assert stays.request().status == 200
    ended_for(running, reason, "host")


def test_a_host_that_is_gone_closes_its_connections(pki, gateway):
    doc = document(pki, virtual_host(pki, "open", routes=[respond()]), virtual_host(pki, "other", routes=[respond()]))
    running = gateway(doc)
    with tls(running.port, "other.test", pki) as gone, tls(running.port, "open.test", pki) as stays:
        assert gone.request(host="other.test").status == stays.request().status == 200
        doc["virtual_hosts"].pop()
        running.reload(doc)
        assert gone.is_closed()
        assert stays.request().status == 200
    ended_for(running, "wrong_host", "other")


def test_a_removed_ca_ends_the_connections_under_it(pki, gateway):
    doc = document(pki, virtual_host(pki, "strict", "strict", routes=[respond()]))
    doc["trust"]["clients"] = {"ca": [str(pki.root.pem), str(pki.other.pem)]}
    running = gateway(doc)
    with tls(running.port, "strict.test", pki, cert=pki.stranger) as removed, tls(running.port, "strict.test", pki, cert=pki.client) as stays:
        assert removed.request(host="strict.test").status == stays.request(host="strict.test").status == 200
        doc["trust"]["clients"] = {"ca": [str(pki.root.pem)]}
        running.reload(doc)
        assert removed.is_closed()
        assert stays.request(host="strict.test").status == 200
    assert ended_for(running, "unknown_ca", "strict")["identity"]["cn"] == "stranger"


def test_a_certificate_that_expires_while_connected_ends_the_connection(pki, gateway):
    brief = pki.root.issue("brief", "brief", days=4 / 86400)
    running = gateway(document(pki, virtual_host(pki, "strict", "strict", routes=[respond()])))
    with tls(running.port, "strict.test", pki, cert=brief) as connection:
        assert connection.request(host="strict.test").status == 200
        assert connection.is_closed()
        # It is good until the end of that second.
        late = time.time() - (end_of(brief.certificate) + 1)
        assert 0 <= late < AT_MOST
    ended_for(running, "expired", "strict")


def test_a_busy_connection_whose_certificate_expires_ends_after_its_response(pki, gateway, origin):
    hold = threading.Event()
    behind = origin(lambda exchange: hold.wait(30) and answer(body="served"))
    brief = pki.root.issue("brief-busy", "brief", days=3 / 86400)
    running = gateway(document(pki, virtual_host(pki, "strict", "strict"), origins=[behind.address]))
    with tls(running.port, "strict.test", pki, cert=brief) as connection:
        connection.send(head(host="strict.test") + head(target="/second", host="strict.test"))
        behind.got(1)
        ended_for(running, "expired", "strict")
        hold.set()
        assert connection.response().text == "served"
        assert connection.ended() == b""
    assert len(behind.requests) == 1


def test_a_crl_that_runs_out_while_connected_ends_the_connections_under_it(pki, gateway, tmp_path):
    trust = trust_sets(pki)
    trust["clients"]["crl"] = [str(pki.root.write_crl(tmp_path / "brief.crl", [], days=4 / 86400))]
    running = gateway(document(pki, virtual_host(pki, "flexible", "optional", routes=[respond()]), trust=trust))
    with tls(running.port, "flexible.test", pki, cert=pki.client) as under_it, tls(running.port, "flexible.test", pki) as anonymous:
        assert under_it.request(host="flexible.test").status == anonymous.request(host="flexible.test").status == 200
        assert under_it.is_closed()
        assert anonymous.request(host="flexible.test").status == 200
    ended_for(running, "crl_expired", "flexible")


def test_a_policy_that_now_denies_answers_403_and_ends_no_connection(pki, gateway):
    def rule(effect):
        return {"default": "allow", "rules": [{"name": "alice", "effect": effect, "when": {"cn": "alice"}}]}

    doc = document(pki, virtual_host(pki, "strict", "strict", routes=[respond()], policy="who"), policies={"who": rule("allow")})
    running = gateway(doc)
    with tls(running.port, "strict.test", pki, cert=pki.client) as denied, tls(running.port, "strict.test", pki, cert=pki.bob) as other:
        assert denied.request(host="strict.test").status == other.request(host="strict.test").status == 200
        doc["policies"]["who"] = rule("deny")
        running.reload(doc)
        assert denied.request(host="strict.test").status == 403
        assert denied.request(host="strict.test").status == 403, "on the same connection"
        assert other.request(host="strict.test").status == 200
        doc["policies"]["who"] = rule("allow")
        running.reload(doc)
        assert denied.request(host="strict.test").status == 200
    running.counted(2, "gateway_http_refusals_total", virtual_host="strict", reason="policy_denied")
    assert running.metric("gateway_live_connections_closed_total") == 0


def end_of(certificate):
    return certificate.not_valid_after.replace(tzinfo=dt.timezone.utc).timestamp()

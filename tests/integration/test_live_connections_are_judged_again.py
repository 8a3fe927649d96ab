"""When a reload or the clock turns a connected client into a refused one, its connection ends: idle at once, busy after its response."""
import threading

import pytest

from harness.clients import head, tls
from harness.config import document, respond, trust_sets, virtual_host
from harness.origin import answer


@pytest.fixture
def revocable(pki, gateway, origin, tmp_path):
    trust = trust_sets(pki)
    crl = pki.root.write_crl(tmp_path / "own.crl", [])
    trust["clients"]["crl"] = [str(crl)]
    hold = threading.Event()

    def handler(exchange):
        if exchange.request.target == "/slow":
            hold.wait(30)
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
        assert revoked.is_closed()
        assert other.request(host=host).status == 200


def test_a_busy_connection_of_a_revoked_client_closes_after_its_response(revocable, pki):
    running, behind, revoke, hold = revocable
    with tls(running.port, "strict.test", pki, cert=pki.client) as revoked:
        revoked.send(head(target="/slow", host="strict.test"))
        behind.got(1)
        revoke(pki.client)
        hold.set()
        assert revoked.response().text == "served"
        assert revoked.is_closed()


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


def test_a_host_that_is_gone_closes_its_connections(pki, gateway):
    doc = document(pki, virtual_host(pki, "open", routes=[respond()]), virtual_host(pki, "other", routes=[respond()]))
    running = gateway(doc)
    with tls(running.port, "other.test", pki) as gone, tls(running.port, "open.test", pki) as stays:
        assert gone.request(host="other.test").status == stays.request().status == 200
        doc["virtual_hosts"].pop()
        running.reload(doc)
        assert gone.is_closed()
        assert stays.request().status == 200


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


def test_a_certificate_that_expires_while_connected_ends_the_connection(pki, gateway):
    brief = pki.root.issue("brief", "brief", days=4 / 86400)
    running = gateway(document(pki, virtual_host(pki, "strict", "strict", routes=[respond()])))
    with tls(running.port, "strict.test", pki, cert=brief) as connection:
        assert connection.request(host="strict.test").status == 200
        assert connection.is_closed()

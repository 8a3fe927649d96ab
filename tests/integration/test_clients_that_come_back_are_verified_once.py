"""A full handshake of a client that was here before: no signature check of its chain, yet today's verdict."""
import pytest

from harness.clients import VERSIONS, get, tls_error
from harness.config import document, respond, virtual_host

LOOKUPS = "gateway_tls_chain_cache_lookups_total"
PARSES = "gateway_tls_certificate_parses_total"


def value(running, name, **labels):
    return sum(sample for found, has, sample in running.samples() if found == name and labels.items() <= has.items())


@pytest.mark.parametrize("version", VERSIONS)
def test_a_returning_client_has_its_chain_verified_once(pki, gateway, version):
    running = gateway(document(pki, virtual_host(pki, "strict", "strict", routes=[respond()]), workers=1))
    for _ in range(5):
        assert get(running.port, "strict.test", pki, cert=pki.deep, version=version).status == 200
    running.counted(5, "gateway_tls_handshakes_total", outcome="success", resumed="false")
    assert value(running, LOOKUPS, result="miss") == 1
    assert value(running, LOOKUPS, result="hit") == 4
    assert value(running, PARSES, result="parsed") == 2, "the leaf and its intermediate"
    assert value(running, PARSES, result="shared") == 8
    assert value(running, "gateway_tls_chain_cache_chains") == 1


def test_another_client_is_verified_for_itself_and_a_stranger_leaves_nothing(pki, gateway):
    running = gateway(document(pki, virtual_host(pki, "strict", "strict", routes=[respond()]), workers=1))
    assert get(running.port, "strict.test", pki, cert=pki.client).status == 200
    assert get(running.port, "strict.test", pki, cert=pki.deep).status == 200
    for _ in range(3):
        assert "unknown ca" in tls_error(running.port, "strict.test", pki, cert=pki.stranger)
    running.counted(3, "gateway_tls_handshakes_total", outcome="failure")
    assert value(running, LOOKUPS, result="miss") == 5
    assert value(running, LOOKUPS, result="hit") == 0
    assert value(running, "gateway_tls_chain_cache_chains") == 2


def test_a_known_client_is_refused_at_a_host_that_trusts_others(pki, gateway):
    hosts = (virtual_host(pki, "strict", "strict", routes=[respond()]), virtual_host(pki, "other", "strict", trust="others", routes=[respond()]))
    running = gateway(document(pki, *hosts, workers=1))
    for _ in range(2):
        assert get(running.port, "strict.test", pki, cert=pki.client).status == 200
    assert "unknown ca" in tls_error(running.port, "other.test", pki, cert=pki.client)
    assert get(running.port, "strict.test", pki, cert=pki.client).status == 200

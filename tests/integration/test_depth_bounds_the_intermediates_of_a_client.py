"""`depth` is the most intermediates in a client's chain."""
import pytest

from harness.clients import get, tls_error
from harness.config import document, respond, trust_sets, virtual_host


@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_a_chain_longer_than_depth_is_refused(pki, gateway, version):
    trust = trust_sets(pki)
    trust["clients"]["depth"] = 0
    running = gateway(document(pki, virtual_host(pki, "strict", "strict", routes=[respond()]), trust=trust))
    assert get(running.port, "strict.test", pki, cert=pki.client, version=version).status == 200
    tls_error(running.port, "strict.test", pki, cert=pki.deep, version=version)
    running.logged(reason="chain_too_deep")


"""A client's chain must end in a root of the trust set. A set that holds an intermediate only refuses everybody, and says so before."""
import re

import pytest

from harness.clients import get, tls, tls_error
from harness.config import document, respond, virtual_host


@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_an_intermediate_alone_vouches_for_nobody_and_check_warns_of_it(pki, gateway, version):
    sets = {"clients": {"ca": [str(pki.issuing.pem)], "revocation": {"require": False}}}
    running = gateway(document(pki, virtual_host(pki, "strict", "strict", routes=[respond()]), trust=sets))
    assert "unknown ca" in tls_error(running.port, "strict.test", pki, cert=pki.deep, version=version)
    running.logged(type="handshake", reason="unknown_ca")
    said = r"gateway\.yaml:\d+:\d+: warning: CA certificate .*Test Issuing CA.* is an intermediate, and .*Test Client Root.*, which issued it, "
    assert re.search(said + r"is not in trust set 'clients': every client is refused \(unknown_ca\)", running.check().stderr)
    assert re.search(said, running.stderr()), "the daemon says it at its start, too"


def test_with_the_root_beside_it_everything_is_well(pki, gateway):
    sets = {"clients": {"ca": [str(pki.issuing.pem), str(pki.root.pem)], "revocation": {"require": False}}}
    running = gateway(document(pki, virtual_host(pki, "strict", "strict", routes=[respond()]), trust=sets))
    assert get(running.port, "strict.test", pki, cert=pki.deep).status == 200
    assert "intermediate" not in running.check().stderr


@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_with_any_anchors_an_intermediate_vouches_for_its_own_and_for_nobody_else(pki, gateway, version):
    sets = {"clients": {"ca": [str(pki.issuing.pem)], "anchors": "any", "revocation": {"require": False}}}
    running = gateway(document(pki, virtual_host(pki, "strict", "strict", routes=[respond()]), trust=sets))
    assert "intermediate" not in running.check().stderr
    assert get(running.port, "strict.test", pki, cert=pki.deep, version=version).status == 200
    for other in (pki.client, pki.stranger, pki.imposture):
        assert "unknown ca" in tls_error(running.port, "strict.test", pki, cert=other, version=version)


def test_anchors_that_must_be_roots_again_end_what_an_intermediate_vouched_for(pki, gateway):
    sets = {"clients": {"ca": [str(pki.issuing.pem)], "anchors": "any", "revocation": {"require": False}}}
    doc = document(pki, virtual_host(pki, "strict", "strict", routes=[respond()]), trust=sets)
    running = gateway(doc)
    for version in ("1.2", "1.3"):
        with tls(running.port, "strict.test", pki, cert=pki.deep, version=version) as connection:
            assert connection.request(host="strict.test").status == 200
            session = connection.sock.session
        del doc["trust"]["clients"]["anchors"]
        running.reload(doc)
        assert "unknown ca" in tls_error(running.port, "strict.test", pki, cert=pki.deep, version=version, session=session,
                                         ctx=connection.sock.context)
        doc["trust"]["clients"]["anchors"] = "any"
        running.reload(doc)

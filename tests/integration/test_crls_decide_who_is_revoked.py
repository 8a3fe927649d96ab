"""CRLs: expired ones refuse, missing ones only where revocation is required, each level of a chain is looked at."""
import pytest

from harness.clients import get, tls_error
from harness.config import document, respond, virtual_host


def start(pki, gateway, **trust):
    return gateway(document(pki, virtual_host(pki, "strict", "strict", routes=[respond()]), trust={"clients": {"ca": [str(pki.root.pem)], **trust}}))


def refused(running, pki, cert, alert, reason):
    assert tls_error(running.port, "strict.test", pki, cert=cert).endswith(alert)
    running.logged(reason=reason)


def test_an_expired_crl_refuses_everybody_it_speaks_of(pki, gateway, tmp_path):
    old = pki.root.write_crl(tmp_path / "old.crl", [], start=-10, days=-1)
    running = start(pki, gateway, crl=[str(old)])
    refused(running, pki, pki.client, "certificate unknown", "crl_expired")


def test_without_a_crl_an_issuer_is_not_checked(pki, gateway):
    running = start(pki, gateway)
    assert get(running.port, "strict.test", pki, cert=pki.revoked).status == 200


def test_required_revocation_refuses_where_a_crl_is_missing(pki, gateway):
    running = start(pki, gateway, crl=[str(pki.crl)], revocation={"require": True})
    assert get(running.port, "strict.test", pki, cert=pki.client).status == 200
    refused(running, pki, pki.deep, "certificate unknown", "crl_missing")


def test_a_revoked_intermediate_ends_all_below_it(pki, gateway, tmp_path):
    crl = pki.root.write_crl(tmp_path / "root.crl", [pki.issuing])
    running = start(pki, gateway, crl=[str(crl)])
    assert get(running.port, "strict.test", pki, cert=pki.client).status == 200
    refused(running, pki, pki.deep, "certificate revoked", "revoked")


def test_the_crl_of_an_intermediate_counts(pki, gateway, tmp_path):
    crl = pki.issuing.write_crl(tmp_path / "issuing.crl", [pki.deep])
    running = start(pki, gateway, crl=[str(pki.crl), str(crl)])
    refused(running, pki, pki.deep, "certificate revoked", "revoked")


def test_a_crl_of_the_same_name_but_another_key_revokes_nobody(pki, gateway, tmp_path):
    """A CRL that no anchor signed must neither revoke nor stand in for the real one."""
    forged = pki.impostor.write_crl(tmp_path / "forged.crl", [pki.client])
    running = gateway.unstarted(document(pki, virtual_host(pki, "strict", "strict", routes=[respond()]),
                                         trust={"clients": {"ca": [str(pki.root.pem)], "crl": [str(forged)]}}))
    if running.check().returncode == 0:
        running.start()
        assert get(running.port, "strict.test", pki, cert=pki.client).status == 200


@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_a_revoked_client_is_refused_from_the_first_reload_on(pki, gateway, tmp_path, version):
    crl = pki.root.write_crl(tmp_path / "own.crl", [])
    running = start(pki, gateway, crl=[str(crl)])
    assert get(running.port, "strict.test", pki, cert=pki.client, version=version).status == 200
    pki.root.write_crl(crl, [pki.client], number=2)
    running.reload()
    refused(running, pki, pki.client, "certificate revoked", "revoked")

"""CRLs: expired ones refuse, missing ones only where revocation is required, each level of a chain is looked at."""
import datetime as dt

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding

from harness.clients import get, tls, tls_error
from harness.config import document, respond, virtual_host
from harness.pki import DAY


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


def test_within_the_grace_an_expired_crl_still_tells_who_is_revoked(pki, gateway, tmp_path):
    old = pki.root.write_crl(tmp_path / "old.crl", [pki.bob], start=-10, days=-1)
    running = start(pki, gateway, crl=[str(old)], revocation={"on_expired": {"grace": "36h"}})
    assert get(running.port, "strict.test", pki, cert=pki.client).status == 200
    refused(running, pki, pki.bob, "certificate revoked", "revoked")
    said = running.check()
    assert "expired on" in said.stderr and "(crl_expired) from " in said.stderr, said.stderr
    due, refusing = (running.metric(f"gateway_crl_{what}_timestamp_seconds", trust="clients") for what in ("next_update", "refusal"))
    assert refusing - due == 36 * 3600


def test_after_the_grace_an_expired_crl_refuses(pki, gateway, tmp_path):
    old = pki.root.write_crl(tmp_path / "old.crl", [], start=-10, days=-1)
    running = start(pki, gateway, crl=[str(old)], revocation={"on_expired": {"grace": "23h"}})
    refused(running, pki, pki.client, "certificate unknown", "crl_expired")


def test_a_crl_that_expires_ends_what_is_connected(pki, gateway, tmp_path):
    brief = pki.root.write_crl(tmp_path / "brief.crl", [], days=4 / 86400)
    running = start(pki, gateway, crl=[str(brief)])
    with tls(running.port, "strict.test", pki, cert=pki.client) as connection:
        assert connection.request(host="strict.test").status == 200
        assert connection.is_closed()
    running.counted(1, "gateway_live_connections_closed_total", reason="crl_expired")


def test_with_the_scope_leaf_only_the_clients_own_certificate_is_looked_up(pki, gateway, tmp_path):
    root = pki.root.write_crl(tmp_path / "root.crl", [pki.issuing, pki.client])
    running = start(pki, gateway, crl=[str(root)], revocation={"scope": "leaf"})
    assert get(running.port, "strict.test", pki, cert=pki.deep).status == 200
    refused(running, pki, pki.client, "certificate revoked", "revoked")


def test_a_folder_of_crls_counts_as_all_of_its_files(pki, gateway, tmp_path):
    folder = tmp_path / "crls"
    folder.mkdir()
    pki.root.write_crl(folder / "root.crl", [pki.client])
    pki.issuing.write_crl(folder / "issuing.crl", [pki.deep])
    running = start(pki, gateway, crl=[str(folder)])
    refused(running, pki, pki.client, "certificate revoked", "revoked")
    refused(running, pki, pki.deep, "certificate revoked", "revoked")
    assert get(running.port, "strict.test", pki, cert=pki.bob).status == 200


def test_der_and_several_crls_in_one_pem_file_are_read(pki, gateway, tmp_path):
    root = pki.root.write_crl(tmp_path / "root.crl", [pki.client])
    issuing = pki.issuing.write_crl(tmp_path / "issuing.crl", [pki.deep])
    (tmp_path / "both.crl").write_bytes(root.read_bytes() + issuing.read_bytes())
    der = tmp_path / "der.crl"
    der.write_bytes(x509.load_pem_x509_crl(root.read_bytes()).public_bytes(Encoding.DER))
    for crls in ([tmp_path / "both.crl"], [der, issuing]):
        running = start(pki, gateway, crl=[str(crl) for crl in crls])
        refused(running, pki, pki.client, "certificate revoked", "revoked")
        refused(running, pki, pki.deep, "certificate revoked", "revoked")


def signed(pki, *extensions, entry=None):
    now = dt.datetime.utcnow()
    builder = x509.CertificateRevocationListBuilder().issuer_name(pki.root.subject).last_update(now - DAY).next_update(now + DAY)
    for extension in extensions:
        builder = builder.add_extension(extension, critical=True)
    revoked = x509.RevokedCertificateBuilder().serial_number(pki.client.certificate.serial_number).revocation_date(now - DAY)
    builder = builder.add_revoked_certificate((revoked.add_extension(entry, critical=True) if entry else revoked).build())
    return builder.sign(pki.root.key, hashes.SHA256()).public_bytes(Encoding.PEM)


def point(**only):
    told = {"full_name": None, "relative_name": None, "only_contains_user_certs": False, "only_contains_ca_certs": False,
            "only_some_reasons": None, "indirect_crl": False, "only_contains_attribute_certs": False}
    return x509.IssuingDistributionPoint(**{**told, **only})


UNUSABLE = {
    "delta": ("a delta CRL", lambda pki: signed(pki, x509.DeltaCRLIndicator(1))),
    "indirect": ("an indirect CRL", lambda pki: signed(pki, point(indirect_crl=True))),
    "entry of another issuer": ("an entry of another issuer",
                                lambda pki: signed(pki, entry=x509.CertificateIssuer([x509.DirectoryName(pki.other.subject)]))),
    "some reasons": ("some revocation reasons only",
                     lambda pki: signed(pki, point(only_some_reasons=frozenset({x509.ReasonFlags.key_compromise})))),
    "attributes": ("attribute certificates", lambda pki: signed(pki, point(only_contains_attribute_certs=True))),
    "unknown": ("unknown critical extension",
                lambda pki: signed(pki, x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\5\0"))),
    "forged": ("signature is not by the key of its issuer",
               lambda pki: pki.impostor.write_crl(pki.folder / "forged.crl", [pki.bob]).read_bytes()),
    "tomorrow": ("which is yet to come", lambda pki: pki.root.write_crl(pki.folder / "tomorrow.crl", start=1).read_bytes()),
    "half": ("a broken PEM block", lambda pki: pki.crl.read_bytes()[:300]),
    "empty": ("not a CRL", lambda pki: b""),
}


@pytest.mark.parametrize("kind", UNUSABLE)
def test_a_crl_that_could_not_be_applied_in_full_is_refused_and_the_last_good_one_stays(pki, gateway, tmp_path, kind):
    says, make = UNUSABLE[kind]
    crl = pki.root.write_crl(tmp_path / "own.crl", [pki.revoked])
    running = start(pki, gateway, crl=[str(crl)])
    crl.write_bytes(make(pki))
    answer = running.ctl("reload")
    assert answer.returncode != 0 and says in answer.stdout + answer.stderr and str(crl) in answer.stdout + answer.stderr
    refused(running, pki, pki.revoked, "certificate revoked", "revoked")
    assert get(running.port, "strict.test", pki, cert=pki.client).status == 200


def test_a_crl_of_end_entities_proves_no_ca_good(pki, gateway, tmp_path):
    users = tmp_path / "users.crl"
    users.write_bytes(signed(pki, point(only_contains_user_certs=True)))
    issuing = pki.issuing.write_crl(tmp_path / "issuing.crl")
    running = start(pki, gateway, crl=[str(users), str(issuing)], revocation={"require": True})
    refused(running, pki, pki.client, "certificate revoked", "revoked")
    assert get(running.port, "strict.test", pki, cert=pki.bob).status == 200
    refused(running, pki, pki.deep, "certificate unknown", "crl_missing")

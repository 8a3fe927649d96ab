"""Which CA of a trust set clients come with, so that an operator sees when an old one may go."""
import json

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes

from harness.clients import VERSIONS, context, get, tls, tls_error
from harness.config import document, respond, virtual_host
from harness.pki import DAY, Authority, _ca_usage, pem_of

COUNT = "gateway_tls_anchor_handshakes_total"


def fingerprint(authority):
    return authority.certificate.fingerprint(hashes.SHA256()).hex()


def counts(running):
    return {(labels["anchor"], labels["fingerprint"]): value for name, labels, value in running.samples() if name == COUNT}


def key(authority):
    cn, o = (authority.subject.get_attributes_for_oid(oid)[0].value for oid in (x509.NameOID.COMMON_NAME, x509.NameOID.ORGANIZATION_NAME))
    return f"CN={cn},O={o}", fingerprint(authority)[:16]


def trusting(pki, gateway, *authorities, workers=1):
    doc = document(pki, virtual_host(pki, "strict", "strict", routes=[respond()]), virtual_host(pki, "flexible", "optional", routes=[respond()]),
                   workers=workers)
    doc["trust"]["clients"] = {"ca": [str(each.pem) for each in authorities]}
    return gateway(doc), doc


@pytest.fixture
def generations(tmp_path):
    """Two CAs of one name: the old one, and the one with a new key."""
    return Authority(tmp_path, "one", "Generation CA"), Authority(tmp_path, "two", "Generation CA")


def test_each_anchor_begins_with_zero_and_counts_its_own(pki, gateway, generations):
    old, new = generations
    running, _ = trusting(pki, gateway, old, new, pki.root, workers=2)
    assert counts(running) == {key(old): 0, key(new): 0, key(pki.root): 0}
    clients = {old: old.issue("of-old"), new: new.issue("of-new"), pki.root: pki.deep}
    for times, client in enumerate(clients.values(), start=1):
        for _ in range(times):
            assert get(running.port, "strict.test", pki, cert=client).status == 200
    assert get(running.port, "flexible.test", pki).status == 200, "an anonymous client has no anchor"
    assert "unknown ca" in tls_error(running.port, "strict.test", pki, cert=pki.stranger)
    running.counted(6, COUNT, trust="clients")
    assert counts(running) == {key(old): 1, key(new): 2, key(pki.root): 3}


@pytest.mark.parametrize("version", VERSIONS)
def test_resumed_handshakes_count_too(pki, gateway, version):
    running, _ = trusting(pki, gateway, pki.root)
    ctx = context(pki, cert=pki.client, version=version)
    session = None
    for resumed in (False, True, True):
        with tls(running.port, "strict.test", ctx=ctx, session=session) as connection:
            assert connection.request(host="strict.test").status == 200
            assert connection.sock.session_reused == resumed
            session = connection.sock.session
    running.counted(3, COUNT)
    assert counts(running) == {key(pki.root): 3}


def test_status_tells_when_an_anchor_was_last_used(pki, gateway, generations):
    old, new = generations
    running, _ = trusting(pki, gateway, old, new)
    assert get(running.port, "strict.test", pki, cert=new.issue("of-new")).status == 200
    running.counted(1, COUNT)
    one, other = json.loads(running.ctl("--json", "status").stdout)["trust_anchors"]
    assert (one["trust"], one["fingerprint"], one["handshakes"], one["last_handshake"]) == ("clients", "sha256:" + fingerprint(old), 0, None)
    assert (other["fingerprint"], other["handshakes"]) == ("sha256:" + fingerprint(new), 1)
    assert running.logged(type="request")["time"][:16] == other["last_handshake"][:16]
    assert "Generation CA" in running.ctl("status").stdout


def cross_signed(authority, by, path):
    """The certificate of `authority`'s key, issued by another CA."""
    certificate = (
        x509.CertificateBuilder().subject_name(authority.subject).issuer_name(by.subject).public_key(authority.key.public_key())
        .serial_number(x509.random_serial_number()).not_valid_before(authority.certificate.not_valid_before)
        .not_valid_after(authority.certificate.not_valid_before + 100 * DAY)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True).add_extension(_ca_usage(), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(authority.key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(by.key.public_key()), critical=False)
        .sign(by.key, hashes.SHA256()))
    path.write_bytes(pem_of(certificate))
    return certificate


def test_a_cross_signed_ca_counts_under_the_old_root_until_the_new_one_is_trusted(pki, gateway, tmp_path):
    old, new = Authority(tmp_path, "old", "Old CA"), Authority(tmp_path, "new", "New CA")
    client = new.issue("crossing")
    client.pem.write_bytes(client.pem.read_bytes() + pem_of(cross_signed(new, old, tmp_path / "cross.pem")))
    running, doc = trusting(pki, gateway, old)
    assert get(running.port, "strict.test", pki, cert=client).status == 200
    running.counted(1, COUNT)
    assert counts(running) == {key(old): 1}
    doc["trust"]["clients"]["ca"].append(str(new.pem))
    running.reload(doc)
    for _ in range(2):
        assert get(running.port, "strict.test", pki, cert=client).status == 200
    running.counted(3, COUNT)
    assert counts(running) == {key(old): 1, key(new): 2}
    doc["trust"]["clients"]["ca"] = [str(new.pem)]
    running.reload(doc)
    assert get(running.port, "strict.test", pki, cert=client).status == 200
    running.counted(3, COUNT)
    assert counts(running) == {key(new): 3}, "the old one is gone from the config, and from the metrics"

"""Certificates that a CA signed but should not have: each is refused for the right reason, whether OpenSSL sees it or we do. Each stands
beside its like that is good, so that a refusal is for what was changed and for nothing else."""
import datetime as dt
import ipaddress

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

from harness.clients import get, tls_error
from harness.waiting import eventually
from harness.config import document, respond, virtual_host
from harness.pki import Authority, Certificate, pem_of

NOW = dt.datetime.utcnow()
DAY = dt.timedelta(days=1)
DNS, URI, EMAIL, IP = 0x82, 0x86, 0x81, 0x87
SAN, NAME_CONSTRAINTS, AIA, POLICY_CONSTRAINTS = "2.5.29.17", "2.5.29.30", "1.3.6.1.5.5.7.1.1", "2.5.29.36"
MALFORMED, WEAK, PURPOSE, NAMES, BAD = "malformed_certificate", "weak_key", "wrong_purpose", "name_constraint", "bad_signature"


def der(tag, *parts):
    body = b"".join(parts)
    assert len(body) < 0x10000
    size = bytes([len(body)]) if len(body) < 0x80 else b"\x81" + bytes([len(body)]) if len(body) < 0x100 else b"\x82" + len(body).to_bytes(2, "big")
    return bytes([tag]) + size + body


def names(*pairs):
    return raw(SAN, der(0x30, *(der(tag, value) for tag, value in pairs)))


def raw(oid, value, critical=False):
    return x509.UnrecognizedExtension(ObjectIdentifier(oid), value), critical


def usage(**bits):
    every = ["digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "key_cert_sign", "crl_sign",
             "encipher_only", "decipher_only"]
    return x509.KeyUsage(**{bit: bits.get(bit, False) for bit in every}), True


class Maker:
    """Issues what it is told to. `leaf` and `ca` begin with what a good one has; `without` takes an extension out."""

    def __init__(self, folder, root):
        self.folder, self.root, self.count = folder, root, 0

    def build(self, issuer, *, ca=False, extensions=(), without=(), key=None, subject=None, serial=None, start=-1, days=30, digest=None, patch=None):
        self.count += 1
        key = key or ec.generate_private_key(ec.SECP256R1())
        parts = [(x509.BasicConstraints(ca, None), True), (x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False),
                 (x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer[1].public_key()), False)]
        parts += [usage(key_cert_sign=True, crl_sign=True)] if ca else [usage(digital_signature=True),
                                                                       (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), False)]
        given = {extension.oid for extension, _ in extensions}
        parts = [part for part in parts if part[0].oid not in given and type(part[0]) not in without] + list(extensions)
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"mutant {self.count}")]) if subject is None else subject
        builder = (x509.CertificateBuilder().subject_name(name).issuer_name(issuer[0].subject).public_key(key.public_key())
                   .serial_number(serial or x509.random_serial_number()).not_valid_before(NOW + start * DAY).not_valid_after(NOW + days * DAY))
        for extension, critical in parts:
            builder = builder.add_extension(extension, critical)
        made = builder.sign(issuer[1], digest or hashes.SHA256())
        return (patched(made, issuer[1], patch) if patch else made), key

    def client(self, chain):
        leaf, key = chain[0]
        pem, key_path = self.folder / f"mutant{self.count}.pem", self.folder / f"mutant{self.count}.key"
        pem.write_bytes(b"".join(pem_of(each) for each, _ in chain))
        key_path.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
        return Certificate(leaf, key, pem, key_path)

    def leaf(self, **how):
        return self.client([self.build(self.root, **how)])

    def below(self, leaf=None, **how):
        """A leaf below an intermediate that is made as told."""
        issuer = self.build(self.root, ca=how.pop("ca", True), **how)
        return self.client([self.build(issuer, **(leaf or {})), issuer])


def patched(certificate, key, patch):
    """The same certificate with its to-be-signed bytes changed, and signed for what they are now."""
    tbs, algorithm = patch(certificate.tbs_certificate_bytes), der(0x30, bytes.fromhex("06082a8648ce3d040302"))
    outer = der(0x30, tbs, algorithm, der(0x03, b"\x00" + key.sign(tbs, ec.ECDSA(hashes.SHA256()))))
    return x509.load_der_x509_certificate(outer)


def swap(before, after):
    assert len(before) == len(after)

    def patch(tbs):
        assert tbs.count(before) == 1, tbs.hex()
        return tbs.replace(before, after)

    return patch


SERIAL = 0x1122334455667788
DSA_LIKE = bytes.fromhex("06082a8648ce3d040303")  # ecdsa-with-SHA384, where SHA256 signs
A_NAME = (DNS, b"a.example")
RSA3 = rsa.generate_private_key(3, 2048)
CONSTRAINED = (x509.NameConstraints([x509.DNSName("corp.example")], [x509.DNSName("bad.corp.example")]), True)

# What is changed, and what becomes of it: with the profile, and with `strict_profile: false`. None: it is good.
LEAVES = {
    "good": (lambda m: m.leaf(), None, None),
    "good ed25519": (lambda m: m.leaf(key=ed25519.Ed25519PrivateKey.generate()), None, None),
    "good with every kind of name": (lambda m: m.leaf(extensions=[names(A_NAME, (URI, b"spiffe://a/b"), (EMAIL, b"a@b.example"), (IP, bytes(4)))]), None, None),
    "NUL in a DNS name": (lambda m: m.leaf(extensions=[names((DNS, b"a.example\0.evil.example"))]), MALFORMED, MALFORMED),
    "IPv4 address as a DNS name": (lambda m: m.leaf(extensions=[names((DNS, b"10.1.2.3"))]), MALFORMED, MALFORMED),
    "IPv6 address as a DNS name": (lambda m: m.leaf(extensions=[names((DNS, b"fd00::1"))]), MALFORMED, MALFORMED),
    "URI as a DNS name": (lambda m: m.leaf(extensions=[names((DNS, b"https://a.example/"))]), MALFORMED, MALFORMED),
    "wildcard inside a DNS name": (lambda m: m.leaf(extensions=[names((DNS, b"a.*.example"))]), MALFORMED, MALFORMED),
    "leading dot": (lambda m: m.leaf(extensions=[names((DNS, b".a.example"))]), MALFORMED, MALFORMED),
    "empty DNS name": (lambda m: m.leaf(extensions=[names((DNS, b""))]), MALFORMED, MALFORMED),
    "UTF-8 in a DNS name": (lambda m: m.leaf(extensions=[names((DNS, "ä.example".encode()))]), MALFORMED, MALFORMED),
    "line break in a URI": (lambda m: m.leaf(extensions=[names((URI, b"spiffe://a/b\r\nX-Admin: 1"))]), MALFORMED, MALFORMED),
    "relative URI": (lambda m: m.leaf(extensions=[names((URI, b"/admin"))]), MALFORMED, MALFORMED),
    "mailbox without a domain": (lambda m: m.leaf(extensions=[names((EMAIL, b"admin"))]), MALFORMED, MALFORMED),
    "IP address of three bytes": (lambda m: m.leaf(extensions=[names((IP, b"\x0a\x01\x02"))]), MALFORMED, MALFORMED),
    "IP address with a mask": (lambda m: m.leaf(extensions=[names((IP, bytes(8)))]), MALFORMED, MALFORMED),
    "a bad name behind a good one": (lambda m: m.leaf(extensions=[names(A_NAME, (DNS, b"b\0"))]), MALFORMED, MALFORMED),
    "byte behind the names": (lambda m: m.leaf(extensions=[raw(SAN, der(0x30, der(DNS, b"a.example")) + b"\0")]), MALFORMED, None),
    "no name in the names": (lambda m: m.leaf(extensions=[raw(SAN, der(0x30))]), MALFORMED, None),
    "empty subject without names": (lambda m: m.leaf(subject=x509.Name([])), MALFORMED, None),
    "control byte in the subject": (lambda m: m.leaf(subject=x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a\nb")])), MALFORMED, MALFORMED),
    "name constraints": (lambda m: m.leaf(extensions=[CONSTRAINED]), MALFORMED, None),
    "may sign certificates without being a CA": (lambda m: m.leaf(extensions=[usage(digital_signature=True, key_cert_sign=True)]), MALFORMED, None),
    "may not sign": (lambda m: m.leaf(extensions=[usage(key_encipherment=True)]), PURPOSE, PURPOSE),
    "without a purpose": (lambda m: m.leaf(without=[x509.ExtendedKeyUsage]), PURPOSE, PURPOSE),
    "for servers": (lambda m: m.leaf(extensions=[(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False)]), PURPOSE, PURPOSE),
    "for anything": (lambda m: m.leaf(extensions=[(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE]), False)]), PURPOSE, PURPOSE),
    "unknown critical extension": (lambda m: m.leaf(extensions=[raw("1.2.3.4.5", b"\x05\x00", True)]), "bad_chain", "bad_chain"),
    "unknown extension": (lambda m: m.leaf(extensions=[raw("1.2.3.4.5", b"\x05\x00")]), None, None),
    "information access without a description": (lambda m: m.leaf(extensions=[raw(AIA, der(0x30))]), MALFORMED, None),
    "negative serial": (lambda m: m.leaf(serial=SERIAL, patch=swap(bytes.fromhex("02081122"), bytes.fromhex("02089122"))), MALFORMED, None),
    "serial zero": (lambda m: m.leaf(serial=0x11, patch=swap(bytes.fromhex("02011130"), bytes.fromhex("02010030"))), MALFORMED, None),
    "serial of 20 bytes": (lambda m: m.leaf(serial=SERIAL << 96), None, None),
    "two algorithms": (lambda m: m.leaf(patch=lambda tbs: tbs.replace(bytes.fromhex("06082a8648ce3d040302"), DSA_LIKE, 1)), BAD, BAD),
    "SHA-1": (lambda m: m.leaf(digest=hashes.SHA1()), WEAK, WEAK),
    "RSA of 1024 bits": (lambda m: m.leaf(key=rsa.generate_private_key(65537, 1024)), WEAK, WEAK),
    "RSA with exponent 3": (lambda m: m.leaf(key=RSA3), WEAK, None),
    "ends before it begins": (lambda m: m.leaf(start=5, days=6), "not_yet_valid", "not_yet_valid"),
}

CHAINS = {
    "good": (lambda m: m.below(), None, None),
    "no CA": (lambda m: m.below(ca=False), "bad_chain", "bad_chain"),
    "without basic constraints": (lambda m: m.below(without=[x509.BasicConstraints]), "bad_chain", "bad_chain"),
    "basic constraints not critical": (lambda m: m.below(extensions=[(x509.BasicConstraints(True, None), False)]), MALFORMED, None),
    "may not sign certificates": (lambda m: m.below(extensions=[usage(digital_signature=True)]), "bad_chain", "bad_chain"),
    "for servers": (lambda m: m.below(extensions=[(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False)]), PURPOSE, PURPOSE),
    "SHA-1": (lambda m: m.below(digest=hashes.SHA1()), WEAK, WEAK),
    "RSA with exponent 3": (lambda m: m.below(key=RSA3), WEAK, None),
    "unknown critical extension": (lambda m: m.below(extensions=[raw("1.2.3.4.5", b"\x05\x00", True)]), "bad_chain", "bad_chain"),
    "expired": (lambda m: m.below(start=-9, days=-1), "expired", "expired"),
    "policy constraints not critical": (lambda m: m.below(extensions=[raw(POLICY_CONSTRAINTS, bytes.fromhex("3003800105"))]), MALFORMED, None),
    "empty constraints": (lambda m: m.below(extensions=[raw(NAME_CONSTRAINTS, bytes.fromhex("3004a000a100"), True)]), NAMES, NAMES),
    "constraints kept": (lambda m: m.below({"extensions": [names((DNS, b"a.corp.example"))]}, extensions=[CONSTRAINED]), None, None),
    "constraints broken": (lambda m: m.below({"extensions": [names((DNS, b"a.other.example"))]}, extensions=[CONSTRAINED]), NAMES, NAMES),
    "constraints that aren't critical broken": (
        lambda m: m.below({"extensions": [names((DNS, b"a.other.example"))]}, extensions=[(CONSTRAINED[0], False)]), NAMES, NAMES),
    "wildcard over an excluded name": (lambda m: m.below({"extensions": [names((DNS, b"*.corp.example"))]}, extensions=[CONSTRAINED]), NAMES, NAMES),
    "common name outside of the constraints": (
        lambda m: m.below({"subject": x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "admin.other.example")]),
                           "extensions": [names((DNS, b"a.corp.example"))]}, extensions=[CONSTRAINED]), NAMES, NAMES),
    "address outside of the constraints": (
        lambda m: m.below({"extensions": [names((IP, bytes([11, 0, 0, 1])))]},
                          extensions=[(x509.NameConstraints([x509.IPAddress(ipaddress.ip_network("10.0.0.0/8"))], None), True)]), NAMES, NAMES),
}
CASES = {**{f"leaf: {name}": case for name, case in LEAVES.items()}, **{f"intermediate: {name}": case for name, case in CHAINS.items()}}


@pytest.fixture(scope="module")
def hosts(pki, tmp_path_factory):
    from harness.gateway import Gateway

    folder = tmp_path_factory.mktemp("mutants")
    root = Authority(folder, "mutants-root", "Mutants Root")
    sets = {"strict": {"ca": [str(root.pem)], "revocation": {"require": False}},
            "lenient": {"ca": [str(root.pem)], "revocation": {"require": False}, "strict_profile": False}}
    running = Gateway(document(pki, virtual_host(pki, "strict", "strict", trust="strict", routes=[respond()]),
                               virtual_host(pki, "lenient", "strict", trust="lenient", hosts=["strict2.test"], routes=[respond()]), trust=sets)).start()
    running.maker = Maker(folder, (root.certificate, root.key))
    yield running
    running.stop()


@pytest.mark.parametrize("version", ["1.2", "1.3"])
@pytest.mark.parametrize("case", CASES)
def test_a_certificate_is_taken_or_refused_for_the_right_reason(hosts, pki, case, version):
    make, strict, lenient = CASES[case]
    client = make(hosts.maker)
    for host, reason in (("strict.test", strict), ("strict2.test", lenient)):
        if reason is None:
            assert get(hosts.port, host, pki, cert=client, version=version, seclevel=0).status == 200, host
            continue
        seen = len(hosts.log_lines())
        tls_error(hosts.port, host, pki, cert=client, version=version, seclevel=0)
        lines = eventually(lambda: [line for line in hosts.log_lines()[seen:] if line["type"] == "handshake"], "the refusal is logged")
        assert [line["reason"] for line in lines] == [reason], (host, lines)

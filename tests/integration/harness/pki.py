"""Certificates of every kind that a client can come with, good and bad, as PEM files in one folder."""
import datetime as dt
import ipaddress
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID, NameOID

DAY = dt.timedelta(days=1)


@dataclass(frozen=True)
class Certificate:
    """A certificate with its key. `pem` holds what a client presents: the certificate, then its intermediates."""

    certificate: x509.Certificate
    private_key: object
    pem: Path
    key: Path

    @property
    def fingerprint(self):
        return self.certificate.fingerprint(hashes.SHA256()).hex()

    @property
    def spki_fingerprint(self):
        digest = hashes.Hash(hashes.SHA256())
        digest.update(
            self.certificate.public_key().public_bytes(
                serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
            )
        )
        return digest.finalize().hex()

    @property
    def serial(self):
        text = f"{self.certificate.serial_number:X}"
        return text if len(text) % 2 == 0 else "0" + text

    @property
    def der(self):
        return self.certificate.public_bytes(serialization.Encoding.DER)


def name(cn, ou=None, o=None):
    parts = [(NameOID.ORGANIZATION_NAME, o), (NameOID.ORGANIZATIONAL_UNIT_NAME, ou), (NameOID.COMMON_NAME, cn)]
    return x509.Name([x509.NameAttribute(oid, value) for oid, value in parts if value is not None])


def pem_of(certificate):
    return certificate.public_bytes(serialization.Encoding.PEM)


class Authority:
    """One CA: issues, revokes, writes CRLs."""

    def __init__(self, folder, stem, cn, parent=None):
        self.folder, self.parent, self.stem = folder, parent, stem
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.subject = name(cn, o="Gateway Test")
        self.revoked = []
        now = dt.datetime.utcnow()
        issuer = parent or self
        self.certificate = (
            x509.CertificateBuilder()
            .subject_name(self.subject)
            .issuer_name(issuer.subject)
            .public_key(self.key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - DAY)
            .not_valid_after(now + 3650 * DAY)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .add_extension(_ca_usage(), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(self.key.public_key()), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.key.public_key()), critical=False)
            .sign(issuer.key, hashes.SHA256())
        )
        self.pem = folder / f"{stem}.pem"
        self.pem.write_bytes(pem_of(self.certificate))

    def chain(self):
        """The intermediates from this CA up, without the root."""
        return b"" if self.parent is None else pem_of(self.certificate) + self.parent.chain()

    def issue(self, stem, cn="client", *, ou=None, o=None, dns=(), uri=(), email=(), ip=(), start=-1, days=365, server=False,
              purpose=None, key=None, serial=None, ocsp=None):
        """`start` and `days` are days from now. `purpose` replaces the extended key usage; () leaves it out. `ocsp`: the responder's URL."""
        key = key or ec.generate_private_key(ec.SECP256R1())
        now = dt.datetime.utcnow()
        names = [x509.DNSName(v) for v in dns] + [x509.UniformResourceIdentifier(v) for v in uri]
        names += [x509.RFC822Name(v) for v in email] + [x509.IPAddress(ipaddress.ip_address(v)) for v in ip]
        if purpose is None:
            purpose = [ExtendedKeyUsageOID.SERVER_AUTH if server else ExtendedKeyUsageOID.CLIENT_AUTH]
        builder = (
            x509.CertificateBuilder()
            .subject_name(name(cn, ou, o))
            .issuer_name(self.subject)
            .public_key(key.public_key())
            .serial_number(serial or x509.random_serial_number())
            .not_valid_before(now + start * DAY)
            .not_valid_after(now + days * DAY)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()), critical=False)
        )
        if purpose:
            builder = builder.add_extension(x509.ExtendedKeyUsage(purpose), critical=False)
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        if ocsp:
            access = x509.AccessDescription(AuthorityInformationAccessOID.OCSP, x509.UniformResourceIdentifier(ocsp))
            builder = builder.add_extension(x509.AuthorityInformationAccess([access]), critical=False)
        certificate = builder.sign(self.key, hashes.SHA256())
        pem, key_path = self.folder / f"{stem}.pem", self.folder / f"{stem}.key"
        pem.write_bytes(pem_of(certificate) + self.chain())
        key_path.write_bytes(
            key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        )
        key_path.chmod(0o600)
        return Certificate(certificate, key, pem, key_path)

    def write_crl(self, path, revoked=(), *, start=-1, days=30, number=1):
        now = dt.datetime.utcnow()
        builder = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(self.subject)
            .last_update(now + start * DAY)
            .next_update(now + days * DAY)
            .add_extension(x509.CRLNumber(number), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()), critical=False)
        )
        for each in revoked:
            builder = builder.add_revoked_certificate(
                x509.RevokedCertificateBuilder()
                .serial_number(each.certificate.serial_number)
                .revocation_date(now - dt.timedelta(hours=1))
                .build()
            )
        crl = builder.sign(self.key, hashes.SHA256())
        temporary = path.with_suffix(".new")
        temporary.write_bytes(crl.public_bytes(serialization.Encoding.PEM))
        temporary.rename(path)
        return path


def _ca_usage():
    return x509.KeyUsage(digital_signature=True, key_cert_sign=True, crl_sign=True, content_commitment=False,
                         key_encipherment=False, data_encipherment=False, key_agreement=False, encipher_only=False,
                         decipher_only=False)


class Pki:
    """Made once per test process. Tests that change files (CRLs, rotated certificates) write them into their own folder."""

    def __init__(self, folder):
        self.folder = folder
        self.server_ca = Authority(folder, "server-ca", "Test Server CA")
        self.root = Authority(folder, "root", "Test Client Root")
        self.issuing = Authority(folder, "issuing", "Test Issuing CA", parent=self.root)
        self.other = Authority(folder, "other", "Another Client Root")
        self.impostor = Authority(folder, "impostor", "Test Client Root")  # the same name, another key
        # curl takes no wildcard for a whole top-level domain, so the hosts it visits stand here by name.
        names = ["open.test", "flexible.test", "strict.test", "strict2.test", "*.test", "*.deep.test", "localhost"]
        self.server = self.server_ca.issue("server", "gateway", server=True, dns=names, ip=["127.0.0.1", "::1"])
        self.client = self.root.issue(
            "client", "alice", ou="Payments", o="Example Corp", dns=["alice.clients.example"], uri=["spiffe://corp.example/batch/alice"],
            email=["alice@example.com"], ip=["10.1.2.3", "fd00::7"],
        )
        self.bob = self.root.issue("bob", "bob", dns=["bob.partner.example"], uri=["spiffe://corp.example/web/bob"])
        self.deep = self.issuing.issue("deep", "deep", dns=["deep.clients.example"])
        self.stranger = self.other.issue("stranger", "stranger", dns=["alice.clients.example"])
        self.imposture = self.impostor.issue("imposture", "alice", dns=["alice.clients.example"])
        self.expired = self.root.issue("expired", "expired", start=-30, days=-1)
        self.future = self.root.issue("future", "future", start=10, days=20)
        self.revoked = self.root.issue("revoked", "revoked")
        self.server_purpose = self.root.issue("server-purpose", "not-a-client", purpose=[ExtendedKeyUsageOID.SERVER_AUTH])
        self.weak = self.root.issue("weak", "weak", key=rsa.generate_private_key(65537, 1024))
        self.orphan = self._without_intermediate()
        self.crl = self.root.write_crl(folder / "root.crl", [self.revoked])

    def _without_intermediate(self):
        lone = self.issuing.issue("orphan", "orphan")
        lone.pem.write_bytes(pem_of(lone.certificate))
        return lone

"""The certificates of a measurement: for each key type a root, an intermediate that issues clients, a server, and eight clients. A client
sends its leaf and the intermediate."""
import datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

HOST = "bench.test"
CLIENTS = 8


class Authority:
    def __init__(self, folder, kind):
        self.folder, self.kind = folder, kind

    def key(self):
        if self.kind == "rsa":
            return rsa.generate_private_key(public_exponent=65537, key_size=2048)
        return ec.generate_private_key(ec.SECP256R1())

    def issue(self, name, common_name, issuer=None, *, ca_depth=None, usage=None, names=()):
        """Writes NAME.pem and NAME.key; without an issuer it is its own. Returns (certificate, key)."""
        key = self.key()
        subject = x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Bench"), x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
        issuer_certificate, issuer_key = issuer or (None, key)
        now = datetime.datetime.now(datetime.timezone.utc)
        builder = (x509.CertificateBuilder().subject_name(subject).issuer_name(issuer_certificate.subject if issuer else subject)
                   .public_key(key.public_key()).serial_number(x509.random_serial_number())
                   .not_valid_before(now - datetime.timedelta(hours=1)).not_valid_after(now + datetime.timedelta(days=30)))
        is_ca = ca_depth is not None
        builder = builder.add_extension(x509.BasicConstraints(is_ca, ca_depth), critical=True)
        builder = builder.add_extension(x509.KeyUsage(
            digital_signature=not is_ca, key_cert_sign=is_ca, crl_sign=is_ca, content_commitment=False, key_encipherment=False,
            data_encipherment=False, key_agreement=False, encipher_only=False, decipher_only=False), critical=True)
        builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        builder = builder.add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False)
        if usage:
            builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(each) for each in names]), critical=False)
        certificate = builder.sign(issuer_key, hashes.SHA256())
        chain = pem(certificate) + (pem(issuer_certificate) if usage == ExtendedKeyUsageOID.CLIENT_AUTH else b"")
        private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        self.write(f"{name}.pem", chain)
        self.write(f"{name}.key", private)
        self.write(f"{name}-all.pem", chain + private)
        return certificate, key

    def write(self, name, content):
        path = self.folder / f"{self.kind}-{name}"
        path.touch(mode=0o600)
        path.write_bytes(content)


def pem(certificate):
    return certificate.public_bytes(serialization.Encoding.PEM)


def make(folder):
    """KIND-ca.pem, KIND-intermediate.pem, KIND-server.pem, KIND-client-N.pem with their .key; -all.pem has both."""
    folder = Path(folder)
    for kind in ("ec", "rsa"):
        authority = Authority(folder, kind)
        root = authority.issue("ca", f"Bench root {kind}", ca_depth=1)
        intermediate = authority.issue("intermediate", f"Bench clients {kind}", root, ca_depth=0)
        authority.issue("server", HOST, root, usage=ExtendedKeyUsageOID.SERVER_AUTH, names=[HOST])
        for number in range(CLIENTS):
            authority.issue(f"client-{number}", f"client-{number}", intermediate, usage=ExtendedKeyUsageOID.CLIENT_AUTH,
                            names=[f"client-{number}.{HOST}"])
    return folder

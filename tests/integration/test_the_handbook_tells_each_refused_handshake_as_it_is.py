"""docs/operations.md says which alert a client gets for each reason: here each reason is caused, on TLS 1.2 and 1.3."""
import fnmatch
import ssl
import struct
from types import SimpleNamespace

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from harness.clients import context, tcp, tls, tls_error
from harness.config import document, respond, virtual_host
from harness.gateway import Gateway
from harness.handbook import handshake_rows
from harness.pki import DAY, Authority, Certificate, pem_of

# What no client can cause from outside.
NOT_CAUSED = {"internal"}


def tampered(pki):
    """A certificate whose signature has one wrong bit."""
    der = bytearray(pki.client.der)
    der[-1] ^= 1
    pem = pki.folder / "tampered.pem"
    pem.write_bytes(pem_of(x509.load_der_x509_certificate(bytes(der))))
    return Certificate(None, None, pem, pki.client.key)


def below_a_leaf(pki):
    """A certificate that was signed by one that is no CA."""
    false_authority = SimpleNamespace(folder=pki.folder, key=pki.client.private_key, subject=pki.client.certificate.subject,
                                      chain=lambda: pem_of(pki.client.certificate))
    return Authority.issue(false_authority, "below-a-leaf", "below")


def constrained(pki):
    """A certificate with a name that its CA may not use."""
    authority = Authority(pki.folder, "constrained", "Constrained CA", parent=pki.root)
    certificate = authority.certificate
    builder = x509.CertificateBuilder(issuer_name=certificate.issuer, subject_name=certificate.subject, public_key=authority.key.public_key(),
                                      serial_number=x509.random_serial_number(), not_valid_before=certificate.not_valid_before,
                                      not_valid_after=certificate.not_valid_after, extensions=list(certificate.extensions))
    names = x509.NameConstraints(permitted_subtrees=[x509.DNSName("allowed.example")], excluded_subtrees=None)
    authority.certificate = builder.add_extension(names, critical=True).sign(pki.root.key, hashes.SHA256())
    return authority.issue("outside", "outside", dns=["other.example"])


def without_key_identifier(pki):
    """As older tools issue them: no authorityKeyIdentifier."""
    key, now = ec.generate_private_key(ec.SECP256R1()), pki.client.certificate.not_valid_before
    builder = x509.CertificateBuilder(issuer_name=pki.root.subject, subject_name=pki.client.certificate.subject, public_key=key.public_key(),
                                      serial_number=7, not_valid_before=now, not_valid_after=now + 99 * DAY)
    made = pki.root.issue("bare", "bare", key=key)
    made.pem.write_bytes(pem_of(builder.sign(pki.root.key, hashes.SHA256())))
    return made


@pytest.fixture(scope="module")
def running(pki, tmp_path_factory):
    folder = tmp_path_factory.mktemp("crls")
    crl = [str(pki.crl)]
    trust = {
        "clients": {"ca": [str(pki.root.pem)], "crl": crl},
        "shallow": {"ca": [str(pki.root.pem)], "crl": crl, "depth": 0},
        "stale": {"ca": [str(pki.root.pem)], "crl": [str(pki.root.write_crl(folder / "stale.crl", [], start=-10, days=-1))]},
        "demanding": {"ca": [str(pki.root.pem)], "crl": crl, "revocation": {"require": True}},
    }
    hosts = [virtual_host(pki, name, "strict", trust=name, routes=[respond()]) for name in trust]
    hosts.append(virtual_host(pki, "only12", tls={"max_version": "1.2"}, routes=[respond()]))
    hosts.append(virtual_host(pki, "only13", tls={"min_version": "1.3"}, routes=[respond()]))
    started = Gateway(document(pki, *hosts, trust=trust, timeouts={"handshake": "400ms"})).start()
    yield started
    started.stop()


@pytest.fixture(scope="module")
def odd(pki):
    return {"bad_signature": tampered(pki), "bad_chain": below_a_leaf(pki), "name_constraint": constrained(pki),
            "malformed_certificate": without_key_identifier(pki), "too_large": bulky(pki)}


def refused(port, pki, cert=None, host="clients.test", **options):
    return tls_error(port, host, pki, cert=cert, **options)


def alert_in(data):
    """The alert of a TLS record in clear, or none."""
    if len(data) >= 7 and data[0] == 21:
        return {40: "handshake failure", 70: "protocol version"}.get(data[6], f"alert {data[6]}")
    return "none"


def raw(port, data):
    with tcp(port) as connection:
        connection.send(data)
        return connection.ended()


def no_common_cipher(port, pki, version):
    if version == "1.2":
        ctx = context(pki, version="1.2")
        ctx.set_ciphers("AES128-SHA")  # RSA key exchange, which the gateway has not
        return tls_error(port, "clients.test", pki, ctx=ctx)
    hello = client_hello(ciphers=[0x1305])  # a suite that nobody asked for: AES_128_CCM_8
    return alert_in(raw(port, hello))


def client_hello(ciphers, padding=0):
    def block(kind, body):
        return struct.pack("!HH", kind, len(body)) + body

    name = b"clients.test"
    share = ec.generate_private_key(ec.SECP256R1()).public_key().public_numbers()
    point = b"\x04" + share.x.to_bytes(32, "big") + share.y.to_bytes(32, "big")
    entry = struct.pack("!HH", 23, len(point)) + point
    extensions = block(0, struct.pack("!HBH", len(name) + 3, 0, len(name)) + name) + block(43, b"\x02\x03\x04")
    extensions += block(10, struct.pack("!HH", 2, 23)) + block(13, struct.pack("!HH", 2, 0x0403)) + block(51, struct.pack("!H", len(entry)) + entry)
    suites = b"".join(struct.pack("!H", each) for each in ciphers)
    body = b"\x03\x03" + bytes(32) + b"\x00" + struct.pack("!H", len(suites)) + suites + b"\x01\x00" + struct.pack("!H", len(extensions)) + extensions
    message = b"\x01" + len(body).to_bytes(3, "big") + body
    return b"\x16\x03\x01" + struct.pack("!H", len(message)) + message


def other_version(port, pki, version):
    host, spoken = ("only13.test", "1.2") if version == "1.2" else ("only12.test", "1.3")
    return tls_error(port, host, pki, version=spoken)


def distrust(port, version):
    ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    with pytest.raises(ssl.SSLError):
        tls(port, "clients.test", ctx=ctx)
    return "none"


def gone(port):
    tcp(port).close()
    return "none"


def plain(port):
    with tcp(port) as connection:
        return f"{connection.request().status} in clear text"


def bulky(pki):
    """A certificate with more than 64 KiB of chain behind it."""
    made = pki.root.issue("bulky", "bulky")
    made.pem.write_bytes(made.pem.read_bytes() + pem_of(pki.root.certificate) * 250)
    return made


def cause(reason, running, pki, odd, version):
    port = running.port
    certificates = {"no_certificate": None, "unknown_ca": pki.stranger, "expired": pki.expired, "not_yet_valid": pki.future, "revoked": pki.revoked,
                    "wrong_purpose": pki.server_purpose, **odd}
    others = {
        "weak_key": lambda: refused(port, pki, pki.weak, version=version, seclevel=0),
        "chain_too_deep": lambda: refused(port, pki, pki.deep, "shallow.test", version=version),
        "crl_expired": lambda: refused(port, pki, pki.client, "stale.test", version=version),
        "crl_missing": lambda: refused(port, pki, pki.deep, "demanding.test", version=version),
        "unrecognized_name": lambda: refused(port, pki, host="nobody.test", version=version),
        "protocol_version": lambda: other_version(port, pki, version),
        "no_shared_cipher": lambda: no_common_cipher(port, pki, version),
        "no_application_protocol": lambda: refused(port, pki, alpn=("h2",), version=version),
        "not_tls": lambda: alert_in(raw(port, b"SSH-2.0-OpenSSH_9.2\r\n")),
        "plain_http": lambda: plain(port),
        "client_alert": lambda: distrust(port, version),
        "client_closed": lambda: gone(port),
        "timeout": lambda: alert_in(raw(port, b"\x16\x03\x01\x02\x00\x01\x00")),
    }
    if reason in certificates:
        return refused(port, pki, certificates[reason], version=version)
    return others[reason]()


@pytest.mark.parametrize("version", ["1.2", "1.3"])
@pytest.mark.parametrize("reason", sorted(set(handshake_rows()) - NOT_CAUSED))
def test_the_client_gets_what_the_handbook_says(running, pki, odd, reason, version):
    before = running.metric("gateway_tls_handshakes_total", reason=reason)
    got = cause(reason, running, pki, odd, version)
    said = handshake_rows()[reason][version]
    assert got.endswith(said.replace("_", " ")), f"{reason} on TLS {version}: the client got '{got}', the handbook says '{said}'"
    line = running.logged(type="handshake", reason=reason)
    if (detail := handshake_rows()[reason]["detail"]) is not None:
        assert fnmatch.fnmatchcase(line["detail"], detail)
    running.counted(before + 1, "gateway_tls_handshakes_total", reason=reason)

"""A host may have several certificates with different types of keys: each client is shown one that it can verify."""
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from harness.clients import get, s_client, tls
from harness.config import document, respond, virtual_host

NAMES = ["open.test", "flexible.test", "strict.test"]


@pytest.fixture(scope="module")
def certificates(pki):
    keys = {"ecdsa": ec.generate_private_key(ec.SECP256R1()), "rsa": rsa.generate_private_key(65537, 2048),
            "ed25519": ed25519.Ed25519PrivateKey.generate()}
    return {kind: pki.server_ca.issue(f"several-{kind}", kind, server=True, dns=NAMES, key=key) for kind, key in keys.items()}


def entries(*certificates):
    return [{"certificate": str(each.pem), "key": str(each.key)} for each in certificates]


def host_with(pki, certificates, name="open", mode="off", **more):
    host = virtual_host(pki, name, mode, routes=[respond()], **more)
    del host["tls"]["certificate"], host["tls"]["key"]
    host["tls"]["certificates"] = entries(*certificates)
    return host


def shown(port, pki, *arguments, version=None, sni="open.test"):
    """The common name of the certificate that openssl s_client got."""
    ran = s_client(port, sni, pki, "-showcerts", *arguments, version=version)
    if ran.status != 200:
        return None
    pem = ran.output[ran.output.index("-----BEGIN CERTIFICATE"):]
    return x509.load_pem_x509_certificate(pem.encode()).subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)[0].value


@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_the_signature_algorithms_of_the_client_choose(pki, gateway, certificates, version):
    running = gateway(document(pki, host_with(pki, [certificates["rsa"], certificates["ecdsa"], certificates["ed25519"]])))
    for algorithms, expected in [("ECDSA+SHA256", "ecdsa"), ("rsa_pss_rsae_sha256", "rsa"), ("ed25519", "ed25519"), ("ed448", None)]:
        assert shown(running.port, pki, "-sigalgs", algorithms, version=version) == expected


def test_cipher_suites_of_tls_1_2_choose(pki, gateway, certificates):
    running = gateway(document(pki, host_with(pki, [certificates["ecdsa"], certificates["rsa"]])))
    assert shown(running.port, pki, "-cipher", "ECDHE-RSA-AES128-GCM-SHA256", version="1.2") == "rsa"
    assert shown(running.port, pki, "-cipher", "ECDHE-ECDSA-AES128-GCM-SHA256", version="1.2") == "ecdsa"
    assert shown(running.port, pki, "-cipher", "ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES128-GCM-SHA256", version="1.2") == "ecdsa"


def test_one_host_s_certificates_are_never_another_s(pki, gateway, certificates):
    """RSA for the first host, ECDSA for the second: what a client can't get from its own host it doesn't get at all."""
    running = gateway(document(pki, host_with(pki, [certificates["rsa"]], "open"), host_with(pki, [certificates["ecdsa"]], "flexible")))
    for version in ("1.2", "1.3"):
        assert shown(running.port, pki, version=version, sni="open.test") == "rsa"
        assert shown(running.port, pki, version=version, sni="flexible.test") == "ecdsa"
    assert shown(running.port, pki, "-cipher", "ECDHE-RSA-AES128-GCM-SHA256", version="1.2", sni="flexible.test") is None
    assert shown(running.port, pki, "-cipher", "ECDHE-ECDSA-AES128-GCM-SHA256", version="1.2", sni="open.test") is None


def test_clients_are_verified_and_sessions_resumed_whichever_certificate_was_shown(pki, gateway, certificates):
    running = gateway(document(pki, host_with(pki, [certificates["ecdsa"], certificates["rsa"]], "strict", "strict")))
    for version in ("1.2", "1.3"):
        assert get(running.port, "strict.test", pki, cert=pki.client, version=version).status == 200
        with tls(running.port, "strict.test", pki, cert=pki.client, version=version) as first:
            assert first.request(host="strict.test").status == 200
            ctx, session = first.sock.context, first.sock.session
        with tls(running.port, "strict.test", pki, ctx=ctx, session=session) as second:
            assert second.sock.session_reused
            assert second.request(host="strict.test").status == 200


def test_a_reload_adds_swaps_and_removes_one_of_several(pki, gateway, certificates):
    running = gateway(document(pki, host_with(pki, [certificates["ecdsa"]])))
    both = host_with(pki, [certificates["ecdsa"], certificates["rsa"]])
    assert "virtual host open: RSA certificate added" in running.reload(document(pki, both)).stdout
    assert shown(running.port, pki, "-cipher", "ECDHE-RSA-AES128-GCM-SHA256", version="1.2") == "rsa"
    newer = pki.server_ca.issue("several-newer", "newer", server=True, dns=NAMES, key=rsa.generate_private_key(65537, 2048))
    swapped = host_with(pki, [certificates["ecdsa"], newer])
    assert "virtual host open: RSA certificate changed" in running.reload(document(pki, swapped)).stdout
    assert shown(running.port, pki, "-cipher", "ECDHE-RSA-AES128-GCM-SHA256", version="1.2") == "newer"
    assert "virtual host open: RSA certificate removed" in running.reload(document(pki, host_with(pki, [certificates["ecdsa"]]))).stdout
    assert shown(running.port, pki, "-cipher", "ECDHE-RSA-AES128-GCM-SHA256", version="1.2") is None


def test_the_end_of_each_certificate_is_a_metric(pki, gateway, certificates):
    running = gateway(document(pki, host_with(pki, [certificates["ecdsa"], certificates["rsa"]])))
    for each in ("ecdsa", "rsa"):
        end = certificates[each].certificate.not_valid_after.timestamp()
        found = [value for name, labels, value in running.samples()
                 if name == "gateway_certificate_not_after_timestamp_seconds" and labels["kind"] == "server" and labels["subject"] == f"CN={each}"]
        assert len(found) == 1 and abs(found[0] - end) < 86400, (each, found)


def test_two_of_one_type_are_an_error_that_names_both(pki, gateway, certificates):
    broken = gateway.unstarted(document(pki, host_with(pki, [certificates["ecdsa"], pki.server])))
    said = broken.check()
    assert said.returncode != 0
    assert f"'{certificates['ecdsa'].pem}' and '{pki.server.pem}' both have ECDSA keys" in said.stderr

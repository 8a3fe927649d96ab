"""Profile, lists, key sizes and chain sizes are the host's own, whichever host is the default one and with a HelloRetryRequest too."""
import re

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from harness.clients import get, s_client, tls_error
from harness.config import document, respond, virtual_host
from harness.pki import pem_of

NARROW = {"profile": "custom", "ciphers": ["ECDHE-ECDSA-AES256-GCM-SHA384"], "cipher_suites": "TLS_AES_256_GCM_SHA384", "groups": ["P-384", "P-256"],
          "signature_algorithms": ["ecdsa_secp256r1_sha256", "rsa_pss_rsae_sha256"], "min_rsa_bits": 3072, "max_client_chain": "2KiB"}
# Its first group is none of ours, so the server asks for another key share.
RETRIED = ["-groups", "P-521:P-384:P-256"]


@pytest.fixture(scope="module", params=["narrow", "usual", "modern"])
def hosts(pki, request):
    """The three hosts; the parameter is the one that is the default."""
    from harness.gateway import Gateway

    settings = {"narrow": NARROW, "usual": {}, "modern": {"profile": "modern"}}
    made = [virtual_host(pki, name, "strict", tls=tls, routes=[respond(name)], default=name == request.param)
            for name, tls in settings.items()]
    names = {"narrow": "strict.test", "usual": "flexible.test", "modern": "open.test"}
    for host in made:
        host["hosts"] = [names[host["name"]]]
    running = Gateway(document(pki, *made)).start()
    running.sni = names
    yield running
    running.stop()


@pytest.fixture(scope="module")
def rsa_client(pki):
    return pki.root.issue("rsa-2048", "rsa", key=rsa.generate_private_key(65537, 2048))


def outcome(hosts, pki, name, *arguments, cert=None, version=None):
    got = s_client(hosts.port, hosts.sni[name], pki, *arguments, cert=cert or pki.client, version=version)
    if got.status:
        assert got.status == 200 and name in got.output
        return re.search(r"Cipher is (\S+)", got.output)[1]
    alert = re.search(r"alert ([a-z ]+)", got.error)
    return alert[1] if alert else got.error


@pytest.mark.parametrize("name, cipher, said", [
    ("narrow", "ECDHE-ECDSA-AES128-GCM-SHA256", "handshake failure"), ("usual", "ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES128-GCM-SHA256"),
    ("narrow", "ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-ECDSA-AES256-GCM-SHA384"), ("modern", "ECDHE-ECDSA-AES256-GCM-SHA384", "protocol version")])
def test_the_ciphers_of_tls_1_2(hosts, pki, name, cipher, said):
    assert outcome(hosts, pki, name, "-cipher", cipher, version="1.2").startswith(said)


@pytest.mark.parametrize("groups", [[], RETRIED])
@pytest.mark.parametrize("name, suite, said", [
    ("narrow", "TLS_AES_128_GCM_SHA256", "handshake failure"), ("narrow", "TLS_AES_256_GCM_SHA384", "TLS_AES_256_GCM_SHA384"),
    ("usual", "TLS_AES_128_GCM_SHA256", "TLS_AES_128_GCM_SHA256"), ("modern", "TLS_CHACHA20_POLY1305_SHA256", "TLS_CHACHA20_POLY1305_SHA256")])
def test_the_cipher_suites_of_tls_1_3(hosts, pki, name, suite, said, groups):
    assert outcome(hosts, pki, name, "-ciphersuites", suite, *groups, version="1.3").startswith(said)


@pytest.mark.parametrize("name, group, taken", [("narrow", "X25519", False), ("narrow", "P-384", True), ("usual", "X25519", True), ("usual", "P-521", False),
                                                ("modern", "X25519", True)])
def test_the_groups(hosts, pki, name, group, taken):
    said = outcome(hosts, pki, name, "-groups", group, version="1.3")
    assert said.startswith("TLS_") if taken else said.startswith("handshake failure")


@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_the_length_of_rsa_keys(hosts, pki, rsa_client, version):
    tls_error(hosts.port, hosts.sni["narrow"], pki, cert=rsa_client, version=version)
    hosts.logged(type="handshake", reason="weak_key", sni=hosts.sni["narrow"])
    assert get(hosts.port, hosts.sni["usual"], pki, cert=rsa_client, version=version).text == "usual"


@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_the_size_of_a_clients_chain(hosts, pki, version):
    padded = pki.root.issue("padded", "padded")
    padded.pem.write_bytes(padded.pem.read_bytes() + pem_of(pki.root.certificate) * 5)
    assert "illegal parameter" in tls_error(hosts.port, hosts.sni["narrow"], pki, cert=padded, version=version)
    hosts.logged(type="handshake", reason="too_large", sni=hosts.sni["narrow"])
    assert get(hosts.port, hosts.sni["usual"], pki, cert=padded, version=version).text == "usual"
    assert get(hosts.port, hosts.sni["narrow"], pki, cert=pki.client, version=version).text == "narrow"

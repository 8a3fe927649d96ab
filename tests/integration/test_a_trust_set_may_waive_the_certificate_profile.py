"""Chains must keep RFC 5280's profile, and the log names the rule that one breaks; `strict_profile: false` waives it for old PKIs."""
import subprocess
from types import SimpleNamespace

import pytest

from harness.clients import OPENSSL, get, tls_error
from harness.config import document, respond, virtual_host


@pytest.fixture
def old_pki(tmp_path):
    """A client certificate as older openssl versions issue it: with extensions, but without authorityKeyIdentifier."""
    def openssl(*arguments):
        subprocess.run([OPENSSL, *arguments], check=True, capture_output=True, cwd=tmp_path, timeout=30)

    (tmp_path / "client.ext").write_text("basicConstraints=critical,CA:FALSE\nextendedKeyUsage=clientAuth\nauthorityKeyIdentifier=none\n")
    key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
    openssl("req", "-x509", *key, "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=Old CA", "-days", "30")
    openssl("req", *key, "-keyout", "client.key", "-out", "client.csr", "-subj", "/CN=old client")
    openssl("x509", "-req", "-in", "client.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-extfile", "client.ext",
            "-out", "client.pem", "-days", "30")
    return SimpleNamespace(ca=tmp_path / "ca.pem", pem=tmp_path / "client.pem", key=tmp_path / "client.key")


def host_with(pki, old_pki, **settings):
    trust = {"clients": {"ca": [str(old_pki.ca)], **settings}}
    return document(pki, virtual_host(pki, "strict", "strict", routes=[respond()]), trust=trust)


def test_a_certificate_without_key_identifier_is_refused_and_the_log_says_why(pki, gateway, old_pki):
    running = gateway(host_with(pki, old_pki))
    assert "bad certificate" in tls_error(running.port, "strict.test", pki, cert=old_pki)
    assert "authoritykeyidentifier" in running.logged(reason="malformed_certificate")["detail"].lower()


def test_a_trust_set_that_waives_the_profile_takes_it(pki, gateway, old_pki):
    running = gateway(host_with(pki, old_pki, strict_profile=False))
    assert get(running.port, "strict.test", pki, cert=old_pki).status == 200


@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_a_certificate_must_say_that_it_is_for_clients_unless_the_trust_set_waives_that(pki, gateway, version):
    silent = pki.root.issue("silent", "silent", purpose=())
    sets = {"demanding": {"ca": [str(pki.root.pem)], "revocation": {"require": False}},
            "waiving": {"ca": [str(pki.root.pem)], "revocation": {"require": False}, "extended_key_usage": "if_present"}}
    running = gateway(document(pki, virtual_host(pki, "strict", "strict", trust="demanding", routes=[respond()]),
                               virtual_host(pki, "flexible", "strict", trust="waiving", routes=[respond()]), trust=sets))
    assert "unsupported certificate" in tls_error(running.port, "strict.test", pki, cert=silent, version=version)
    assert "extendedKeyUsage" in running.logged(reason="wrong_purpose", sni="strict.test")["detail"]
    assert get(running.port, "flexible.test", pki, cert=silent, version=version).status == 200
    for host in ("strict.test", "flexible.test"):
        assert "unsupported certificate" in tls_error(running.port, host, pki, cert=pki.server_purpose, version=version)

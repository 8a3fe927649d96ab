"""Every row of the mode table, on TLS 1.2 and 1.3, as curl and openssl s_client see it: who is served, and which alert the others get."""
import pytest

from harness.clients import curl, get, s_client, tls_error
from harness.config import document, respond, virtual_host

NO_CERTIFICATE = {"1.2": "handshake failure", "1.3": "certificate required"}
REFUSED = {
    "expired": ("certificate expired", "expired"),
    "future": ("certificate expired", "not_yet_valid"),
    "revoked": ("certificate revoked", "revoked"),
    "stranger": ("unknown ca", "unknown_ca"),
    "imposture": ("unknown ca", "unknown_ca"),
    "orphan": ("unknown ca", "unknown_ca"),
    "server_purpose": ("unsupported certificate", "wrong_purpose"),
}
CLIENTS = {"curl": curl, "s_client": s_client}


@pytest.fixture(params=["1.2", "1.3"])
def version(request):
    return request.param


@pytest.fixture(params=list(CLIENTS))
def client(request):
    return CLIENTS[request.param]


@pytest.mark.parametrize("host", ["open", "flexible"])
def test_a_client_without_a_certificate_is_served_unless_strict(modes, pki, client, version, host):
    got = client(modes.port, f"{host}.test", pki, version=version)
    assert got.status == 200 and host in got.output, got


def test_strict_refuses_a_client_without_a_certificate(modes, pki, client, version):
    got = client(modes.port, "strict.test", pki, version=version)
    assert got.status is None and NO_CERTIFICATE[version] in got.error, got
    modes.logged(reason="no_certificate", sni="strict.test")


@pytest.mark.parametrize("host", ["open", "flexible", "strict"])
@pytest.mark.parametrize("kind", ["client", "deep"])
def test_a_good_certificate_is_served_in_every_mode(modes, pki, client, version, host, kind):
    got = client(modes.port, f"{host}.test", pki, cert=getattr(pki, kind), version=version)
    assert got.status == 200 and host in got.output, got


@pytest.mark.parametrize("host", ["flexible", "strict"])
@pytest.mark.parametrize("kind", list(REFUSED))
def test_a_bad_certificate_is_refused_with_the_fitting_alert(modes, pki, client, version, host, kind):
    alert, reason = REFUSED[kind]
    got = client(modes.port, f"{host}.test", pki, cert=getattr(pki, kind), version=version)
    # curl has words of its own for this alert if it comes within the handshake.
    hidden = client is curl and version == "1.2" and alert == "certificate expired"
    assert got.status is None and ("SSL certificate verification failed" if hidden else alert) in got.error, got
    modes.logged(reason=reason, sni=f"{host}.test")


@pytest.mark.parametrize("kind", ["expired", "revoked", "stranger", "server_purpose"])
def test_mode_off_asks_for_no_certificate_so_a_bad_one_does_not_matter(modes, pki, client, version, kind):
    got = client(modes.port, "open.test", pki, cert=getattr(pki, kind), version=version)
    assert got.status == 200, got
    if client is s_client:
        assert "Acceptable client certificate CA names" not in got.output, "mode off sent a CertificateRequest"


@pytest.mark.parametrize("host", ["flexible", "strict"])
def test_a_weak_key_is_refused(modes, pki, version, host):
    assert tls_error(modes.port, f"{host}.test", pki, cert=pki.weak, version=version, seclevel=0).endswith("bad certificate")
    modes.logged(reason="weak_key", sni=f"{host}.test")


def test_each_host_trusts_only_its_own_trust_set(modes, pki, version):
    assert get(modes.port, "strict2.test", pki, cert=pki.stranger, version=version).text == "strict2"
    assert tls_error(modes.port, "strict2.test", pki, cert=pki.client, version=version).endswith("unknown ca")


@pytest.mark.parametrize("host, asks", [("open", False), ("flexible", True), ("strict", True)])
def test_the_certificate_request_names_the_trust_set(modes, pki, version, host, asks):
    got = s_client(modes.port, f"{host}.test", pki, cert=pki.client, version=version)
    assert ("CN = Test Client Root" in got.output or "CN=Test Client Root" in got.output) == asks, got.output
    assert "Test Server CA" not in got.output.split("Acceptable client certificate CA names")[-1] if asks else True


@pytest.mark.parametrize("mode", ["optional", "strict"])
def test_a_trust_set_may_keep_its_names_to_itself(pki, gateway, version, mode):
    trust = {"clients": {"ca": [str(pki.root.pem)], "send_ca_names": False}}
    running = gateway(document(pki, virtual_host(pki, "quiet", mode, routes=[respond("quiet")]), trust=trust))
    got = s_client(running.port, "quiet.test", pki, cert=pki.client, version=version)
    assert got.status == 200 and "No client certificate CA names sent" in got.output and "Test Client Root" not in got.output, got.output


@pytest.mark.parametrize("kind", list(REFUSED))
def test_a_refusal_is_counted_under_its_reason(modes, pki, kind):
    reason = REFUSED[kind][1]
    labels = {"virtual_host": "strict", "client_auth": "strict", "reason": reason}
    before = modes.metric("gateway_tls_handshakes_total", **labels)
    tls_error(modes.port, "strict.test", pki, cert=getattr(pki, kind))
    modes.counted(before + 1, "gateway_tls_handshakes_total", **labels)

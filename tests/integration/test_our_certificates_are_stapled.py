"""OCSP stapling: clients that ask get a response that says good of the certificate they see, and nothing else ever."""
import re
import subprocess

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509 import ocsp

from harness.clients import OPENSSL, get
from harness.config import document, respond, virtual_host
from harness.gateway import ctl
from harness.ocsp import OpensslResponder, Responder
from harness.waiting import PATIENCE, eventually


def stapled(running, pki, *arguments, sni="open.test", version="1.3"):
    """The OCSP response of a handshake as openssl shows it; "" if none came."""
    done = subprocess.run([OPENSSL, "s_client", "-connect", f"127.0.0.1:{running.port}", "-servername", sni, "-CAfile", str(pki.server_ca.pem),
                           "-status", f"-tls{version.replace('.', '_')}", *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=PATIENCE)
    assert "OCSP response:" in done.stdout, done.stdout + done.stderr
    return "" if "OCSP response: no response sent" in done.stdout else done.stdout


def wait_stapled(running, pki, *arguments, **options):
    return eventually(lambda: stapled(running, pki, *arguments, **options), "an OCSP response is stapled")


def certificate_with(pki, tmp_path, stem, responder, *, key=None, must_staple=False):
    """A server certificate that names its responder (AIA), with its issuer behind it."""
    issued = pki.server_ca.issue(stem, "gateway", server=True, dns=["open.test", "strict.test"], key=key or ec.generate_private_key(ec.SECP256R1()))
    builder = x509.CertificateBuilder(issuer_name=issued.certificate.issuer, subject_name=issued.certificate.subject,
                                      public_key=issued.certificate.public_key(), serial_number=issued.certificate.serial_number,
                                      not_valid_before=issued.certificate.not_valid_before, not_valid_after=issued.certificate.not_valid_after,
                                      extensions=list(issued.certificate.extensions))
    if responder:
        builder = builder.add_extension(x509.AuthorityInformationAccess([x509.AccessDescription(
            x509.AuthorityInformationAccessOID.OCSP, x509.UniformResourceIdentifier(responder))]), critical=False)
    if must_staple:
        builder = builder.add_extension(x509.TLSFeature([x509.TLSFeatureType.status_request]), critical=False)
    certificate = builder.sign(pki.server_ca.key, pki.server_ca.certificate.signature_hash_algorithm)
    pem = tmp_path / f"{stem}.pem"
    pem.write_bytes(certificate.public_bytes(serialization.Encoding.PEM) + pki.server_ca.pem.read_bytes())
    return type(issued)(certificate, issued.private_key, pem, issued.key)


def host(pki, certificate, name="open", mode="off", stapling=True):
    return virtual_host(pki, name, mode, routes=[respond()], tls={"certificate": str(certificate.pem), "key": str(certificate.key),
                                                                 "stapling": stapling})


@pytest.fixture
def responder(pki):
    made = Responder(pki.server_ca)
    yield made
    made.stop()


@pytest.fixture
def certificate(pki, tmp_path, responder):
    return certificate_with(pki, tmp_path, "stapled", responder.url)


@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_openssls_own_responder_and_client_agree_with_the_staple(pki, gateway, tmp_path, version):
    own = certificate_with(pki, tmp_path, "own", None)
    responder = OpensslResponder(pki.server_ca, tmp_path, [own])
    try:
        running = gateway(document(pki, host(pki, own, stapling={"responder": responder.url})))
        seen = wait_stapled(running, pki, version=version)
        assert "OCSP Response Status: successful" in seen and "Cert Status: good" in seen
        assert f"Serial Number: {own.serial}" in seen
        assert "Verify return code: 0 (ok)" in seen
    finally:
        responder.stop()


def test_only_who_asks_gets_a_staple_and_only_from_hosts_that_say_so(pki, gateway, certificate):
    running = gateway(document(pki, host(pki, certificate), host(pki, certificate, "strict", "strict", False)))
    wait_stapled(running, pki)
    done = subprocess.run([OPENSSL, "s_client", "-connect", f"127.0.0.1:{running.port}", "-servername", "open.test", "-tlsextdebug"],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=PATIENCE)
    assert "OCSP" not in done.stdout and "status request" not in done.stdout
    assert stapled(running, pki, "-cert", str(pki.client.pem), "-key", str(pki.client.key), sni="strict.test") == ""


def test_a_dead_responder_holds_nothing_up_and_the_last_good_staple_stays(pki, gateway, certificate, responder):
    responder.behave = "hang"
    running = gateway(document(pki, host(pki, certificate)))
    assert get(running.port, "open.test", pki).status == 200
    assert stapled(running, pki) == ""
    assert running.metric("gateway_ocsp_staple_valid", virtual_host="open") == 0
    responder.behave = "answer"
    responder.free.set()
    wait_stapled(running, pki)
    running.counted(1, "gateway_ocsp_staple_fetches_total", virtual_host="open", result="good")
    assert running.metric("gateway_ocsp_staple_valid", virtual_host="open") == 1
    assert running.metric("gateway_ocsp_staple_next_update_timestamp_seconds", virtual_host="open") > 0


@pytest.mark.parametrize("behave", ["garbage", "error", "close"])
def test_what_is_no_answer_is_never_stapled(pki, gateway, certificate, responder, behave):
    responder.behave = behave
    running = gateway(document(pki, host(pki, certificate)))
    running.counted(1, "gateway_ocsp_staple_fetches_total", result="failed")
    assert stapled(running, pki) == ""
    assert "no OCSP response for stapling" in running.stderr()


def test_an_answer_of_somebody_else_is_never_stapled(pki, gateway, certificate, responder):
    responder.key, responder.certificate = pki.other.key, pki.other.certificate
    running = gateway(document(pki, host(pki, certificate)))
    running.counted(1, "gateway_ocsp_staple_fetches_total", result="failed")
    assert stapled(running, pki) == ""


def test_a_revoked_certificate_loses_its_staple(pki, gateway, certificate, responder):
    responder.lasts = 12  # asked again after half of it
    running = gateway(document(pki, host(pki, certificate)))
    wait_stapled(running, pki)
    responder.revoke(certificate)
    running.counted(1, "gateway_ocsp_staple_fetches_total", result="revoked")
    assert stapled(running, pki) == ""
    assert "the CA says that the certificate is revoked" in running.stderr()
    assert running.metric("gateway_ocsp_staple_valid", virtual_host="open") == 0


def test_a_staple_is_refreshed_before_its_end_and_never_shown_after_it(pki, gateway, certificate, responder):
    responder.lasts = 12
    running = gateway(document(pki, host(pki, certificate)))
    first = wait_stapled(running, pki)
    ends = re.search(r"Next Update: (.*)", first)[1]
    eventually(lambda: re.search(r"Next Update: (.*)", stapled(running, pki) or first)[1] != ends, "a later response is stapled")
    assert running.metric("gateway_ocsp_staple_valid") == 1
    responder.behave = "error"
    eventually(lambda: stapled(running, pki) == "", "the staple has ended")


def test_a_restart_staples_at_once_what_was_kept(pki, gateway, certificate, responder, tmp_path):
    environment = {"STATE_DIRECTORY": str(tmp_path / "state")}
    running = gateway(document(pki, host(pki, certificate)), environment=environment)
    wait_stapled(running, pki)
    eventually(lambda: list((tmp_path / "state").glob("ocsp/*.der")), "the response is kept")
    running.stop()
    responder.behave = "close"
    again = gateway(document(pki, host(pki, certificate)), environment=environment)
    wait_stapled(again, pki)


def test_a_reload_keeps_the_staple_and_a_new_certificate_gets_its_own(pki, gateway, certificate, responder, tmp_path):
    running = gateway(document(pki, host(pki, certificate)))
    wait_stapled(running, pki)
    responder.behave = "error"
    running.reload(document(pki, host(pki, certificate), host(pki, certificate, "strict", "strict")))
    assert stapled(running, pki)
    responder.behave = "answer"
    renewed = certificate_with(pki, tmp_path, "renewed", responder.url)
    running.reload(document(pki, host(pki, renewed)))
    assert f"Serial Number: {renewed.serial}" in wait_stapled(running, pki)


def test_of_several_certificates_the_one_that_was_chosen_has_its_staple(pki, gateway, tmp_path, responder):
    elliptic = certificate_with(pki, tmp_path, "ec", responder.url)
    other = certificate_with(pki, tmp_path, "rsa", responder.url, key=rsa.generate_private_key(65537, 2048))
    both = host(pki, elliptic)
    del both["tls"]["certificate"], both["tls"]["key"]
    both["tls"]["certificates"] = [{"certificate": str(each.pem), "key": str(each.key)} for each in (elliptic, other)]
    running = gateway(document(pki, both))
    for algorithm, each in (("ECDSA+SHA256", elliptic), ("RSA-PSS+SHA256", other)):
        seen = wait_stapled(running, pki, "-sigalgs", algorithm)
        assert f"Serial Number: {each.serial}" in seen


def test_a_certificate_that_must_be_stapled_and_is_not_is_warned_of(pki, gateway, tmp_path, responder):
    must = certificate_with(pki, tmp_path, "must", responder.url, must_staple=True)
    plain = certificate_with(pki, tmp_path, "plain", None)
    alone = certificate_with(pki, tmp_path, "alone", responder.url)
    alone.pem.write_bytes(alone.certificate.public_bytes(serialization.Encoding.PEM))
    for certificate, stapling, warning in ((must, False, "must-staple"), (plain, True, "names no OCSP responder"),
                                           (alone, True, "does not hold its issuer"),
                                           (alone, {"issuer": str(pki.other.pem)}, "is not its issuer"), (must, True, ""),
                                           (alone, {"issuer": str(pki.server_ca.pem)}, "")):
        running = gateway.unstarted(document(pki, host(pki, certificate, stapling=stapling)))
        checked = ctl("check", str(running.config))
        said = checked.stdout + checked.stderr
        assert checked.returncode == 0, said
        assert warning in said if warning else "stapl" not in said
    assert responder.asked() == 0


def test_the_request_has_no_nonce_so_that_answers_can_be_signed_ahead(pki, gateway, certificate, responder):
    bodies = []
    serve = responder.serve
    responder.serve = lambda handler, body: (bodies.append(body), serve(handler, body))
    running = gateway(document(pki, host(pki, certificate)))
    wait_stapled(running, pki)
    request = ocsp.load_der_ocsp_request(bodies[0])
    assert request.serial_number == certificate.certificate.serial_number and len(request.extensions) == 0

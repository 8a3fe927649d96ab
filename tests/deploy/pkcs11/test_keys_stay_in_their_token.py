"""On Debian 13 a private key may stay in a PKCS#11 token: shown against SoftHSM, through OpenSSL's pkcs11 provider."""
import subprocess
import threading

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from token_root import MODULE, PIN

from harness.clients import get, s_client, tls
from harness.config import document, respond, virtual_host
from harness.waiting import PATIENCE

NAMES = ["open.test", "strict.test"]
ECDSA, RSA = "ECDSA+SHA256", "rsa_pss_rsae_sha256"


def issue(pki, name, key):
    return pki.server_ca.issue(name, name, server=True, dns=NAMES, key=key)


@pytest.fixture
def ecdsa(pki):
    return issue(pki, "token-ecdsa", ec.generate_private_key(ec.SECP256R1()))


@pytest.fixture
def rsa_certificate(pki):
    return issue(pki, "token-rsa", rsa.generate_private_key(65537, 2048))


def entry(certificate, uri, token, **more):
    return {"certificate": str(certificate.pem), "key": uri, "passphrase": {"file": str(token.pin)}, **more}


def doc_with(pki, *entries, name="open", mode="off", **more):
    host = virtual_host(pki, name, mode, routes=[respond()])
    del host["tls"]["certificate"], host["tls"]["key"]
    host["tls"]["certificates"] = list(entries)
    return document(pki, host, **{"pkcs11": {"module": MODULE}, "workers": 3, **more})


def check(root, running):
    return root.run("/src/build/bin/gatewayctl", "check", str(running.config), check=False, env=running.environment, timeout=PATIENCE)


def start_refused(running):
    done = subprocess.run([*running.wrap, "/src/build/bin/gatewayd", "--config", str(running.config)], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=PATIENCE, env=running.environment)
    assert done.returncode == 78, done.stderr
    return done.stderr


def serves(running, pki, algorithms, version, sni="open.test", cert=None):
    return s_client(running.port, sni, pki, "-sigalgs", algorithms, version=version, cert=cert).status == 200


def test_the_distribution_s_provider_and_openssl_are_what_the_documents_say(root):
    assert "OpenSSL 3.5" in root.run("openssl", "version").stdout
    assert "pkcs11-provider" in root.run("dpkg-query", "-W", "pkcs11-provider").stdout


def test_rsa_and_ecdsa_keys_of_a_token_serve_every_version_on_every_worker(pki, gateway, token, ecdsa, rsa_certificate):
    entries = [entry(ecdsa, token.take(ecdsa, "ec", 1), token), entry(rsa_certificate, token.take(rsa_certificate, "rsa", 2), token)]
    running = gateway.started(doc_with(pki, *entries))
    assert not ecdsa.key.exists() and not rsa_certificate.key.exists()
    for version in ("1.2", "1.3"):
        for algorithms in (ECDSA, RSA):
            assert serves(running, pki, algorithms, version), (version, algorithms)
    assert serves(running, pki, "RSA+SHA256", "1.2")
    # The kernel spreads connections over the workers: so many reach each of three.
    for _ in range(60):
        assert get(running.port, "open.test", pki, version="1.3").status == 200
    assert running.metric("gateway_tls_handshakes_total", outcome="failure") == 0


def test_clients_certificates_are_judged_as_ever_and_sessions_resume(pki, gateway, token, ecdsa):
    running = gateway.started(doc_with(pki, entry(ecdsa, token.take(ecdsa, "ec", 1), token), name="strict", mode="strict"))
    for version in ("1.2", "1.3"):
        with tls(running.port, "strict.test", pki, cert=pki.client, version=version) as first:
            assert first.request(host="strict.test").status == 200
            ctx, session = first.sock.context, first.sock.session
        with tls(running.port, "strict.test", pki, ctx=ctx, session=session) as second:
            assert second.sock.session_reused and second.request(host="strict.test").status == 200
        assert s_client(running.port, "strict.test", pki, cert=pki.stranger, version=version).status is None


def test_many_clients_at_once_get_their_handshakes_while_the_gateway_reloads(pki, gateway, token, ecdsa):
    doc = doc_with(pki, entry(ecdsa, token.take(ecdsa, "ec", 1), token))
    running = gateway.started(doc)
    failures, done = [], threading.Event()

    def ask():
        while not done.is_set():
            try:
                if get(running.port, "open.test", pki).status != 200:
                    failures.append("status")
            except OSError as error:
                failures.append(repr(error))

    clients = [threading.Thread(target=ask) for _ in range(6)]
    for client in clients:
        client.start()
    try:
        for _ in range(10):
            running.reload(doc)
    finally:
        done.set()
        for client in clients:
            client.join()
    assert failures == []


@pytest.mark.parametrize("pin", ["file", "command", "uri"])
def test_the_pin_comes_from_a_file_a_program_or_at_worst_the_uri(pki, root, gateway, token, ecdsa, pin):
    uri = token.take(ecdsa, "ec", 1)
    made = entry(ecdsa, uri, token)
    if pin == "command":
        made["passphrase"] = {"command": ["/bin/echo", PIN]}
    if pin == "uri":
        del made["passphrase"]
        made["key"] = f"{uri}?pin-value={PIN}"
    running = gateway.started(doc_with(pki, made))
    assert get(running.port, "open.test", pki).status == 200
    said = check(root, running)
    assert said.returncode == 0, said.stderr
    assert ("the PIN stands in the config" in said.stderr) == (pin == "uri")
    assert PIN not in said.stderr + said.stdout + running.stderr() + running.stdout()


def test_what_is_wrong_is_said_before_anything_is_served(pki, root, gateway, token, ecdsa, rsa_certificate):
    uri = token.take(ecdsa, "ec", 1)
    token.take(rsa_certificate, "rsa", 2)
    wrong = token.folder / "wrong"
    wrong.write_text("135791\n")
    wrong.chmod(0o600)
    good = entry(ecdsa, uri, token)
    for made, said in [
        ({**good, "passphrase": {"file": str(wrong)}}, "no token here has such a private key, or it has refused the PIN"),
        ({**good, "key": token.uri("nobody")}, "no token here has such a private key, or it has refused the PIN"),
        ({**good, "key": "pkcs11:token=elsewhere;object=ec"}, "no token here has such a private key, or it has refused the PIN"),
        ({**good, "key": token.uri("rsa")}, "the private key in the token is not the certificate's"),
        ({key: value for key, value in good.items() if key != "passphrase"}, "the token wants a PIN: 'passphrase: {file: PATH}'"),
        ({**good, "key": "pkcs11:token=gateway"}, "a key's URI names no key: it needs 'object' or 'id'"),
    ]:
        running = gateway(doc_with(pki, made))
        found = check(root, running)
        assert found.returncode != 0 and said in found.stderr, (said, found.stderr)
        assert said in start_refused(running)
        assert "135791" not in found.stderr
    module = gateway(doc_with(pki, good, pkcs11={"module": "/no/such/module.so"}))
    assert "can't read '/no/such/module.so'" in check(root, module).stderr
    no_provider = gateway(doc_with(pki, good), environment={"OPENSSL_MODULES": "/nowhere"})
    assert "install the package pkcs11-provider" in check(root, no_provider).stderr


def test_a_reload_takes_a_new_key_and_a_bad_one_changes_nothing(pki, gateway, token, ecdsa):
    running = gateway.started(doc_with(pki, entry(ecdsa, token.take(ecdsa, "ec", 1), token)))
    newer = issue(pki, "token-newer", ec.generate_private_key(ec.SECP256R1()))
    running.write(doc_with(pki, entry(newer, token.uri("ec"), token)))
    refused = running.ctl("reload")
    assert refused.returncode != 0 and "is not the certificate's" in refused.stdout + refused.stderr
    assert get(running.port, "open.test", pki).status == 200
    changes = running.reload(doc_with(pki, entry(newer, token.take(newer, "newer", 3), token))).stdout
    assert "certificate changed" in changes and "key changed" in changes
    assert "CN = token-newer" in s_client(running.port, "open.test", pki).output
    # Two keys of one name: the certificate tells which.
    token.take(issue(pki, "token-third", ec.generate_private_key(ec.SECP256R1())), "newer", 4)
    running.reload(doc_with(pki, entry(newer, token.uri("newer"), token)))
    assert get(running.port, "open.test", pki).status == 200


def test_without_its_token_a_reload_is_refused_and_with_it_again_the_next_one_heals(pki, gateway, token, ecdsa):
    doc = doc_with(pki, entry(ecdsa, token.take(ecdsa, "ec", 1), token))
    running = gateway.started(doc)
    away = token.store.with_name("away")
    token.store.rename(away)
    token.store.mkdir()
    refused = running.ctl("reload")
    assert refused.returncode != 0, refused.stdout
    token.store.rmdir()
    away.rename(token.store)
    running.reload(doc)
    for version in ("1.2", "1.3"):
        for _ in range(10):
            assert get(running.port, "open.test", pki, version=version).status == 200


def test_hosts_with_file_keys_and_with_token_keys_live_side_by_side(pki, gateway, token, ecdsa):
    doc = doc_with(pki, entry(ecdsa, token.take(ecdsa, "ec", 1), token))
    doc["virtual_hosts"].append(virtual_host(pki, "flexible", "off", routes=[respond()]))
    running = gateway.started(doc)
    for sni in ("open.test", "flexible.test"):
        for version in ("1.2", "1.3"):
            assert get(running.port, sni, pki, version=version).status == 200
    # The first key of a token may come by reload, when the workers run already; the last may go.
    plain = document(pki, virtual_host(pki, "flexible", "off", routes=[respond()]), workers=3)
    running.reload(plain)
    running.reload(doc)
    assert get(running.port, "open.test", pki).status == 200

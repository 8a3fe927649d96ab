"""gatewayctl revoke: in force on every worker once it answers, for full and resumed handshakes and live connections, and kept on disk."""
import json
import signal
import ssl
import threading
import time

import pytest

from harness.clients import VERSIONS, context, get, head, tls, tls_error
from harness.config import document, respond, virtual_host
from harness.origin import answer

SWITCH = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"
UPGRADE = [("Connection", "Upgrade"), ("Upgrade", "websocket"), ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="), ("Sec-WebSocket-Version", "13")]
ROOT = "CN=Test Client Root,O=Gateway Test"


@pytest.fixture
def behind(origin):
    hold = threading.Event()

    def handler(exchange):
        if exchange.request.target == "/slow":
            hold.wait(30)
        if exchange.request.target == "/tunnel":
            exchange.send(SWITCH)
            exchange.reader.fill()
            return exchange.close()
        return answer(body="served")

    made = origin(handler)
    made.hold = hold
    yield made
    hold.set()


@pytest.fixture
def running(request, pki, gateway, behind):
    hosts = [virtual_host(pki, "strict", "strict"), virtual_host(pki, "flexible", "optional")]
    return gateway(document(pki, *hosts, origins=[behind.address], workers=2, session={"store": getattr(request, "param", "auto")}))


def revoke(running, *arguments, **members):
    """Revokes; the answer, and how long it took."""
    begun = time.monotonic()
    done = running.ctl("--json", "revoke", *arguments, "--comment", "in a test")
    took = time.monotonic() - begun
    assert done.returncode == 0, done.stdout + done.stderr
    document = json.loads(done.stdout)
    assert document["result"] == "done" and document["saved"] is True
    for key, value in members.items():
        assert document[key] == value
    return document, took


def sha256(certificate):
    return "sha256:" + certificate.fingerprint


def ways(pki):
    """Each way to name pki.client."""
    certificate = pki.client
    issuer = "sha256:" + fingerprint_of(pki.root)
    return {"fingerprint": ["--fingerprint", sha256(certificate)], "serial": ["--serial", certificate.serial],
            "serial and issuer": ["--serial", certificate.serial.lower(), "--issuer", ROOT],
            "serial and issuer as openssl prints it": ["--serial", certificate.serial, "--issuer", "O = Gateway Test, CN = Test Client Root"],
            "serial and the issuer's certificate": ["--serial", certificate.serial, "--issuer", issuer]}


def fingerprint_of(authority):
    from cryptography.hazmat.primitives import hashes
    return authority.certificate.fingerprint(hashes.SHA256()).hex()


def open_session(running, ctx, session=None):
    with tls(running.port, "strict.test", ctx=ctx, session=session) as connection:
        response = connection.request(host="strict.test")
        return connection.sock.session_reused, response.status, connection.sock.session


@pytest.mark.parametrize("running", ["process", "tickets"], indirect=True)
@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("way", ["fingerprint", "serial", "serial and issuer", "serial and issuer as openssl prints it",
                                 "serial and the issuer's certificate"])
def test_once_it_answers_no_way_in_is_left(running, pki, behind, way, version):
    alice, bob = (context(pki, cert=cert, version=version) for cert in (pki.client, pki.bob))
    alices, bobs = open_session(running, alice)[2], open_session(running, bob)[2]
    # More connections than workers, so that every worker has one.
    live = [tls(running.port, "strict.test", ctx=alice) for _ in range(8)]
    kept = [tls(running.port, "strict.test", ctx=bob) for _ in range(8)]
    for connection in live + kept:
        assert connection.request(host="strict.test").status == 200
    served = len(behind.requests)
    begun = time.monotonic()
    _, took = revoke(running, *ways(pki)[way], closed_connections=8)
    assert all(connection.is_closed() for connection in live)
    assert took < 1 and time.monotonic() - begun < 1.5, "it is in force within a second"
    assert "certificate revoked" in tls_error(running.port, "strict.test", pki, cert=pki.client, version=version)
    with pytest.raises(ssl.SSLError, match="(?i)certificate.revoked"):
        open_session(running, alice, alices)
    assert len(behind.requests) == served
    assert open_session(running, bob, bobs)[:2] == (True, 200)
    assert all(connection.request(host="strict.test").status == 200 for connection in kept)
    assert running.logged(type="handshake", reason="revoked")["detail"] == "revoked by gatewayctl revoke (certificate 0)"
    line = running.logged(type="connection", reason="revoked")
    assert line["identity"]["fingerprint"] == sha256(pki.client) and line["virtual_host"] == "strict"
    running.counted(8, "gateway_live_connections_closed_total", virtual_host="strict", reason="revoked")
    for connection in live + kept:
        connection.close()


def test_an_optional_host_refuses_the_certificate_too(running, pki):
    with tls(running.port, "flexible.test", pki, cert=pki.client) as connection, tls(running.port, "flexible.test", pki) as anonymous:
        assert connection.request(host="flexible.test").status == anonymous.request(host="flexible.test").status == 200
        revoke(running, "--fingerprint", sha256(pki.client), closed_connections=1)
        assert connection.is_closed()
        assert anonymous.request(host="flexible.test").status == 200
    assert "certificate revoked" in tls_error(running.port, "flexible.test", pki, cert=pki.client)


def test_an_intermediate_ca_or_a_root_can_be_revoked(running, pki):
    assert get(running.port, "strict.test", pki, cert=pki.deep).status == 200
    intermediate = "sha256:" + fingerprint_of(pki.issuing)
    revoke(running, "--fingerprint", intermediate)
    assert "certificate revoked" in tls_error(running.port, "strict.test", pki, cert=pki.deep)
    assert running.logged(reason="revoked")["detail"] == "revoked by gatewayctl revoke (certificate 1)"
    assert get(running.port, "strict.test", pki, cert=pki.client).status == 200
    revoke(running, "--fingerprint", "sha256:" + fingerprint_of(pki.root))
    assert "certificate revoked" in tls_error(running.port, "strict.test", pki, cert=pki.client)


def test_another_issuers_serial_number_is_another_certificate(running, pki):
    done = running.ctl("revoke", "--serial", pki.client.serial, "--issuer", "CN=Another Client Root,O=Gateway Test")
    assert done.returncode == 0
    assert "warning: no trust set has a CA of this name" in done.stderr
    assert get(running.port, "strict.test", pki, cert=pki.client).status == 200
    done = running.ctl("revoke", "--serial", pki.client.serial)
    assert "warning: without an issuer the certificates of every CA with this serial number are revoked" in done.stderr
    assert "certificate revoked" in tls_error(running.port, "strict.test", pki, cert=pki.client)


def test_a_busy_connection_ends_after_its_response_and_a_tunnel_at_once(running, pki, behind):
    busy = tls(running.port, "strict.test", pki, cert=pki.client)
    tunnel = tls(running.port, "strict.test", pki, cert=pki.client)
    tunnel.send(head(target="/tunnel", host="strict.test", fields=UPGRADE))
    assert tunnel.response().status == 101
    busy.send(head(target="/slow", host="strict.test") + head(target="/second", host="strict.test"))
    behind.got(2)
    revoke(running, "--fingerprint", sha256(pki.client), closed_connections=2)
    assert tunnel.is_closed()
    behind.hold.set()
    assert busy.response().text == "served"
    assert busy.ended() == b""
    assert [request.target for request in behind.requests] == ["/tunnel", "/slow"]
    assert running.logged(type="request", path="/tunnel")["reason"] == "revoked"


def test_it_outlives_reloads_and_restarts_until_it_is_taken_back(running, pki):
    revoke(running, "--fingerprint", sha256(pki.client), count=1)
    running.reload()
    assert "certificate revoked" in tls_error(running.port, "strict.test", pki, cert=pki.client)
    for end in (signal.SIGTERM, signal.SIGKILL):
        running.signal(end)
        running.wait()
        running.start()
        assert "certificate revoked" in tls_error(running.port, "strict.test", pki, cert=pki.client)
    shown = json.loads(running.ctl("--json", "revoke", "--list").stdout)
    assert (shown["count"], shown["saved"]) == (1, True)
    assert shown["entries"][0]["fingerprint"] == sha256(pki.client) and shown["entries"][0]["comment"] == "in a test"
    assert json.loads(running.ctl("--json", "status").stdout)["revocations"] == shown
    assert running.metric("gateway_emergency_revocations") == 1
    listed = running.ctl("revoke", "--list").stdout
    assert sha256(pki.client) in listed and "in a test" in listed
    done = running.ctl("revoke", "--remove", "--fingerprint", sha256(pki.client).upper().replace("SHA256", "sha256"))
    assert (done.returncode, done.stdout) == (0, f"no longer revoked: {sha256(pki.client)}\n")
    assert get(running.port, "strict.test", pki, cert=pki.client).status == 200
    running.signal(signal.SIGTERM)
    running.wait()
    running.start()
    assert get(running.port, "strict.test", pki, cert=pki.client).status == 200


def test_what_a_crl_revokes_stays_revoked_when_it_is_taken_back(running, pki):
    assert running.ctl("revoke", "--fingerprint", sha256(pki.revoked)).returncode == 0
    assert running.ctl("revoke", "--remove", "--fingerprint", sha256(pki.revoked)).returncode == 0
    assert "certificate revoked" in tls_error(running.port, "strict.test", pki, cert=pki.revoked)


def test_what_can_not_be_saved_is_in_force_and_the_command_fails(running, pki):
    (running.folder / "state").write_text("a file where the folder should be")
    with tls(running.port, "strict.test", pki, cert=pki.client) as connection:
        assert connection.request(host="strict.test").status == 200
        done = running.ctl("revoke", "--fingerprint", sha256(pki.client))
        assert done.returncode == 1
        assert "in force, but a restart loses it" in done.stderr and f"{running.folder}/state: is no folder" in done.stderr
        assert connection.is_closed()
    assert "certificate revoked" in tls_error(running.port, "strict.test", pki, cert=pki.client)
    assert running.metric("gateway_emergency_revocations_saved") == 0
    (running.folder / "state").unlink()
    assert running.ctl("revoke", "--fingerprint", sha256(pki.client)).returncode == 0
    assert running.metric("gateway_emergency_revocations_saved") == 1


@pytest.mark.parametrize("content", ["", "{", '{"format": 1, "revocations": [{"serial": "xyz"}]}', '{"format": 99, "revocations": []}'])
def test_a_damaged_list_keeps_the_gateway_from_starting(running, pki, content):
    revoke(running, "--fingerprint", sha256(pki.client))
    running.signal(signal.SIGTERM)
    running.wait()
    path = running.folder / "state/revocations.json"
    path.write_text(content)
    running.spawn()
    assert running.wait() == 1
    assert f"{path}" in running.stderr() and "move it away, start, and revoke again what it named" in running.stderr()
    running.process = None


def test_a_list_that_others_can_write_keeps_the_gateway_from_starting(running, pki):
    revoke(running, "--fingerprint", sha256(pki.client))
    running.signal(signal.SIGTERM)
    running.wait()
    (running.folder / "state").chmod(0o777)
    running.spawn()
    assert running.wait() == 1
    assert "others can write to it" in running.stderr()
    running.process = None


def test_the_list_is_for_its_owner_alone(running, pki):
    revoke(running, "--fingerprint", sha256(pki.client))
    assert (running.folder / "state").stat().st_mode & 0o777 == 0o700
    assert (running.folder / "state/revocations.json").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("arguments, says", [
    ([], "required"), (["--serial", "1", "--fingerprint", "2"], "excludes"), (["--issuer", "CN=a"], "--issuer requires --serial"),
    (["--list", "--remove"], "excludes"), (["--fingerprint", "00", "--issuer", "CN=a"], "--issuer requires --serial")])
def test_a_command_line_that_names_no_certificate_is_refused(running, arguments, says):
    done = running.ctl("revoke", *arguments)
    assert done.returncode == 2 and says in done.stderr.lower() + done.stderr


@pytest.mark.parametrize("arguments, says", [
    (["--serial", "xyz"], "a serial number is hexadecimal"), (["--fingerprint", "sha256:00"], "64 hexadecimal digits"),
    (["--serial", "1", "--issuer", "My CA"], "an issuer is a name such as"),
    (["--remove", "--serial", "1"], "there is no entry for serial 01 of any issuer")])
def test_what_names_no_certificate_changes_nothing(running, arguments, says):
    done = running.ctl("revoke", *arguments)
    assert done.returncode == 1 and says in done.stderr
    assert json.loads(running.ctl("--json", "revoke", "--list").stdout)["count"] == 0


def test_each_change_is_a_line_of_the_log(running, pki):
    revoke(running, "--fingerprint", sha256(pki.client))
    running.ctl("revoke", "--remove", "--fingerprint", sha256(pki.client))
    lines = [json.loads(line) for line in running.stderr().splitlines() if "gatewayctl revoke" in line]
    assert [line["message"] for line in lines] == ["certificate revoked by gatewayctl revoke",
                                                   "revocation taken back by gatewayctl revoke --remove"]
    assert all(sha256(pki.client) in line["certificate"] and line["comment"] == "in a test" for line in lines)


def test_revoking_goes_on_during_a_drain(running, pki):
    running.ctl("drain")
    revoke(running, "--fingerprint", sha256(pki.client))
    assert "certificate revoked" in tls_error(running.port, "strict.test", pki, cert=pki.client)


def test_a_host_without_upstream_is_no_way_around(pki, gateway):
    running = gateway(document(pki, virtual_host(pki, "strict", "strict", routes=[respond()])))
    with tls(running.port, "strict.test", pki, cert=pki.client) as connection:
        assert connection.request(host="strict.test").status == 200
        revoke(running, "--serial", pki.client.serial)
        assert connection.is_closed()

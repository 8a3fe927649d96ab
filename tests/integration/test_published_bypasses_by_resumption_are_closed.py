"""What was published on resumption and is no cell of the matrix in test_no_resumption_bypasses_a_verdict.py."""
import os
import re
import socket
import struct
import subprocess

import pytest

from harness.clients import OPENSSL, context, s_client, tls
from harness.config import document, respond, trust_sets, virtual_host
from harness.waiting import PATIENCE, free_port

BOTH = pytest.mark.parametrize("version", ["1.2", "1.3"])
STORES = pytest.mark.parametrize("store", ["process", "tickets"])
VARIABLES = ["client.verify", "client.subject_dn", "client.issuer_dn", "client.cn", "client.serial", "client.fingerprint", "client.not_after",
             "client.cert", "client.san.dns", "client.san.uri", "client.san.email", "client.san.ip"]


def visit(port, sni, ctx, session=None, target="/"):
    """One request: whether the session was resumed, the response, and the session to resume."""
    with tls(port, sni, ctx=ctx, session=session) as connection:
        response = connection.request(host=sni, target=target)
        return connection.sock.session_reused, response, connection.sock.session


@STORES
@BOTH
def test_an_identity_is_complete_after_resumption(pki, gateway, origin, version, store):
    """Envoy 21235: what was known of the client differed after a resumption."""
    behind = origin()
    fields = {f"X-{name.replace('.', '-')}": f"${{{name}}}" for name in VARIABLES}
    route = {"path": "/*", "upstream": "origin", "headers": {"set": fields}, "identity_headers": ["client-cert", "xfcc"]}
    policy = {"default": "deny", "rules": [{"name": "all-of-alice", "effect": "allow", "when": {
        "cn": "alice", "ou": "Payments", "o": "Example Corp", "dns_san": "alice.clients.example", "uri_san": "spiffe://corp.example/batch/*",
        "email_san": "alice@example.com", "ip_san": "fd00::/8", "issuer_cn": "Test Client Root", "serial": pki.client.serial,
        "fingerprint": [f"sha256:{pki.client.fingerprint}"], "authenticated": True}}]}
    running = gateway(document(pki, virtual_host(pki, "strict", "strict", routes=[route], policy="p"), origins=[behind.address], policies={"p": policy},
                               session={"store": store}))
    ctx = context(pki, version=version, cert=pki.client)
    session = None
    for resumed in (False, True, True):
        reused, response, session = visit(running.port, "strict.test", ctx, session)
        assert (reused, response.status) == (resumed, 200)
    names = [*fields, "Client-Cert", "X-Forwarded-Client-Cert"]
    known = [{name: request.get(name.lower()) for name in names} for request in behind.got(3)]
    assert all(known[0].values()), known[0]
    assert known[0] == known[1] == known[2]


@STORES
@BOTH
def test_a_policy_that_denies_now_denies_a_resumed_client(pki, gateway, version, store):
    """ghostunnel: the rules were asked in a callback that a resumption skips, so a new set of them did not apply."""
    doc = document(pki, virtual_host(pki, "strict", "strict", routes=[respond()]), session={"store": store})
    running = gateway(doc)
    ctx = context(pki, version=version, cert=pki.client)
    _, _, session = visit(running.port, "strict.test", ctx)
    doc["policies"] = {"p": {"default": "allow", "rules": [{"name": "alice", "effect": "deny", "when": {"cn": "alice"}}]}}
    doc["virtual_hosts"][0]["policy"] = "p"
    running.reload(doc)
    reused, response, _ = visit(running.port, "strict.test", ctx, session)
    assert (reused, response.status) == (True, 403)


@STORES
@BOTH
def test_a_session_of_one_listener_is_none_for_another_host_of_the_same_name(pki, gateway, version, store):
    """GHSA-5v5r-rghf-rm6q (h2o): a ticket of one address was taken at another, with other settings behind the same name."""
    ports = [free_port(), free_port()]
    listeners = [{"bind": f"127.0.0.1:{port}", "name": f"l{port}"} for port in ports]
    hosts = [virtual_host(pki, f"host-{port}", "strict", hosts=["shared.test"], listeners=[f"l{port}"], routes=[respond(str(port))]) for port in ports]
    gateway(document(pki, *hosts, listeners=listeners, session={"store": store}))
    ctx = context(pki, version=version, cert=pki.client)
    _, _, session = visit(ports[0], "shared.test", ctx)
    assert visit(ports[0], "shared.test", ctx, session)[0]
    reused, response, _ = visit(ports[1], "shared.test", ctx, session)
    assert (reused, response.text) == (False, str(ports[1]))


def kept_in(saved):
    """The id and the ticket in a session that s_client saved; a ticket's hex dump has sixteen bytes a line."""
    text = subprocess.run([OPENSSL, "sess_id", "-in", str(saved), "-noout", "-text"], capture_output=True, text=True, check=True).stdout
    session_id = bytes.fromhex(re.search(r"Session-ID: ([0-9A-F]*)", text)[1])
    dump = text.split("TLS session ticket:\n")[1] if "TLS session ticket:" in text else ""
    lines = re.findall(r"^ +[0-9a-f]{4} - ((?:[0-9a-f]{2}[ -]){1,16})", dump, re.M)
    return session_id, bytes.fromhex("".join(re.sub(r"[ -]", "", line) for line in lines))


def extension(kind, body):
    return struct.pack("!HH", kind, len(body)) + body


def vector(body, size=2):
    return len(body).to_bytes(size, "big") + body


def client_hello(name, session_id, *, versions, share, ticket):
    extensions = extension(0, vector(b"\0" + vector(name.encode())))
    extensions += extension(10, vector(b"\0\x19\0\x17"))  # P-521, P-256
    extensions += extension(13, vector(bytes.fromhex("0403050306030804")))
    extensions += extension(35, ticket) + extension(23, b"") + extension(11, b"\1\0")
    if versions:
        extensions += extension(43, vector(versions, 1)) + extension(45, b"\1\1")
        extensions += extension(51, vector(share))
    body = b"\x03\x03" + b"r" * 32 + vector(session_id, 1) + vector(bytes.fromhex("1301c02bc02c")) + b"\1\0" + vector(extensions)
    message = b"\1" + len(body).to_bytes(3, "big") + body
    return b"\x16\x03\x01" + vector(message)


def records(sock):
    """(type, content) of each record until the end."""
    data, found = b"", []
    while piece := sock.recv(65536):
        data += piece
    while len(data) >= 5:
        size = int.from_bytes(data[3:5], "big")
        found.append((data[0], data[5:5 + size]))
        data = data[5 + size:]
    return found


@STORES
def test_a_downgrade_after_a_retry_is_no_resumption(pki, gateway, tmp_path, store):
    """CVE-2026-34873 (Mbed TLS): after a HelloRetryRequest the client fell back to TLS 1.2, and was resumed with a secret of zeros."""
    trust = trust_sets(pki)
    running = gateway(document(pki, virtual_host(pki, "strict", "strict", routes=[respond()]), trust=trust, session={"store": store}))
    saved = tmp_path / "session.pem"
    assert s_client(running.port, "strict.test", pki, "-sess_out", str(saved), cert=pki.client, version="1.2").status == 200
    session_id, ticket = kept_in(saved)
    assert len(session_id) == 32 and (len(ticket) > 100 if store == "tickets" else not ticket)
    if store == "tickets":
        session_id = os.urandom(32)
    share = b"\0\x19" + vector(b"\4" + b"\1" * 132)
    with socket.create_connection(("127.0.0.1", running.port), timeout=PATIENCE) as sock:
        sock.sendall(client_hello("strict.test", session_id, versions=b"\x03\x04\x03\x03", share=share, ticket=ticket))
        sock.sendall(client_hello("strict.test", session_id, versions=None, share=None, ticket=ticket))
        got = records(sock)
    hellos = [content for kind, content in got if kind == 22 and content[0] == 2]
    retry_request = bytes.fromhex("cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c")
    assert len(hellos) == 1 and retry_request in hellos[0], got
    kind, content = got[-1]
    assert kind == 21 and content[0] == 2, got
    assert running.metric("gateway_tls_handshakes_total", resumed="true") == 0
    running.logged(type="handshake", reason="protocol_version")
    # The session itself is good.
    again = s_client(running.port, "strict.test", pki, "-sess_in", str(saved), version="1.2")
    assert again.status == 200 and "Reused, " in again.output

"""What an upstream reads as the client's identity was set by the gateway: client-sent look-alikes go, in every spelling and place."""
import base64
import re
import urllib.parse

import pytest

from harness.clients import get, head, tcp, tls
from harness.config import document, virtual_host
from harness.waiting import free_port

SET = {"X-SSL-Client-Verify": "${client.verify}", "X-SSL-Client-S-DN": "${client.subject_dn}"}


@pytest.fixture
def identity(pki, gateway, origin):
    """A strict and an optional host with every identity header, before one origin; and a plain listener beside."""
    behind = origin()
    plain = free_port()
    tls_port = free_port()
    route = [{"path": "/*", "upstream": "origin", "headers": {"set": SET}}]
    more = {"identity_headers": ["client-cert", "xfcc"], "routes": route}
    running = gateway(document(
        pki, virtual_host(pki, "strict", "strict", **more), virtual_host(pki, "flexible", "optional", **more),
        virtual_host(pki, "bare", "optional"), virtual_host(pki, "plain", None), origins=[behind.address],
        listeners=[{"bind": f"127.0.0.1:{tls_port}"}, {"bind": f"127.0.0.1:{plain}", "protocol": "http"}]))
    running.port, running.plain = tls_port, plain
    return running, behind


def folded(message):
    return [re.sub("[._]", "-", name) for name in message.names()]


ALIASES = ["X-SSL-Client-Verify", "x-ssl-client-verify", "X_SSL_Client_Verify", "X.SSL.Client.Verify", "X-SSL_Client.Verify", "Client-Cert", "client_cert",
           "Client.Cert", "CLIENT-CERT-CHAIN", "Client_Cert-Chain", "X-Forwarded-Client-Cert", "x_forwarded_client_cert", "X-Forwarded.Client-Cert"]


@pytest.mark.parametrize("field", ALIASES)
def test_a_spoofed_field_is_gone_in_every_spelling(identity, pki, field):
    running, behind = identity
    for host, cert in (("strict.test", pki.client), ("flexible.test", None), ("bare.test", None)):
        assert get(running.port, host, pki, cert=cert, fields=[(field, "forged")]).status == 200
        assert b"forged" not in behind.last().raw_head
    with tcp(running.plain) as connection:
        assert connection.request(host="plain.test", fields=[(field, "forged")]).status == 200
    assert b"forged" not in behind.last().raw_head


@pytest.mark.parametrize("field", ALIASES)
def test_a_spoofed_trailer_is_gone(identity, pki, field):
    running, behind = identity
    body = f"3\r\nabc\r\n0\r\n{field}: forged\r\nX-Sum: 1\r\n\r\n".encode()
    with tls(running.port, "strict.test", pki, cert=pki.client) as connection:
        connection.send(head("POST", "/", "strict.test", [("Transfer-Encoding", "chunked"), ("Trailer", f"{field}, X-Sum"), ("TE", "trailers")]) + body)
        assert connection.response().status == 200
    request = behind.last()
    assert request.body == b"abc" and b"forged" not in behind.raw_bytes()


@pytest.mark.parametrize("nominated", ["X-SSL-Client-Verify", "Client-Cert", "X-Forwarded-Client-Cert", "X-Forwarded-For", "X-Request-Id", "x-ssl-client-verify, close",
                                       "Host"])
def test_connection_cannot_remove_what_the_gateway_adds(identity, pki, nominated):
    running, behind = identity
    answer = get(running.port, "strict.test", pki, cert=pki.client, fields=[("Connection", nominated)])
    if nominated == "Host" and answer.status == 400:
        return
    assert answer.status == 200
    request = behind.last()
    assert request.get("x-ssl-client-verify") == "SUCCESS" and request.get("client-cert") and request.get("x-forwarded-client-cert")
    assert request.get("x-forwarded-for") == "127.0.0.1" and request.get("x-request-id") and request.get("host") == "strict.test"


def test_each_identity_field_is_there_exactly_once(identity, pki):
    running, behind = identity
    get(running.port, "strict.test", pki, cert=pki.client, fields=[(alias, "x") for alias in ALIASES])
    names = folded(behind.last())
    for field in ("x-ssl-client-verify", "x-ssl-client-s-dn", "client-cert", "x-forwarded-client-cert"):
        assert names.count(field) == 1, names


def test_the_values_are_those_of_the_verified_certificate(identity, pki):
    running, behind = identity
    get(running.port, "strict.test", pki, cert=pki.client)
    request = behind.last()
    assert request.get("x-ssl-client-verify") == "SUCCESS"
    assert request.get("x-ssl-client-s-dn") == "CN=alice,OU=Payments,O=Example Corp"
    # RFC 9440: the DER of the leaf as a structured-field byte sequence.
    assert request.get("client-cert") == ":" + base64.b64encode(pki.client.der).decode() + ":"
    xfcc = request.get("x-forwarded-client-cert")
    assert f"Hash={pki.client.fingerprint}" in xfcc and "URI=spiffe://corp.example/batch/alice" in xfcc
    assert "CN=alice" in xfcc and "DNS=alice.clients.example" in xfcc


def test_an_anonymous_client_brings_no_certificate_fields(identity, pki):
    running, behind = identity
    get(running.port, "flexible.test", pki, fields=[("Client-Cert", ":AAAA:"), ("X-SSL-Client-S-DN", "CN=admin")])
    request = behind.last()
    assert request.get("x-ssl-client-verify") == "NONE"
    assert request.get("client-cert") is None and request.get("x-forwarded-client-cert") is None
    assert request.get("x-ssl-client-s-dn") in (None, "")


def test_identity_headers_are_off_by_default(identity, pki):
    running, behind = identity
    get(running.port, "bare.test", pki, cert=pki.client)
    assert not {"client-cert", "client-cert-chain", "x-forwarded-client-cert"} & set(behind.last().names())


def test_every_variable_has_its_value(pki, gateway, origin):
    behind = origin()
    names = ["client.verify", "client.subject_dn", "client.issuer_dn", "client.cn", "client.serial", "client.fingerprint", "client.not_after",
             "client.cert", "client.san.dns", "client.san.uri", "client.san.email", "client.san.ip", "tls.version", "tls.cipher", "tls.sni",
             "tls.resumed", "source_ip", "request.id", "policy.rule"]
    fields = {"V-" + name.replace(".", "-").replace("_", "-"): "${" + name + "}" for name in names}
    running = gateway(document(
        pki, virtual_host(pki, "strict", "strict", policy="p", routes=[{"path": "/*", "upstream": "origin", "headers": {"set": fields}}]),
        origins=[behind.address], policies={"p": {"rules": [{"name": "the-rule", "effect": "allow", "when": {"cn": "alice"}}]}}))
    answer = get(running.port, "strict.test", pki, cert=pki.client, version="1.3")
    request = behind.last()
    got = {name: request.get("v-" + name.replace(".", "-").replace("_", "-")) for name in names}
    assert got["client.subject_dn"] == "CN=alice,OU=Payments,O=Example Corp"
    assert got["client.issuer_dn"] == "CN=Test Client Root,O=Gateway Test"
    assert (got["client.cn"], got["client.serial"].upper()) == ("alice", pki.client.serial)
    assert got["client.fingerprint"].lower().replace("sha256:", "").replace(":", "") == pki.client.fingerprint
    assert got["client.not_after"].startswith(str(pki.client.certificate.not_valid_after.year))
    assert urllib.parse.unquote(got["client.cert"]).split() == pki.client.pem.read_text().split()
    assert (got["client.san.dns"], got["client.san.uri"]) == ("alice.clients.example", "spiffe://corp.example/batch/alice")
    assert (got["client.san.email"], got["client.san.ip"]) == ("alice@example.com", "10.1.2.3")
    assert (got["tls.version"], got["tls.sni"], got["tls.resumed"]) == ("TLSv1.3", "strict.test", "false")
    assert got["tls.cipher"].startswith("TLS_") and got["source_ip"] == "127.0.0.1" and got["policy.rule"] == "the-rule"
    assert got["request.id"] == request.get("x-request-id") == answer.get("x-request-id", got["request.id"])


def test_a_hostile_name_in_a_certificate_cannot_break_out_of_its_field(pki, gateway, origin):
    behind = origin()
    hostile = pki.root.issue("hostile", 'a"; By=x,Subject="b\\', ou="é, +;", uri=["spiffe://a/b,URI=spiffe://evil;Hash=0"])
    running = gateway(document(pki, virtual_host(pki, "strict", "strict", identity_headers=["xfcc"], routes=[
        {"path": "/*", "upstream": "origin", "headers": {"set": SET}}]), origins=[behind.address]))
    assert get(running.port, "strict.test", pki, cert=hostile).status == 200
    request = behind.last()
    xfcc = request.get("x-forwarded-client-cert")
    assert len(request.all("x-forwarded-client-cert")) == 1
    outside_quotes = re.sub(r'"(?:[^"\\]|\\.)*"', '""', xfcc)
    assert "," not in outside_quotes and outside_quotes.count("Hash=") == 1, xfcc
    assert all(32 <= ord(char) < 127 for char in request.get("x-ssl-client-s-dn"))


def test_routes_can_remove_and_set_fields(pki, gateway, origin):
    behind = origin()
    running = gateway(document(pki, virtual_host(pki, "open", routes=[
        {"path": "/*", "upstream": "origin", "headers": {"set": {"X-Mine": "literal"}, "remove": ["X-Debug"]}}]), origins=[behind.address]))
    get(running.port, "open.test", pki, fields=[("X-Debug", "1"), ("x_debug", "2"), ("X-Mine", "theirs"), ("x.mine", "theirs"), ("X-Keep", "yes")])
    request = behind.last()
    assert request.all("x-mine") == ["literal"] and request.get("x-keep") == "yes"
    assert "theirs" not in request.raw_head.decode() and request.get("x-debug") is None

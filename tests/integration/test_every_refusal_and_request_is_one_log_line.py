"""The access log: one JSON object a request and a failed handshake, whatever a peer puts into its names; reopened on SIGUSR1."""
import json
import signal

import pytest

from harness.clients import curl, get, tcp, tls, tls_error
from harness.config import document, respond, virtual_host
from harness.waiting import eventually


def test_a_request_line_tells_who_what_and_why(pki, gateway, origin):
    behind = origin()
    running = gateway(document(pki, virtual_host(pki, "strict", "strict", policy="p"), origins=[behind.address],
                               policies={"p": {"rules": [{"name": "partners", "effect": "allow", "when": {"dns_san": "*.clients.example"}}]}}))
    get(running.port, "strict.test", pki, "/a/b?c=d", method="POST", body=b"12345", cert=pki.client, version="1.3")
    line = running.logged(type="request", status=200)
    expected = {"virtual_host": "strict", "route": "/*", "upstream": "origin", "endpoint": behind.address, "method": "POST", "host": "strict.test",
                "path": "/a/b?c=d", "request_bytes": 5, "response_bytes": 2, "tls_version": "TLSv1.3", "sni": "strict.test", "resumed": False,
                "client_auth": "strict", "policy": "p", "rule": "partners", "decision": "allow", "source_ip": "127.0.0.1", "http_version": "1.1"}
    assert {key: line.get(key) for key in expected} == expected
    assert line["identity"] == {"cn": "alice", "san": "URI:spiffe://corp.example/batch/alice", "fingerprint": f"sha256:{pki.client.fingerprint}"}
    assert line["request_id"] == behind.last().get("x-request-id") and line["duration"] > 0 and line["tls_cipher"].startswith("TLS_")
    assert "reason" not in line


def test_a_failed_handshake_line_tells_what_the_client_offered(modes, pki):
    curl(modes.port, "strict.test", pki, cert=pki.stranger)
    line = modes.logged(type="handshake", reason="unknown_ca")
    assert line["sni"] == "strict.test" and line["virtual_host"] == "strict" and line["client_auth"] == "strict" and line["source_ip"] == "127.0.0.1"
    assert "CN=stranger" in line["presented_subject"] and "Another Client Root" in line["presented_issuer"]
    assert "TLSv1.3" in line["offered_versions"] and "http/1.1" in line["offered_alpn"]


def test_what_a_peer_chooses_cannot_break_a_line(pki, gateway):
    evil = pki.other.issue("evil", 'x","status":200,"a":"\u2028\u0085\x1b[31m')
    running = gateway(document(pki, virtual_host(pki, "strict", "strict", routes=[respond()]), virtual_host(pki, "open", default=True, allow_lax_default=True,
                                                                                                    routes=[respond()])))
    tls_error(running.port, "strict.test", pki, cert=evil)
    get(running.port, "open.test", pki, '/a?"', fields=[("User-Agent", 'u"\\\t')])
    with tcp(running.port) as connection:
        connection.send(b'GET /\x1b[31m"\xff HTTP/1.1\r\nHost: a"b\r\n\r\n')
        connection.ended()
    eventually(lambda: len(running.log.read_text(errors="replace").splitlines()) >= 3, "three lines")
    for line in running.log.read_bytes().splitlines():
        json.loads(line.decode())
        assert all(byte >= 0x20 and byte != 0x7F for byte in line)


def test_sigusr1_reopens_the_file(pki, gateway):
    running = gateway(document(pki, virtual_host(pki, "open", routes=[respond()])))
    get(running.port, "open.test", pki, "/first")
    running.logged(path="/first")
    rotated = running.log.with_suffix(".1")
    running.log.rename(rotated)
    running.signal(signal.SIGUSR1)
    eventually(running.log.exists, "a new file")
    get(running.port, "open.test", pki, "/second")
    running.logged(path="/second")
    assert "/second" not in rotated.read_text()


def test_the_log_can_go_to_stdout_as_text_or_nowhere(pki, gateway):
    doc = document(pki, virtual_host(pki, "open", routes=[respond()]), access_log={"path": "stdout", "format": "text"})
    running = gateway(doc)
    get(running.port, "open.test", pki, "/told")
    line = eventually(lambda: [each for each in running.stdout().splitlines() if "/told" in each], "a line on stdout")[0]
    assert "status=200" in line and "virtual_host=open" in line
    running.reload({**doc, "access_log": "off"})
    get(running.port, "open.test", pki, "/untold")
    running.counted(2, "gateway_http_requests_total")
    assert "/untold" not in running.stdout()


@pytest.mark.parametrize("count", [300])
def test_no_line_is_lost_under_load(pki, gateway, count):
    running = gateway(document(pki, virtual_host(pki, "open", routes=[respond()]), workers=2))
    with tls(running.port, "open.test", pki) as connection:
        for index in range(count):
            connection.request(target=f"/{index}")
    eventually(lambda: len(running.log_lines()) == count, "every request has its line")
    assert len({line["request_id"] for line in running.log_lines()}) == count

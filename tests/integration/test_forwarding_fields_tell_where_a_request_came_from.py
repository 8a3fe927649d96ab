"""X-Forwarded-*, X-Request-Id, Forwarded and Via: ours replace a client's own, unless it is a trusted proxy."""
import re

import pytest

from harness.clients import get, tcp, tls
from harness.config import document, virtual_host
from harness.waiting import free_port

SENT = [("X-Forwarded-For", "203.0.113.9"), ("X-Forwarded-Proto", "gopher"), ("X-Forwarded-Host", "evil.example"), ("X-Request-Id", "chosen-by-client"),
        ("X_Forwarded_For", "203.0.113.10"), ("X.Forwarded.Proto", "gopher")]


def test_a_clients_own_values_are_replaced(open_host, pki):
    running, behind = open_host()
    get(running.port, "open.test", pki, fields=SENT)
    request = behind.last()
    assert request.all("x-forwarded-for") == ["127.0.0.1"]
    assert request.all("x-forwarded-proto") == ["https"]
    assert request.all("x-forwarded-host") == ["open.test"]
    assert len(request.all("x-request-id")) == 1 and request.get("x-request-id") != "chosen-by-client"
    assert b"203.0.113" not in request.raw_head and b"gopher" not in request.raw_head and b"evil" not in request.raw_head


def test_a_trusted_proxy_is_believed_and_extended(open_host, pki):
    running, behind = open_host(trusted_proxies=["127.0.0.0/8"])
    get(running.port, "open.test", pki, fields=SENT[:4])
    request = behind.last()
    assert request.get("x-forwarded-for") == "203.0.113.9, 127.0.0.1"
    assert request.get("x-request-id") == "chosen-by-client"


def test_only_the_listed_addresses_are_trusted(open_host, pki):
    running, behind = open_host(trusted_proxies=["127.0.0.5"])
    get(running.port, "open.test", pki, fields=SENT, source=("127.0.0.6", 0))
    assert behind.last().get("x-forwarded-for") == "127.0.0.6"
    get(running.port, "open.test", pki, fields=SENT[:1], source=("127.0.0.5", 0))
    assert behind.last().get("x-forwarded-for") == "203.0.113.9, 127.0.0.5"


def test_forwarded_and_via_are_off_by_default_and_can_be_turned_on(open_host, pki):
    running, behind = open_host()
    get(running.port, "open.test", pki)
    assert behind.last().get("forwarded") is None and behind.last().get("via") is None
    running, behind = open_host(forwarding={"forwarded": True, "via": True, "x_forwarded": False, "x_request_id": False})
    get(running.port, "open.test", pki, fields=[("Forwarded", "for=evil")])
    request = behind.last()
    assert re.search(r'for="?127\.0\.0\.1"?', request.get("forwarded")) and "proto=https" in request.get("forwarded")
    assert "evil" not in request.get("forwarded") and request.get("via").startswith("1.1 ")
    assert request.get("x-forwarded-for") is None and request.get("x-request-id") is None


def test_request_ids_differ_and_stand_in_the_log(open_host, pki):
    running, behind = open_host()
    with tls(running.port, "open.test", pki) as connection:
        for _ in range(3):
            assert connection.request().status == 200
    ids = [request.get("x-request-id") for request in behind.got(3)]
    assert len(set(ids)) == 3
    for each in ids:
        running.logged(request_id=each, status=200)


def test_a_plain_listener_says_http(pki, gateway, origin):
    behind, port = origin(), free_port()
    gateway(document(pki, virtual_host(pki, "plain", None), origins=[behind.address],
                     listeners=[{"bind": f"127.0.0.1:{port}", "protocol": "http"}]))
    with tcp(port) as connection:
        assert connection.request(host="plain.test").status == 200
    assert behind.last().get("x-forwarded-proto") == "http"


@pytest.mark.parametrize("field", ["Connection: X-Secret\r\nX-Secret: 1", "Keep-Alive: timeout=5", "Proxy-Connection: keep-alive", "TE: trailers", "Upgrade: h2c",
                                   "Proxy-Authorization: Basic eDp5", "Trailer: X-Sum", "HTTP2-Settings: AAMAAABkAAQ\r\nConnection: HTTP2-Settings"])
def test_hop_by_hop_fields_stay_here(open_host, pki, field):
    running, behind = open_host()
    with tls(running.port, "open.test", pki) as connection:
        connection.send(f"GET / HTTP/1.1\r\nHost: open.test\r\n{field}\r\n\r\n")
        assert connection.response().status == 200
    names = behind.last().names()
    assert not {"x-secret", "keep-alive", "proxy-connection", "upgrade", "http2-settings"} & set(names)


def test_responses_lose_their_hop_by_hop_fields_too(open_host, pki):
    running, _ = open_host(lambda exchange: "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: X-Hop\r\nX-Hop: 1\r\nKeep-Alive: timeout=9\r\nX-End: 1\r\n\r\nok".encode())
    answer = get(running.port, "open.test", pki)
    assert answer.get("x-hop") is None and answer.get("keep-alive") is None and answer.get("x-end") == "1" and answer.text == "ok"

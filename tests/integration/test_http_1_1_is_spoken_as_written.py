"""Keep-alive, pipelining, framing both ways, interim responses, HEAD, HTTP/1.0: RFC 9110 and 9112 seen from both sides."""
import socket

import pytest

from harness.clients import get, head, tcp, tls
from harness.config import document, respond, virtual_host
from harness.origin import answer
from harness.waiting import eventually, free_port


def test_one_connection_serves_many_requests_and_the_origin_sees_one(open_host, pki):
    running, behind = open_host(lambda exchange: answer(body=exchange.request.target))
    with tls(running.port, "open.test", pki) as connection:
        for index in range(20):
            assert connection.request(target=f"/{index}").text == f"/{index}"
    assert behind.connections == 1


def test_pipelined_requests_are_answered_in_order(open_host, pki):
    running, _ = open_host(lambda exchange: answer(body=exchange.request.target))
    with tls(running.port, "open.test", pki) as connection:
        connection.send(b"".join(head(target=f"/{index}") for index in range(25)))
        assert [connection.response().text for _ in range(25)] == [f"/{index}" for index in range(25)]


def test_pipelined_posts_with_bodies_are_not_mixed_up(open_host, pki):
    running, _ = open_host(lambda exchange: answer(body=exchange.read_body()))
    with tls(running.port, "open.test", pki) as connection:
        chunked = head("POST", "/", fields=[("Transfer-Encoding", "chunked")]) + b"2\r\nbb\r\n0\r\n\r\n"
        connection.send(head("POST", "/", body=b"a") + chunked + head("POST", "/", body=b"ccc") + head())
        assert [connection.response().text for _ in range(4)] == ["a", "bb", "ccc", ""]


@pytest.mark.parametrize("fields, version, stays", [([], "HTTP/1.1", True), ([("Connection", "close")], "HTTP/1.1", False), ([], "HTTP/1.0", False),
                                                    ([("Connection", "keep-alive")], "HTTP/1.0", True)])
def test_the_connection_stays_or_ends_as_agreed(open_host, pki, fields, version, stays):
    running, _ = open_host()
    with tls(running.port, "open.test", pki) as connection:
        first = connection.request(fields=fields, version=version)
        assert first.status == 200
        if stays:
            assert connection.request().status == 200
        else:
            assert (first.get("connection") or "").lower() == "close" or version == "HTTP/1.0"
            assert connection.is_closed()


def test_an_http_1_0_client_gets_no_chunks(open_host, pki):
    running, _ = open_host(lambda exchange: b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n")
    got = get(running.port, "open.test", pki)
    assert got.text == "abcde" and got.get("transfer-encoding") == "chunked"
    with tls(running.port, "open.test", pki) as connection:
        old = connection.request(version="HTTP/1.0", fields=[("Connection", "keep-alive")])
        assert old.get("transfer-encoding") is None and old.text == "abcde"


@pytest.mark.parametrize("split", [31, 997, 4096])
def test_chunked_requests_arrive_whole_with_their_trailers(open_host, pki, split):
    running, behind = open_host()
    expected = bytes(range(256)) * 40
    pieces = [expected[i:i + split] for i in range(0, len(expected), split)]
    chunks = b"".join(b"%x;ext=1\r\n%s\r\n" % (len(piece), piece) for piece in pieces)
    with tls(running.port, "open.test", pki) as connection:
        connection.send(head("POST", fields=[("Transfer-Encoding", "chunked"), ("Trailer", "X-Sum")]) + chunks + b"0\r\nX-Sum: 42\r\n\r\n")
        assert connection.response().status == 200
    request = behind.last()
    eventually(lambda: request.body == expected, "the whole body")
    assert request.trailers in ([], [("X-Sum", "42")])


def test_response_trailers_are_passed_on(open_host, pki):
    running, _ = open_host(lambda exchange: b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n3\r\nabc\r\n0\r\nX-Sum: 7\r\n\r\n")
    got = get(running.port, "open.test", pki, fields=[("TE", "trailers")])
    assert got.text == "abc" and got.trailers == [("X-Sum", "7")]


def test_a_body_that_ends_with_the_connection_ends_with_it(open_host, pki):
    def handler(exchange):
        exchange.send("HTTP/1.1 200 OK\r\n\r\nup to the end")
        exchange.close()

    running, _ = open_host(handler)
    with tls(running.port, "open.test", pki) as connection:
        assert connection.request().text == "up to the end"


def test_100_continue_comes_from_the_origin_before_the_body(open_host, pki):
    def handler(exchange):
        exchange.send("HTTP/1.1 100 Continue\r\n\r\n")
        return answer(body=exchange.read_body())

    running, _ = open_host(handler)
    with tls(running.port, "open.test", pki) as connection:
        connection.send(head("POST", fields=[("Expect", "100-continue"), ("Content-Length", "4")]))
        assert connection.response().status == 100
        connection.send(b"body")
        assert connection.response().text == "body"


def test_a_refusal_spares_the_body_that_waits_for_100(open_host, pki):
    running, behind = open_host(lambda exchange: (exchange.send(answer(417, b"no")), exchange.close()))
    with tls(running.port, "open.test", pki) as connection:
        connection.send(head("POST", fields=[("Expect", "100-continue"), ("Content-Length", "4")]))
        assert connection.response().status == 417
    assert behind.last().body == b""


def test_an_unknown_expectation_is_417_or_400(open_host, pki):
    running, _ = open_host()
    assert get(running.port, "open.test", pki, fields=[("Expect", "miracles")]).status in (400, 417)


def test_interim_responses_are_passed_on(open_host, pki):
    running, _ = open_host(lambda exchange: b"HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\n\r\n" + answer(body="final"))
    with tls(running.port, "open.test", pki) as connection:
        connection.send(head())
        early = connection.response()
        assert early.status == 103 and early.get("link") == "</a>; rel=preload"
        assert connection.response().text == "final"
        assert connection.request(version="HTTP/1.0", fields=[("Connection", "keep-alive")]).status == 200, "an HTTP/1.0 client gets no 1xx"


@pytest.mark.parametrize("status", [204, 304])
def test_a_response_without_a_body_ends_with_its_head(open_host, pki, status):
    running, _ = open_host(lambda exchange: f"HTTP/1.1 {status} X\r\nETag: \"a\"\r\n\r\n".encode() if exchange.request.target == "/empty" else answer())
    with tls(running.port, "open.test", pki) as connection:
        assert connection.request(target="/empty").status == status
        assert connection.request().text == "ok"


def test_head_has_the_length_but_no_body(open_host, pki):
    running, _ = open_host(lambda exchange: b"HTTP/1.1 200 OK\r\nContent-Length: 12345\r\n\r\n" if exchange.request.method == "HEAD" else answer())
    with tls(running.port, "open.test", pki) as connection:
        got = connection.request("HEAD")
        assert got.get("content-length") == "12345"
        assert connection.request().text == "ok"


def test_an_early_final_response_arrives_although_the_body_is_still_coming(open_host, pki):
    def handler(exchange):
        exchange.send(answer(403, b"enough", reason="Forbidden"))
        exchange.connection.shutdown(socket.SHUT_WR)
        exchange.read_body(keep=False)

    running, _ = open_host(handler)
    with tls(running.port, "open.test", pki) as connection:
        connection.send(head("POST", fields=[("Content-Length", str(4 << 20))]))
        try:
            for _ in range(64):
                connection.send(bytes(64 << 10))
        except OSError:
            pass
        got = connection.response()
        assert (got.status, got.text) == (403, "enough")


def test_unknown_methods_and_many_fields_pass(open_host, pki):
    running, behind = open_host()
    assert get(running.port, "open.test", pki, method="PROPFIND", fields=[(f"X-{i}", "v" * 50) for i in range(80)]).status == 200
    request = behind.last()
    assert request.method == "PROPFIND" and request.get("x-79") == "v" * 50


def test_repeated_fields_stay_apart_and_in_order(open_host, pki):
    running, behind = open_host(lambda exchange: b"HTTP/1.1 200 OK\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2, c\r\nContent-Length: 0\r\n\r\n")
    got = get(running.port, "open.test", pki, fields=[("Cookie", "x=1"), ("X-Multi", "1"), ("X-Multi", "2")])
    assert got.all("set-cookie") == ["a=1", "b=2, c"]
    assert behind.last().all("x-multi") == ["1", "2"]


def test_a_head_may_come_byte_by_byte(open_host, pki):
    running, _ = open_host()
    with tls(running.port, "open.test", pki) as connection:
        for byte in head("POST", body=b"xyz"):
            connection.send(bytes([byte]))
        assert connection.response().status == 200


def test_options_asterisk_is_answered(open_host, pki):
    running, _ = open_host()
    assert get(running.port, "open.test", pki, "*", method="OPTIONS").status in (200, 204, 400, 404)


def test_a_local_answer_has_its_own_status_and_type(pki, gateway):
    running = gateway(document(pki, virtual_host(pki, "open", routes=[
        respond("healthy\n", path="/healthz"), {"path": "/gone", "respond": {"status": 410, "body": "{}", "content_type": "application/json"}}])))
    with tls(running.port, "open.test", pki) as connection:
        assert connection.request(target="/healthz").text == "healthy\n"
        gone = connection.request(target="/gone")
        assert (gone.status, gone.get("content-type")) == (410, "application/json")
        missing = connection.request(target="/elsewhere")
        assert missing.status == 404 and missing.get("content-type") == "application/problem+json"
        assert connection.request("HEAD", "/healthz").get("content-length") == "8"
    running.logged(status=404, reason="no_route")


def test_routes_match_the_longest_path_at_segment_boundaries(pki, gateway):
    running = gateway(document(pki, virtual_host(pki, "open", routes=[
        respond("all"), respond("api", path="/api/*"), respond("v1", path="/api/v1/*"), respond("exact", path="/api/v1/ping")])))
    with tls(running.port, "open.test", pki) as connection:
        for target, text in [("/", "all"), ("/apix", "all"), ("/api/x", "api"), ("/api/v1/x", "v1"), ("/api/v1/ping", "exact"), ("/api/v1/ping/", "v1"),
                             ("/api/v1/ping?x", "exact")]:
            assert connection.request(target=target).text == text, target


def test_the_echo_responder_tells_the_request(pki, gateway):
    running = gateway(document(pki, virtual_host(pki, "open", routes=[{"path": "/*", "respond": "echo"}])))
    got = get(running.port, "open.test", pki, "/hello?x=1", fields=[("X-Note", "here")])
    assert got.status == 200 and "/hello?x=1" in got.text and "GET" in got.text


def test_a_plain_listener_serves_hosts_without_tls_only(pki, gateway):
    plain, secure = free_port(), free_port()
    gateway(document(pki, virtual_host(pki, "plain", None, routes=[respond("plain")]), virtual_host(pki, "open", routes=[respond("open")]),
                     listeners=[{"bind": f"127.0.0.1:{plain}", "protocol": "http"}, {"bind": f"127.0.0.1:{secure}"}]))
    with tcp(plain) as connection:
        assert connection.request(host="plain.test").text == "plain"
        assert connection.request(host="open.test").status in (404, 421)
    assert get(secure, "open.test", pki).text == "open"


def test_redirect_to_https_keeps_host_and_path(pki, gateway):
    plain, secure = free_port(), free_port()
    gateway(document(pki, virtual_host(pki, "open", routes=[respond("open")]), listeners=[
        {"bind": f"127.0.0.1:{secure}"}, {"bind": f"127.0.0.1:{plain}", "protocol": "http", "redirect_to_https": True}]))
    with tcp(plain) as connection:
        got = connection.request(host=f"open.test:{plain}", target="/a/b?c=d")
        assert got.status == 308 and got.get("location") == f"https://open.test:{secure}/a/b?c=d"


def test_an_ipv6_listener_and_origin(pki, gateway, origin):
    behind = origin(family=socket.AF_INET6)
    port = free_port()
    gateway(document(pki, virtual_host(pki, "open"), origins=[behind.address], listeners=[{"bind": f"[::1]:{port}"}]))
    with tls(port, "open.test", pki, host="::1") as connection:
        got = connection.request()
    assert got.status == 200 and behind.last().get("x-forwarded-for") == "::1"


def test_several_listeners_and_workers_serve_the_same_hosts(pki, gateway):
    ports = [free_port() for _ in range(3)]
    gateway(document(pki, virtual_host(pki, "open", routes=[respond("ok")]), workers=2, listeners=[{"bind": f"127.0.0.1:{port}"} for port in ports]))
    for port in ports * 4:
        assert get(port, "open.test", pki).text == "ok"

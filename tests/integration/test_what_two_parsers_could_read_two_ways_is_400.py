"""Request smuggling over TLS: an ambiguous message is answered 400, the connection is closed, and the origin never sees a byte of it."""
import pytest

from harness.clients import tls
from harness.config import document, virtual_host
from harness.origin import Origin

INNER = "GET /smuggled HTTP/1.1\r\nHost: open.test\r\n\r\n"
CASES = {
    "content-length and transfer-encoding": "POST / HTTP/1.1\r\nHost: open.test\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "transfer-encoding and content-length": "POST / HTTP/1.1\r\nHost: open.test\r\nTransfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n",
    "two different lengths": "POST / HTTP/1.1\r\nHost: open.test\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
    "a list of lengths": "POST / HTTP/1.1\r\nHost: open.test\r\nContent-Length: 3, 4\r\n\r\nabcd",
    "a signed length": "POST / HTTP/1.1\r\nHost: open.test\r\nContent-Length: +4\r\n\r\nabcd",
    "a hexadecimal length": "POST / HTTP/1.1\r\nHost: open.test\r\nContent-Length: 0x4\r\n\r\nabcd",
    "an empty length": "POST / HTTP/1.1\r\nHost: open.test\r\nContent-Length: \r\n\r\n",
    "a length beyond 64 bits": "POST / HTTP/1.1\r\nHost: open.test\r\nContent-Length: 18446744073709551620\r\n\r\nabcd",
    "identity after chunked": "POST / HTTP/1.1\r\nHost: open.test\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
    "chunked twice": "POST / HTTP/1.1\r\nHost: open.test\r\nTransfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
    "two transfer-encodings": "POST / HTTP/1.1\r\nHost: open.test\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n",
    "xchunked": "POST / HTTP/1.1\r\nHost: open.test\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "a quoted coding": 'POST / HTTP/1.1\r\nHost: open.test\r\nTransfer-Encoding: "chunked"\r\n\r\n0\r\n\r\n',
    "a vertical tab before chunked": "POST / HTTP/1.1\r\nHost: open.test\r\nTransfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n",
    "transfer-encoding on HTTP/1.0": "POST / HTTP/1.0\r\nHost: open.test\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "a space before the colon": "POST / HTTP/1.1\r\nHost: open.test\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
    "a space before the host's colon": "GET / HTTP/1.1\r\nHost : open.test\r\n\r\n",
    "a folded field": "GET / HTTP/1.1\r\nHost: open.test\r\nX-A: b\r\n Content-Length: 5\r\n\r\n",
    "a folded first field": "GET / HTTP/1.1\r\n Content-Length: 5\r\nHost: open.test\r\n\r\n",
    "a bare CR before a field": "POST / HTTP/1.1\r\nHost: open.test\r\nDummy:\rTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "a bare CR in a value": "GET / HTTP/1.1\r\nHost: open.test\r\nX-A: a\rb\r\n\r\n",
    "a bare LF ends a line": "GET / HTTP/1.1\nHost: open.test\n\n",
    "a bare LF ends a field": "GET / HTTP/1.1\r\nHost: open.test\r\nX-A: b\nContent-Length: 5\r\n\r\n",
    "a head that ends in CR CR LF": "GET / HTTP/1.1\r\nHost: open.test\r\n\r\r\n",
    "a head that ends in CR LF CR X": "GET / HTTP/1.1\r\nHost: open.test\r\n\r\rX",
    "a NUL in a value": "GET / HTTP/1.1\r\nHost: open.test\r\nX-A: a\0b\r\n\r\n",
    "a NUL in a name": "GET / HTTP/1.1\r\nHost: open.test\r\nX\0A: b\r\n\r\n",
    "an empty field name": "GET / HTTP/1.1\r\nHost: open.test\r\n: b\r\n\r\n",
    "a field without a colon": "GET / HTTP/1.1\r\nHost: open.test\r\nnonsense\r\n\r\n",
    "no host": "GET / HTTP/1.1\r\nX-A: b\r\n\r\n",
    "two hosts": "GET / HTTP/1.1\r\nHost: open.test\r\nHost: open.test\r\n\r\n",
    "two different hosts": "GET / HTTP/1.1\r\nHost: open.test\r\nHost: strict.test\r\n\r\n",
    "a host with a path": "GET / HTTP/1.1\r\nHost: open.test/x\r\n\r\n",
    "a host with credentials": "GET / HTTP/1.1\r\nHost: a@open.test\r\n\r\n",
    "a list of hosts": "GET / HTTP/1.1\r\nHost: open.test, strict.test\r\n\r\n",
    "a chunk size with a sign": "POST / HTTP/1.1\r\nHost: open.test\r\nTransfer-Encoding: chunked\r\n\r\n+3\r\nabc\r\n0\r\n\r\n",
    "a chunk size in 0x": "POST / HTTP/1.1\r\nHost: open.test\r\nTransfer-Encoding: chunked\r\n\r\n0x3\r\nabc\r\n0\r\n\r\n",
    "a chunk size beyond 64 bits": "POST / HTTP/1.1\r\nHost: open.test\r\nTransfer-Encoding: chunked\r\n\r\n10000000000000003\r\nabc\r\n0\r\n\r\n",
    "a chunk that ends early": "POST / HTTP/1.1\r\nHost: open.test\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcX\r\n0\r\n\r\n",
    "a chunk that ends in LF": "POST / HTTP/1.1\r\nHost: open.test\r\nTransfer-Encoding: chunked\r\n\r\n3\nabc\r\n0\r\n\r\n",
    "a bare LF in a chunk extension": "POST / HTTP/1.1\r\nHost: open.test\r\nTransfer-Encoding: chunked\r\n\r\n3;a\nabc\r\n0\r\n\r\n",
    "a space in the target": "GET /a b HTTP/1.1\r\nHost: open.test\r\n\r\n",
    "two spaces in the request line": "GET  / HTTP/1.1\r\nHost: open.test\r\n\r\n",
    "a tab in the request line": "GET\t/ HTTP/1.1\r\nHost: open.test\r\n\r\n",
    "HTTP/1.2": "GET / HTTP/1.2\r\nHost: open.test\r\n\r\n",
    "HTTP/2.0": "GET / HTTP/2.0\r\nHost: open.test\r\n\r\n",
    "HTTP/0.9": "GET /\r\n",
    "http in lower case": "GET / http/1.1\r\nHost: open.test\r\n\r\n",
    "the HTTP/2 preface": "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "a fragment": "GET /a#b HTTP/1.1\r\nHost: open.test\r\n\r\n",
    "a backslash": "GET /a\\b HTTP/1.1\r\nHost: open.test\r\n\r\n",
    "an encoded NUL": "GET /a%00b HTTP/1.1\r\nHost: open.test\r\n\r\n",
    "a bad escape": "GET /a%zz HTTP/1.1\r\nHost: open.test\r\n\r\n",
    "an encoded slash": "GET /a%2fb HTTP/1.1\r\nHost: open.test\r\n\r\n",
    "an encoded backslash": "GET /a%5cb HTTP/1.1\r\nHost: open.test\r\n\r\n",
    "an encoded control byte": "GET /a%0d%0ab HTTP/1.1\r\nHost: open.test\r\n\r\n",
    "a path out of the root": "GET /../../etc HTTP/1.1\r\nHost: open.test\r\n\r\n",
    "a target that is no path": "GET etc/passwd HTTP/1.1\r\nHost: open.test\r\n\r\n",
    "a method with a control byte": "G\x01T / HTTP/1.1\r\nHost: open.test\r\n\r\n",
}
# RFC 3986 lets a path stop at the root: served as "/" or refused, both are one reading.
MAY_BE_SERVED = {"a path out of the root": "/etc"}


@pytest.fixture
def pair(pki):
    from harness.gateway import Gateway

    behind = Origin()
    running = Gateway(document(pki, virtual_host(pki, "open"), virtual_host(pki, "strict", "strict"), origins=[behind.address])).start()
    yield running, behind
    running.stop()
    behind.stop()


@pytest.mark.parametrize("case", list(CASES))
def test_an_ambiguous_message_is_400_and_ends_the_connection(pair, pki, case):
    running, behind = pair
    before = len(behind.requests)
    with tls(running.port, "open.test", pki) as connection:
        connection.send(CASES[case] + ("" if case in MAY_BE_SERVED else INNER))
        answer = connection.response()
        if case in MAY_BE_SERVED and answer.status == 200:
            assert behind.requests[before].target == MAY_BE_SERVED[case]
            return
        assert answer.status in (400, 501, 505), answer
        assert connection.ended() == b""
    assert all(request.target != "/smuggled" for request in behind.requests)
    assert len(behind.requests) == before or case.startswith(("a chunk", "a bare LF in a chunk"))


def test_an_empty_host_is_no_host_of_ours(pair, pki):
    running, behind = pair
    before = len(behind.requests)
    with tls(running.port, "open.test", pki) as connection:
        assert connection.request(host="").status in (400, 421)
    assert len(behind.requests) == before


def test_a_400_is_counted_and_logged_with_its_reason(pair, pki):
    running, _ = pair
    with tls(running.port, "open.test", pki) as connection:
        connection.send(CASES["two hosts"])
        assert connection.response().status == 400
    running.logged(status=400, reason="bad_request")
    running.counted(1, "gateway_http_requests_total", virtual_host="open", status="400")


@pytest.mark.parametrize("text, target", [
    ("GET /a/./b/../c HTTP/1.1\r\nHost: open.test\r\n\r\n", "/a/c"), ("GET //a///b HTTP/1.1\r\nHost: open.test\r\n\r\n", "/a/b"),
    ("GET /%61%2D%7e?q=%61//.. HTTP/1.1\r\nHost: open.test\r\n\r\n", "/a-~?q=%61//.."), ("GET /a/%2e%2e/b HTTP/1.1\r\nHost: open.test\r\n\r\n", "/b"),
    ("GET https://open.test/abs?x HTTP/1.1\r\nHost: open.test\r\n\r\n", "/abs?x"), ("GET /a;b=1/c HTTP/1.1\r\nHost: open.test\r\n\r\n", "/a;b=1/c")])
def test_one_normal_form_of_the_path_is_forwarded(pair, pki, text, target):
    running, behind = pair
    with tls(running.port, "open.test", pki) as connection:
        connection.send(text)
        assert connection.response().status == 200
    assert behind.requests[-1].target == target


def test_equal_lengths_twice_are_refused_or_sent_once(pair, pki):
    running, behind = pair
    with tls(running.port, "open.test", pki) as connection:
        connection.send("POST /twice HTTP/1.1\r\nHost: open.test\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc")
        if connection.response().status == 200:
            assert behind.requests[-1].all("content-length") == ["3"]


@pytest.mark.parametrize("method", ["CONNECT open.test:443", "TRACE /"])
def test_methods_of_another_trade_are_refused(pair, pki, method):
    running, behind = pair
    before = len(behind.requests)
    with tls(running.port, "open.test", pki) as connection:
        connection.send(f"{method} HTTP/1.1\r\nHost: open.test\r\n\r\n")
        assert connection.response().status in (400, 405, 501)
    assert len(behind.requests) == before


def test_an_encoded_slash_and_double_slashes_pass_where_the_config_says_so(pki, gateway, origin):
    behind = origin()
    running = gateway(document(pki, virtual_host(pki, "open", merge_slashes=False, routes=[
        {"path": "/*", "upstream": "origin", "encoded_slashes": "keep"}]), origins=[behind.address]))
    with tls(running.port, "open.test", pki) as connection:
        assert connection.request(target="/a%2Fb//c").status == 200
    assert behind.last().target == "/a%2Fb//c"

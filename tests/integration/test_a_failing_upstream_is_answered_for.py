"""Upstream down, slow, gone at each moment: the right status, the right reason, a retry only where it is safe."""
import socket
import subprocess
import tempfile

import pytest

from harness.clients import get, head, tls
from harness.config import document, virtual_host
from harness.http import Closed
from harness.origin import answer
from harness.waiting import eventually, free_port


def behind(pki, gateway, *endpoints, upstream=None, **more):
    doc = document(pki, virtual_host(pki, "open"), origins=list(endpoints), **more)
    doc["upstreams"]["origin"].update(upstream or {})
    return gateway(doc)


def dead():
    return f"127.0.0.1:{free_port()}"


def test_an_upstream_that_is_down_is_502(pki, gateway):
    running = behind(pki, gateway, dead())
    with tls(running.port, "open.test", pki) as connection:
        got = connection.request()
        assert got.status == 502 and got.get("content-type") == "application/problem+json"
        assert connection.request().status == 502, "the client's connection lives on"
    running.logged(status=502, reason="upstream_connect")
    running.counted(1, "gateway_upstream_requests_total", upstream="origin", outcome="connect_error")


def test_a_slow_upstream_is_504(open_host, pki):
    running, _ = open_host(lambda exchange: exchange.reader.fill() and None, timeouts={"upstream_response": "300ms"})
    assert get(running.port, "open.test", pki).status == 504
    running.logged(status=504, reason="upstream_timeout")
    running.counted(1, "gateway_upstream_requests_total", upstream="origin", outcome="timeout")


def test_no_endpoint_left_is_503(pki, gateway):
    running = behind(pki, gateway, dead(), upstream={"health_check": {"interval": "50ms", "fall": 1, "rise": 1}})

    def got_503():
        return get(running.port, "open.test", pki).status == 503

    eventually(got_503, "the health check takes the only endpoint out")
    running.logged(status=503, reason="no_endpoint")


def test_a_health_check_brings_an_endpoint_back(pki, gateway, origin):
    sick = {"yes": True}
    one = origin(lambda exchange: answer(503 if sick["yes"] and exchange.request.target == "/healthz" else 200))
    running = behind(pki, gateway, one.address,
                     upstream={"health_check": {"interval": "50ms", "fall": 1, "rise": 1, "path": "/healthz"}})
    eventually(lambda: get(running.port, "open.test", pki).status == 503, "it goes out")
    sick["yes"] = False
    eventually(lambda: get(running.port, "open.test", pki).status == 200, "it comes back")


DEATHS = {
    "before the head": b"",
    "in the status line": b"HTTP/1.1 2",
    "in the fields": b"HTTP/1.1 200 OK\r\nContent-Le",
    "nonsense": b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
    "two lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nokk",
    "length and chunks": b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "a folded field": b"HTTP/1.1 200 OK\r\nX-A: b\r\n c\r\nContent-Length: 0\r\n\r\n",
    "a huge head": b"HTTP/1.1 200 OK\r\nX-A: " + b"a" * (70 << 10) + b"\r\nContent-Length: 0\r\n\r\n",
    "endless 1xx": b"HTTP/1.1 102 Processing\r\n\r\n" * 100,
}


@pytest.mark.parametrize("how", ["close", "reset"])
@pytest.mark.parametrize("moment", list(DEATHS))
def test_death_before_a_whole_head_is_502(open_host, pki, moment, how):
    def handler(exchange):
        exchange.send(DEATHS[moment])
        getattr(exchange, how)()

    running, _ = open_host(handler)
    with tls(running.port, "open.test", pki) as connection:
        connection.send(head("POST", body=b"x"))
        got = connection.response()
        while got.status == 102:
            got = connection.response()
        assert got.status == 502


@pytest.mark.parametrize("how", ["close", "reset"])
@pytest.mark.parametrize("framing, body", [("Content-Length: 1000", b"half"), ("Transfer-Encoding: chunked", b"4\r\nhalf\r\n"),
                                           ("Transfer-Encoding: chunked", b"10\r\nhalf"), ("Transfer-Encoding: chunked", b"zz\r\n")])
def test_death_within_the_body_cuts_the_clients_response_short(open_host, pki, framing, body, how):
    def handler(exchange):
        exchange.send(f"HTTP/1.1 200 OK\r\n{framing}\r\n\r\n".encode() + body)
        eventually(lambda: exchange.connection.getsockname(), "sent")
        getattr(exchange, how)()

    running, _ = open_host(handler)
    with tls(running.port, "open.test", pki) as connection:
        connection.send(head())
        try:
            got = connection.response()
            assert got.status == 502, "a truncated body must not look complete"
        except (Closed, OSError, ValueError):
            pass
    eventually(lambda: any(line.get("reason") in ("upstream_reset", "upstream_bad_response") for line in running.log_lines()), "the reason is logged")


@pytest.mark.parametrize("method, retried", [("GET", True), ("PUT", True), ("DELETE", True), ("POST", False), ("PATCH", False)])
def test_a_request_that_failed_on_a_reused_connection_is_retried_once_if_that_is_safe(open_host, pki, method, retried):
    state = {"deaths": 0}

    def handler(exchange):
        exchange.read_body()
        # The second request on the first connection dies without a byte of an answer.
        if exchange.number == 1 and exchange.request.target == "/second":
            state["deaths"] += 1
            exchange.close()
        return answer(body=exchange.request.target)

    running, served = open_host(handler)
    with tls(running.port, "open.test", pki) as connection:
        assert connection.request(target="/first").status == 200
        got = connection.request(method, "/second")
        assert got.status == (200 if retried else 502)
    assert state["deaths"] == 1
    assert [request.target for request in served.requests] == (["/first", "/second", "/second"] if retried else ["/first", "/second"])


def test_a_request_that_keeps_failing_is_tried_twice_not_more(open_host, pki):
    def handler(exchange):
        if exchange.request.target == "/first":
            return answer()
        return exchange.close()

    running, served = open_host(handler)
    with tls(running.port, "open.test", pki) as connection:
        connection.request(target="/first")
        assert connection.request(target="/second").status == 502
    assert [request.target for request in served.requests].count("/second") == 2


def test_no_retries_means_none(pki, gateway, origin):
    def handler(exchange):
        if exchange.number == 1 and exchange.request.target == "/second":
            exchange.close()
        return answer()

    one = origin(handler)
    running = behind(pki, gateway, one.address, upstream={"retries": 0})
    with tls(running.port, "open.test", pki) as connection:
        connection.request(target="/first")
        assert connection.request(target="/second").status == 502


def test_a_stale_pooled_connection_is_not_used(open_host, pki):
    running, served = open_host()
    with tls(running.port, "open.test", pki) as connection:
        for index in range(5):
            assert connection.request("POST", f"/{index}", body=b"x").status == 200
            served.close_connections()
            eventually(lambda: running.metric("gateway_upstream_connections", state="idle") == 0, "the pool saw the end")
    assert [request.target for request in served.requests] == [f"/{index}" for index in range(5)]


def test_failover_to_the_second_endpoint(pki, gateway, origin):
    alive = origin()
    running = behind(pki, gateway, dead(), alive.address)
    with tls(running.port, "open.test", pki) as connection:
        for index in range(6):
            assert connection.request("POST", f"/{index}", body=b"x").status == 200
    assert len(alive.requests) == 6


def test_round_robin_over_the_endpoints(pki, gateway, origin):
    origins = [origin() for _ in range(3)]
    running = behind(pki, gateway, *[each.address for each in origins])
    with tls(running.port, "open.test", pki) as connection:
        for _ in range(12):
            assert connection.request().status == 200
    assert [len(each.requests) for each in origins] == [4, 4, 4]
    assert [each.connections for each in origins] == [1, 1, 1]


def test_max_idle_0_is_one_connection_a_request(pki, gateway, origin):
    one = origin()
    running = behind(pki, gateway, one.address, upstream={"pool": {"max_idle": 0}})
    with tls(running.port, "open.test", pki) as connection:
        for _ in range(4):
            assert connection.request().status == 200
    assert one.connections == 4


def test_the_pool_is_shared_by_clients_and_counted(open_host, pki):
    running, served = open_host()
    for _ in range(5):
        assert get(running.port, "open.test", pki).status == 200
        eventually(lambda: running.metric("gateway_upstream_connections", state="idle") == 1, "back in the pool")
    assert served.connections == 1
    running.counted(4, "gateway_upstream_reuses_total", upstream="origin")
    assert running.metric("gateway_upstream_connects_total", upstream="origin") == 1
    assert running.metric("gateway_upstream_requests_total", upstream="origin", outcome="success") == 5


def test_a_unix_socket_is_an_upstream(pki, gateway, origin):
    with tempfile.TemporaryDirectory(prefix="gw-unix-") as folder:
        one = origin(lambda exchange: answer(body=exchange.request.get("host")), unix=f"{folder}/o.sock")
        running = behind(pki, gateway, one.address)
        assert get(running.port, "open.test", pki).text == "open.test"


def test_a_host_name_is_an_upstream(pki, gateway, origin):
    one = origin()
    running = behind(pki, gateway, f"localhost:{one.port}")
    eventually(lambda: get(running.port, "open.test", pki).status == 200, "the name is resolved")


def test_a_name_that_does_not_resolve_fails_requests_not_the_gateway(pki, gateway):
    running = behind(pki, gateway, "no-such-host.invalid:80")
    assert get(running.port, "open.test", pki).status in (502, 503)


def test_an_answer_before_the_whole_request_spoils_the_connection_for_reuse(open_host, pki):
    def handler(exchange):
        if exchange.request.target == "/early":
            exchange.body_read = True
            exchange.send(answer(body="early"))
            exchange.reader.to_end()
            raise Closed
        return answer(body="late")

    running, served = open_host(handler)
    with tls(running.port, "open.test", pki) as connection:
        connection.send(head("POST", "/early", fields=[("Content-Length", "100")]) + b"x")
        assert connection.response().text == "early"
    assert get(running.port, "open.test", pki, "/late").text == "late"
    assert served.connections == 2


def test_bytes_behind_a_response_never_answer_the_next_request(open_host, pki):
    def handler(exchange):
        if exchange.request.target == "/poison":
            return answer(body="ok") + b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison"
        return answer(body="clean")

    running, _ = open_host(handler)
    with tls(running.port, "open.test", pki) as connection:
        assert connection.request(target="/poison").text == "ok"
        assert connection.request(target="/next").text == "clean"


def test_nginx_is_an_ordinary_upstream(pki, gateway, tmp_path):
    port = free_port()
    (tmp_path / "index.html").write_text("from nginx\n")
    (tmp_path / "nginx.conf").write_text(
        f"daemon off; master_process off; pid {tmp_path}/pid; error_log {tmp_path}/error.log; events {{}}\n"
        f"http {{ access_log off; client_body_temp_path {tmp_path}/b; proxy_temp_path {tmp_path}/p; fastcgi_temp_path {tmp_path}/f;\n"
        f"uwsgi_temp_path {tmp_path}/u; scgi_temp_path {tmp_path}/s; gzip on; gzip_min_length 1; gzip_types *;\n"
        f"server {{ listen 127.0.0.1:{port}; root {tmp_path}; }} }}\n")
    nginx = subprocess.Popen(["/usr/sbin/nginx", "-e", f"{tmp_path}/error.log", "-p", str(tmp_path), "-c", f"{tmp_path}/nginx.conf"])
    try:
        running = behind(pki, gateway, f"127.0.0.1:{port}")
        eventually(lambda: _accepts(port), "nginx listens")
        eventually(lambda: get(running.port, "open.test", pki).status == 200, "nginx answers")
        with tls(running.port, "open.test", pki) as connection:
            assert connection.request().text == "from nginx\n"
            assert connection.request(fields=[("Accept-Encoding", "gzip")]).get("content-encoding") == "gzip"
            assert connection.request("HEAD").get("content-length") == "11"
            part = connection.request(fields=[("Range", "bytes=5-9")])
            assert (part.status, part.text) == (206, "nginx")
            assert connection.request(target="/missing").status == 404
    finally:
        nginx.terminate()
        nginx.wait(10)


def _accepts(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0

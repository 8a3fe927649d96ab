"""Too large is 413, 414 or 431; too slow is ended; garbage and resets are survived and counted; others are unharmed."""
import socket
import ssl

import pytest

from harness.clients import context, get, head, tcp, tls
from harness.config import document, respond, virtual_host
from harness.waiting import eventually, free_port

SHORT = {"handshake": "400ms", "request_headers": "400ms", "body_idle": "400ms", "keep_alive": "400ms"}


@pytest.mark.parametrize("limits, request_, status", [
    ({"request_line": "256B"}, {"target": "/" + "a" * 300}, 414),
    ({"headers": "1KiB"}, {"fields": [("X-A", "a" * 2000)]}, 431),
    ({"headers": "1KiB"}, {"fields": [("A" * 2000, "a")]}, 431),
    ({"header_count": 10}, {"fields": [(f"X-{i}", "a") for i in range(20)]}, 431),
    ({"body": "10B"}, {"method": "POST", "body": b"a" * 11}, 413),
])
def test_what_is_too_large_is_refused_by_its_own_status(open_host, pki, limits, request_, status):
    running, behind = open_host(limits=limits)
    with tls(running.port, "open.test", pki) as connection:
        got = connection.request(**request_)
        assert got.status == status and got.get("content-type") == "application/problem+json"
        assert connection.is_closed()
    assert behind.requests == []
    running.logged(status=status, reason="too_large")


def test_what_just_fits_passes(open_host, pki):
    running, _ = open_host(limits={"body": "10B", "header_count": 10, "request_line": "256B"})
    got = get(running.port, "open.test", pki, "/" + "a" * 200, method="POST", body=b"a" * 10, fields=[(f"X-{i}", "a") for i in range(8)])
    assert got.status == 200


def test_a_chunked_body_over_the_limit_is_413(open_host, pki):
    running, _ = open_host(limits={"body": "10B"})
    with tls(running.port, "open.test", pki) as connection:
        connection.send(head("POST", fields=[("Transfer-Encoding", "chunked")]) + b"8\r\n12345678\r\n8\r\n12345678\r\n0\r\n\r\n")
        assert connection.response().status == 413


def test_the_refusal_of_a_large_body_arrives_while_the_client_still_sends(open_host, pki):
    running, _ = open_host(limits={"body": "1KiB"})
    with tls(running.port, "open.test", pki) as connection:
        connection.send(head("POST", fields=[("Content-Length", str(2 << 20))]))
        try:
            for _ in range(32):
                connection.send(bytes(64 << 10))
        except OSError:
            pass
        assert connection.response().status == 413


def test_a_routes_own_limit_wins(pki, gateway, origin):
    behind = origin()
    running = gateway(document(pki, virtual_host(pki, "open", routes=[
        {"path": "/*", "upstream": "origin"}, {"path": "/small/*", "upstream": "origin", "limits": {"body": "4B"}}]), origins=[behind.address]))
    assert get(running.port, "open.test", pki, "/big", method="POST", body=b"12345").status == 200
    assert get(running.port, "open.test", pki, "/small/x", method="POST", body=b"12345").status == 413


def test_a_virtual_hosts_own_timeouts_win(pki, gateway):
    running = gateway(document(pki, virtual_host(pki, "open", routes=[respond()], timeouts={"keep_alive": "300ms", "request_headers": "300ms"}),
                               virtual_host(pki, "patient", routes=[respond()])))
    with tls(running.port, "patient.test", pki) as patient, tls(running.port, "open.test", pki) as idle, tls(running.port, "open.test", pki) as slow:
        assert patient.request(host="patient.test").status == 200
        assert idle.request().status == 200
        slow.send(b"GET / HTTP/1.1\r\nHo")
        assert idle.is_closed()
        assert slow.response().status == 408
        assert patient.request(host="patient.test").status == 200


@pytest.mark.parametrize("sent", [b"", b"\x16", b"\x16\x03\x01\x02\x00\x01\x00"])
def test_a_handshake_that_stands_still_is_ended(open_host, pki, sent):
    running, _ = open_host(timeouts=SHORT)
    with tcp(running.port) as connection:
        if sent:
            connection.send(sent)
        connection.ended()
    running.logged(reason="timeout")
    running.counted(1, "gateway_tls_handshakes_total", reason="timeout")
    assert get(running.port, "open.test", pki).status == 200


def test_a_head_that_stands_still_is_408(open_host, pki):
    running, _ = open_host(timeouts=SHORT)
    with tls(running.port, "open.test", pki) as connection:
        connection.send("GET / HTTP/1.1\r\nHost: op")
        assert connection.response().status == 408
        assert connection.is_closed()
    running.logged(status=408, reason="timeout")


def test_a_drip_of_bytes_does_not_extend_the_heads_deadline(open_host, pki):
    running, _ = open_host(timeouts={**SHORT, "request_headers": "700ms"})
    with tls(running.port, "open.test", pki) as slow, tls(running.port, "open.test", pki) as good:
        slow.send("GET / HTTP/1.1\r\nHost: open.test\r\n")

        def dripped_to_death():
            assert good.request().status == 200
            try:
                slow.send("X-A: b\r\n")
                slow.sock.settimeout(0.05)
                return b"408" in slow.sock.recv(100)
            except (socket.timeout, TimeoutError, ssl.SSLWantReadError):
                return False
            except OSError:
                return True

        eventually(dripped_to_death, "the slow head is ended")


def test_a_body_that_stands_still_is_ended(open_host, pki):
    running, _ = open_host(timeouts=SHORT)
    with tls(running.port, "open.test", pki) as connection:
        connection.send(head("POST", fields=[("Content-Length", "10")]) + b"half")
        assert connection.response().status == 408
    running.logged(reason="timeout")


def test_an_idle_connection_is_closed_in_silence(open_host, pki):
    running, _ = open_host(timeouts=SHORT)
    with tls(running.port, "open.test", pki) as connection:
        assert connection.request().status == 200
        assert connection.ended() == b""


GARBAGE = {"noise": (b"\x80\x01\x02 garbage garbage garbage garbage\r\n\r\n", "not_tls"), "a bad record": (b"\x16\x03\x01\xff\xff" + bytes(200), "not_tls"),
           "ssh": (b"SSH-2.0-OpenSSH_9.2\r\n", "not_tls")}


@pytest.mark.parametrize("case", list(GARBAGE))
def test_garbage_on_the_tls_port_is_refused_and_counted(open_host, pki, case):
    data, reason = GARBAGE[case]
    running, _ = open_host()
    with tcp(running.port) as connection:
        connection.send(data)
        connection.ended()
    running.logged(reason=reason)
    running.counted(1, "gateway_tls_handshakes_total", reason=reason)
    assert get(running.port, "open.test", pki).status == 200


def test_plain_http_on_the_tls_port_is_told_so(open_host, pki):
    running, _ = open_host()
    with tcp(running.port) as connection:
        got = connection.request()
        assert got.status == 400 and "https" in got.text.lower()
        assert connection.is_closed()
    running.logged(reason="plain_http")


@pytest.mark.parametrize("moment", ["before the handshake", "in the handshake", "in the head", "in the body", "while waiting"])
def test_a_client_that_resets_harms_nobody(open_host, pki, moment):
    running, behind = open_host(lambda exchange: exchange.reader.fill() and None)
    if moment == "before the handshake":
        tcp(running.port).reset()
    elif moment == "in the handshake":
        connection = tcp(running.port)
        connection.send(b"\x16\x03\x01\x02\x00\x01")
        connection.reset()
    else:
        connection = tls(running.port, "open.test", pki)
        connection.send({"in the head": b"GET / HT", "in the body": head("POST", fields=[("Content-Length", "9")]) + b"x", "while waiting": head()}[moment])
        if moment != "in the head":
            behind.got(1)
        connection.reset()
    eventually(lambda: running.metric("gateway_client_connections") == 0, "the connection is gone")
    eventually(lambda: not behind.open_sockets, "the upstream side is gone too")
    with tls(running.port, "open.test", pki) as good:
        assert good.sock.version()


def test_a_client_that_gives_up_the_handshake_is_counted(open_host, pki):
    running, _ = open_host()
    distrustful = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    with pytest.raises(ssl.SSLError):
        tls(running.port, "open.test", ctx=distrustful)
    running.logged(reason="client_alert")
    running.counted(1, "gateway_tls_handshakes_total", reason="client_alert", outcome="failure")


def test_connections_over_the_limit_are_turned_away_and_counted(open_host, pki):
    running, _ = open_host(limits={"connections": 3})
    held = [tls(running.port, "open.test", pki) for _ in range(3)]
    for connection in held:
        assert connection.request().status == 200
    with pytest.raises((OSError, AssertionError)):
        extra = tls(running.port, "open.test", pki)
        assert extra.request().status == 200
    assert held[0].request().status == 200
    held.pop().close()
    eventually(lambda: _served(running, pki), "a place is free again")
    for connection in held:
        connection.close()


def _served(running, pki):
    try:
        return get(running.port, "open.test", pki).status == 200
    except OSError:
        return False


def test_many_stalled_clients_do_not_slow_a_good_one(open_host, pki):
    running, _ = open_host()
    stalled = [tcp(running.port) for _ in range(150)]
    half = [tls(running.port, "open.test", pki) for _ in range(30)]
    for connection in half:
        connection.send("GET / HT")
    for _ in range(20):
        assert get(running.port, "open.test", pki).status == 200
    for connection in stalled + half:
        connection.close()


def test_slow_clients_of_a_plain_listener_are_ended_too(pki, gateway):
    port = free_port()
    gateway(document(pki, virtual_host(pki, "plain", None, routes=[respond()]), timeouts=SHORT,
                     listeners=[{"bind": f"127.0.0.1:{port}", "protocol": "http"}]))
    with tcp(port) as connection:
        connection.send("GET / HTTP/1.1\r\n")
        assert b" 408 " in connection.ended()


def test_tls_1_1_and_older_are_refused(open_host, pki):
    running, _ = open_host()
    old = context(pki)
    old.minimum_version = ssl.TLSVersion.TLSv1_1
    old.maximum_version = ssl.TLSVersion.TLSv1_1
    old.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.raises(ssl.SSLError) as error:
        tls(running.port, "open.test", ctx=old)
    assert "PROTOCOL_VERSION" in str(error.value)
    line = running.logged(reason="protocol_version")
    assert "1.1" in str(line), "the log tells what the client offered"


def test_running_out_of_descriptors_is_survived_and_counted(pki, gateway):
    running = gateway(document(pki, virtual_host(pki, "open", routes=[respond()])), descriptors=256)
    flood = [tcp(running.port) for _ in range(400)]
    running.counted(1, "gateway_client_connections_refused_total", reason="connection_limit")
    assert running.ctl("status").returncode == 0, "the admin socket has descriptors of its own"
    for connection in flood:
        connection.close()
    eventually(lambda: _served(running, pki), "it serves again")

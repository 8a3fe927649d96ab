"""OCSP: no request of a client is forwarded or answered before its status is known; 403 and close for who is refused."""
import json
import threading
import time

import pytest
from cryptography.x509.oid import ExtendedKeyUsageOID

from harness.clients import context, get, head, s_client, tls
from harness.config import document, respond, virtual_host
from harness.ocsp import OpensslResponder, Responder
from harness.origin import answer
from harness.pki import pem_of
from harness.waiting import eventually


@pytest.fixture
def responder(pki):
    started = []

    def start(authority=None, **options):
        started.append(Responder(authority or pki.root, **options))
        return started[-1]

    yield start
    for each in started:
        each.stop()


def trust(pki, url, mode="hard", **more):
    ocsp = {"mode": mode, "timeout": "2s", **more}
    if url:
        ocsp["responder"] = url
    return {"clients": {"ca": [str(pki.root.pem)], "revocation": {"ocsp": ocsp}}}


@pytest.fixture
def asking(pki, gateway, origin):
    """asking(url) -> a gateway whose strict host asks there, and the origin behind it."""

    def start(url, mode="hard", *, handler=None, hosts=(), workers=1, store="auto", **more):
        behind = origin(handler)
        host = virtual_host(pki, "strict", "strict")
        return gateway(document(pki, host, *hosts, origins=[behind.address], trust=trust(pki, url, mode, **more), workers=workers,
                                session={"store": store})), behind

    return start


def is_refused(running, pki, cert, reason, behind=None):
    """403 in problem+json, the connection closes, the log has the reason, and the origin heard of nothing."""
    before = len(behind.requests) if behind else 0
    with tls(running.port, "strict.test", pki, cert=cert) as connection:
        response = connection.request(host="strict.test")
        assert response.status == 403, response
        assert response.get("content-type") == "application/problem+json" and response.get("connection") == "close"
        assert json.loads(response.body)["status"] == 403
        assert connection.is_closed()
    if behind:
        assert len(behind.requests) == before
    return running.logged(reason=reason, status=403)


# --- answers -----------------------------------------------------------------------------------------------------------------------


def test_a_good_client_passes_and_a_revoked_one_gets_403(asking, responder, pki):
    there = responder()
    there.revoke(pki.bob)
    running, behind = asking(there.url)
    assert get(running.port, "strict.test", pki, cert=pki.client).status == 200
    line = is_refused(running, pki, pki.bob, "ocsp_revoked", behind)
    assert line["virtual_host"] == "strict"
    # The second time from what is known, in the same way.
    is_refused(running, pki, pki.bob, "ocsp_revoked", behind)
    assert there.asked(pki.bob) == 1
    running.counted(2, "gateway_http_refusals_total", reason="ocsp_revoked")
    running.counted(1, "gateway_ocsp_queries_total", outcome="good")
    running.counted(1, "gateway_ocsp_queries_total", outcome="revoked")
    running.counted(1, "gateway_ocsp_decisions_total", virtual_host="strict", decision="good")
    running.counted(2, "gateway_ocsp_decisions_total", virtual_host="strict", decision="revoked")


def test_openssls_responder_is_understood(asking, pki, tmp_path):
    there = OpensslResponder(pki.root, tmp_path, [pki.client, pki.bob], revoked=[pki.bob])
    try:
        running, behind = asking(there.url)
        assert get(running.port, "strict.test", pki, cert=pki.client).status == 200
        is_refused(running, pki, pki.bob, "ocsp_revoked", behind)
        # Not in the index: openssl says unknown.
        assert "does not know" in is_refused(running, pki, pki.root.issue("lost", "lost"), "ocsp_unavailable", behind)["detail"]
    finally:
        there.stop()


def test_unknown_is_an_answer_and_refuses_even_where_silence_is_forgiven(asking, responder, pki):
    there = responder(default="unknown")
    running, behind = asking(there.url, "soft")
    is_refused(running, pki, pki.client, "ocsp_unavailable", behind)


def test_the_certificate_names_its_responder_and_its_delegate_may_answer(pki, gateway, responder):
    delegate = pki.root.issue("ocsp-delegate", "delegate", purpose=[ExtendedKeyUsageOID.OCSP_SIGNING])
    there = responder(key=delegate.private_key, certificate=delegate.certificate)
    revoked, good = [pki.root.issue(f"named-{cn}", cn, ocsp=there.url) for cn in ("gone", "there")]
    there.revoke(revoked)
    running = gateway(document(pki, virtual_host(pki, "strict", "strict", routes=[respond()]), trust=trust(pki, None)))
    assert get(running.port, "strict.test", pki, cert=good).status == 200
    is_refused(running, pki, revoked, "ocsp_revoked")
    # Without one in the certificate nobody can be asked.
    assert "no OCSP responder" in is_refused(running, pki, pki.client, "ocsp_unavailable")["detail"]


def test_a_client_certificate_of_the_ca_may_not_answer(asking, responder, pki):
    there = responder(key=pki.bob.private_key, certificate=pki.bob.certificate)
    running, behind = asking(there.url)
    is_refused(running, pki, pki.client, "ocsp_unavailable", behind)
    running.counted(1, "gateway_ocsp_queries_total", outcome="refused")


def test_a_revoked_delegate_may_not_answer(pki, gateway, responder, tmp_path):
    delegate = pki.root.issue("ocsp-revoked-delegate", "delegate", purpose=[ExtendedKeyUsageOID.OCSP_SIGNING])
    there = responder(key=delegate.private_key, certificate=delegate.certificate)
    sets = trust(pki, there.url)
    sets["clients"]["crl"] = [str(pki.root.write_crl(tmp_path / "delegate.crl", [delegate]))]
    running = gateway(document(pki, virtual_host(pki, "strict", "strict", routes=[respond()]), trust=sets))
    assert "is revoked" in is_refused(running, pki, pki.client, "ocsp_unavailable")["detail"]


def test_a_configured_responder_alone_is_believed(asking, responder, pki, tmp_path):
    own = pki.other.issue("ocsp-own", "responder", purpose=[ExtendedKeyUsageOID.OCSP_SIGNING])
    file = tmp_path / "responder.pem"
    file.write_bytes(pem_of(own.certificate))
    right = responder(key=own.private_key, certificate=own.certificate)
    running, _ = asking(right.url, responder_certificate=str(file))
    assert get(running.port, "strict.test", pki, cert=pki.client).status == 200
    wrong = responder()
    running, behind = asking(wrong.url, responder_certificate=str(file))
    is_refused(running, pki, pki.client, "ocsp_unavailable", behind)


@pytest.mark.parametrize("nonce, brings, status", [(True, True, 200), (True, False, 200), ("required", True, 200), ("required", False, 403),
                                                   (False, False, 200)])
def test_a_nonce_that_is_required_must_come_back(asking, responder, pki, nonce, brings, status):
    there = responder(nonce=brings)
    running, _ = asking(there.url, nonce=nonce)
    assert get(running.port, "strict.test", pki, cert=pki.client).status == status


def test_the_answer_to_another_request_is_refused(asking, responder, pki):
    running, behind = asking(responder(behave="another_nonce").url)
    assert "nonce" in is_refused(running, pki, pki.client, "ocsp_unavailable", behind)["detail"]


# --- silence -----------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("behave", ["hang", "garbage", "error", "close"])
def test_without_an_answer_hard_refuses_and_soft_lets_pass(asking, responder, pki, behave):
    hard, behind = asking(responder(behave=behave).url, timeout="300ms")
    is_refused(hard, pki, pki.client, "ocsp_unavailable", behind)
    soft, _ = asking(responder(behave=behave).url, "soft", timeout="300ms")
    assert get(soft.port, "strict.test", pki, cert=pki.client).status == 200
    soft.counted(1, "gateway_ocsp_decisions_total", virtual_host="strict", decision="unavailable")


def test_a_responder_that_nobody_answers_for(asking, responder, pki):
    there = responder()
    there.stop()
    running, behind = asking(there.url)
    is_refused(running, pki, pki.client, "ocsp_unavailable", behind)


def test_nobody_waits_for_a_responder_that_hangs(asking, responder, pki):
    """The one worker serves others, and the client that waits is neither answered nor forwarded meanwhile."""
    there = responder(behave="hang")
    running, behind = asking(there.url, timeout="20s", hosts=[virtual_host(pki, "open", "off", routes=[respond("open")])])
    with tls(running.port, "strict.test", pki, cert=pki.client) as waiting:
        waiting.send(head(host="strict.test", method="POST", body=b"early"))
        there.wait_asked(1)
        running.counted(1, "gateway_ocsp_waiting_requests")
        for _ in range(20):
            assert get(running.port, "open.test", pki).status == 200
        assert not behind.requests
        there.behave = "answer"
        there.free.set()
        assert waiting.response().status == 200
        assert behind.last().body == b"early"


def test_equal_questions_are_asked_once(asking, responder, pki):
    there = responder(behave="hang")
    running, _ = asking(there.url, timeout="20s", workers=2)
    statuses = []

    def one():
        statuses.append(get(running.port, "strict.test", pki, cert=pki.client).status)

    threads = [threading.Thread(target=one) for _ in range(12)]
    for each in threads:
        each.start()
    running.counted(12, "gateway_ocsp_waiting_requests")
    there.behave = "answer"
    there.free.set()
    for each in threads:
        each.join(30)
    assert statuses == [200] * 12 and there.asked() == 1


def test_an_answer_serves_all_workers_and_a_reload_until_it_ends(asking, responder, pki):
    there = responder()
    running, _ = asking(there.url, workers=3)
    for _ in range(12):
        assert get(running.port, "strict.test", pki, cert=pki.client).status == 200
    running.reload()
    for _ in range(6):
        assert get(running.port, "strict.test", pki, cert=pki.client).status == 200
    assert there.asked() == 1


def test_an_answer_that_has_ended_is_asked_for_again(asking, responder, pki):
    there = responder(lasts=2)
    running, behind = asking(there.url)
    assert get(running.port, "strict.test", pki, cert=pki.client).status == 200
    there.revoke(pki.client)
    eventually(lambda: get(running.port, "strict.test", pki, cert=pki.client).status == 403, "the answer ended", timeout=10)
    is_refused(running, pki, pki.client, "ocsp_revoked", behind)


def test_what_is_revoked_stays_so_when_its_responder_falls_silent(asking, responder, pki):
    there = responder(lasts=2)
    there.revoke(pki.client)
    running, behind = asking(there.url, "soft", timeout="300ms")
    is_refused(running, pki, pki.client, "ocsp_revoked", behind)
    there.behave = "error"
    there.wait_asked(1)
    time_is_over = time.monotonic() + 3
    while time.monotonic() < time_is_over:
        assert get(running.port, "strict.test", pki, cert=pki.client).status == 403
    assert there.asked() >= 2


# --- connections -------------------------------------------------------------------------------------------------------------------


def test_a_client_that_leaves_while_it_waits_is_not_missed(asking, responder, pki):
    there = responder(behave="hang")
    running, behind = asking(there.url, timeout="20s")
    with tls(running.port, "strict.test", pki, cert=pki.client) as leaving:
        leaving.send(head(host="strict.test"))
        running.counted(1, "gateway_ocsp_waiting_requests")
        leaving.reset()
    eventually(lambda: running.metric("gateway_ocsp_waiting_requests") == 0, "nobody waits")
    there.behave = "answer"
    there.free.set()
    assert get(running.port, "strict.test", pki, cert=pki.client).status == 200
    assert len(behind.requests) == 1


def test_pipelined_requests_wait_in_their_order(asking, responder, pki):
    there = responder(behave="hang")
    running, behind = asking(there.url, timeout="20s", handler=lambda exchange: answer(body=exchange.request.target))
    with tls(running.port, "strict.test", pki, cert=pki.client) as waiting:
        waiting.send(b"".join(head(host="strict.test", target=f"/{i}") for i in range(3)))
        there.wait_asked(1)
        assert not behind.requests
        there.behave = "answer"
        there.free.set()
        assert [waiting.response().text for _ in range(3)] == ["/0", "/1", "/2"]


def test_of_a_refused_clients_pipelined_requests_none_is_served(asking, responder, pki):
    there = responder()
    there.revoke(pki.client)
    running, behind = asking(there.url)
    with tls(running.port, "strict.test", pki, cert=pki.client) as refused:
        refused.send(head(host="strict.test", method="POST", body=b"x" * 5000) + head(host="strict.test"))
        assert refused.response().status == 403
        assert refused.is_closed()
    assert not behind.requests


def test_a_tunnel_waits_and_ends_with_its_clients_certificate(asking, responder, pki):
    there = responder(lasts=3)

    def handler(exchange):
        exchange.send("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
        while data := exchange.connection.recv(100):
            exchange.connection.sendall(data)
        exchange.close()

    running, _ = asking(there.url, handler=handler)
    with tls(running.port, "strict.test", pki, cert=pki.client) as tunnel:
        tunnel.send(head(host="strict.test", fields=[("Connection", "Upgrade"), ("Upgrade", "websocket")]))
        assert tunnel.response().status == 101
        tunnel.send("ping")
        assert tunnel.reader.exactly(4) == b"ping"
        there.revoke(pki.client)
        there.wait_asked(2)
        assert tunnel.is_closed()
    running.counted(1, "gateway_live_connections_closed_total", reason="ocsp_revoked")


def test_a_live_connection_ends_within_a_second_of_the_answer(asking, responder, pki):
    there = responder(lasts=3)
    running, _ = asking(there.url)
    with tls(running.port, "strict.test", pki, cert=pki.client) as idle, tls(running.port, "strict.test", pki, cert=pki.bob) as other:
        assert idle.request(host="strict.test").status == other.request(host="strict.test").status == 200
        there.revoke(pki.client)
        asked = there.asked(pki.client)
        there.wait_asked(asked + 1, pki.client)
        answered = time.monotonic()
        assert idle.is_closed()
        assert time.monotonic() - answered < 1.0
        assert other.request(host="strict.test").status == 200


def test_hard_ends_a_live_connection_whose_answer_ended_without_another(asking, responder, pki):
    there = responder(lasts=2)
    running, _ = asking(there.url, timeout="300ms")
    with tls(running.port, "strict.test", pki, cert=pki.client) as idle:
        assert idle.request(host="strict.test").status == 200
        there.behave = "error"
        assert idle.is_closed()
    running.counted(1, "gateway_live_connections_closed_total", reason="ocsp_unavailable")


@pytest.mark.parametrize("store", ["process", "tickets"])
@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_a_resumed_session_is_asked_about_like_any(asking, responder, pki, version, store):
    there = responder(lasts=2)
    running, behind = asking(there.url, workers=1, store=store)
    ctx = context(pki, version=version, cert=pki.client)
    with tls(running.port, "strict.test", ctx=ctx) as first:
        assert first.request(host="strict.test").status == 200
        session = first.sock.session
    with tls(running.port, "strict.test", ctx=ctx, session=session) as second:
        assert second.sock.session_reused and second.request(host="strict.test").status == 200
        session = second.sock.session
    there.revoke(pki.client)
    asked = there.asked()

    def refused():
        with tls(running.port, "strict.test", ctx=ctx, session=session) as third:
            return third.request(host="strict.test").status == 403

    eventually(refused, "the resumed session is refused", timeout=10)
    assert there.asked() > asked
    # What is known to be revoked resumes nothing: a full handshake, then 403.
    with tls(running.port, "strict.test", ctx=ctx, session=session) as fourth:
        assert not fourth.sock.session_reused and fourth.request(host="strict.test").status == 403


@pytest.mark.parametrize("store", ["process", "tickets"])
def test_a_session_under_an_intermediate_resumes_where_its_issuer_was_met(pki, gateway, responder, store):
    there = responder(pki.issuing)
    there.revoke(pki.orphan)
    running = gateway(document(pki, virtual_host(pki, "strict", "strict", routes=[respond()]), trust=trust(pki, there.url), workers=1,
                               session={"store": store}))
    ctx = context(pki, cert=pki.deep)
    with tls(running.port, "strict.test", ctx=ctx) as first:
        assert first.request(host="strict.test").status == 200
        session = first.sock.session
    with tls(running.port, "strict.test", ctx=ctx, session=session) as second:
        assert second.sock.session_reused and second.request(host="strict.test").status == 200
    assert there.asked(pki.deep) == 1


def test_a_reload_that_turns_ocsp_on_reaches_who_is_connected(pki, gateway, responder, origin):
    there = responder()
    there.revoke(pki.client)
    behind = origin()
    host = virtual_host(pki, "strict", "strict")
    doc = document(pki, host, origins=[behind.address], trust={"clients": {"ca": [str(pki.root.pem)]}})
    running = gateway(doc)
    with tls(running.port, "strict.test", pki, cert=pki.client) as revoked, tls(running.port, "strict.test", pki, cert=pki.bob) as good:
        assert revoked.request(host="strict.test").status == good.request(host="strict.test").status == 200
        running.reload({**doc, "trust": trust(pki, there.url)})
        assert revoked.is_closed()
        assert good.request(host="strict.test").status == 200
    assert there.asked(pki.bob) == 1


def test_other_trust_sets_and_anonymous_clients_are_not_asked_about(pki, gateway, responder):
    there = responder(behave="hang")
    sets = {**trust(pki, there.url), "others": {"ca": [str(pki.other.pem)]}}
    running = gateway(document(pki, virtual_host(pki, "strict", "strict", routes=[respond()]),
                               virtual_host(pki, "flexible", "optional", routes=[respond()]),
                               virtual_host(pki, "elsewhere", "strict", trust="others", routes=[respond()]), trust=sets))
    assert get(running.port, "flexible.test", pki).status == 200
    assert get(running.port, "elsewhere.test", pki, cert=pki.stranger).status == 200
    assert there.asked() == 0


def test_a_drain_lets_a_waiting_request_finish(asking, responder, pki):
    there = responder(behave="hang")
    running, behind = asking(there.url, timeout="20s")
    with tls(running.port, "strict.test", pki, cert=pki.client) as waiting:
        waiting.send(head(host="strict.test"))
        there.wait_asked(1)
        running.counted(1, "gateway_ocsp_waiting_requests")
        running.signal(15)
        eventually(lambda: "draining" in running.stderr(), "the drain began")
        there.behave = "answer"
        there.free.set()
        response = waiting.response()
        assert response.status == 200 and response.get("connection") == "close"
    running.wait()


def test_s_client_sees_the_403(asking, responder, pki):
    there = responder()
    there.revoke(pki.client)
    running, _ = asking(there.url)
    assert s_client(running.port, "strict.test", pki, cert=pki.client).status == 403

"""Concurrency: many clients with different identities at once, through shared upstream connections, and nobody gets another's answer."""
import threading

import pytest

from harness.clients import context, get, tls
from harness.config import document, virtual_host
from harness.origin import answer


def test_identities_never_mix_on_shared_upstream_connections(pki, gateway, origin):
    behind = origin(lambda exchange: answer(body=f"{exchange.request.get('x-who') or 'nobody'} {exchange.request.target}"))
    running = gateway(document(pki, virtual_host(pki, "flexible", "optional", routes=[
        {"path": "/*", "upstream": "origin", "headers": {"set": {"X-Who": "${client.cn}"}}}]), origins=[behind.address], workers=2))
    failures = []

    def client(number, cert, who):
        try:
            ctx = context(pki, cert=cert)
            for round_ in range(6):
                with tls(running.port, "flexible.test", ctx=ctx) as connection:
                    for index in range(6):
                        target = f"/{number}-{round_}-{index}"
                        got = connection.request(target=target, host="flexible.test").text
                        if got != f"{who} {target}":
                            failures.append((who, target, got))
        except Exception as error:  # noqa: B902: reported below
            failures.append((who, repr(error)))

    people = [(pki.client, "alice"), (pki.bob, "bob"), (pki.deep, "deep"), (None, "nobody")]
    threads = [threading.Thread(target=client, args=(number, *people[number % 4])) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert behind.connections <= 24


def test_a_request_in_flight_does_not_block_others(open_host, pki):
    go = threading.Event()
    running, behind = open_host(lambda exchange: answer() if exchange.request.target != "/slow" or go.wait(30) else None)
    results = []
    slow = [threading.Thread(target=lambda: results.append(get(running.port, "open.test", pki, "/slow").status)) for _ in range(10)]
    for thread in slow:
        thread.start()
    behind.got(10)
    for _ in range(10):
        assert get(running.port, "open.test", pki, "/quick").status == 200
    assert results == []
    go.set()
    for thread in slow:
        thread.join()
    assert results == [200] * 10


@pytest.mark.parametrize("scheme", ["NTLM", "negotiate"])
def test_an_upstream_connection_that_one_client_authenticated_serves_no_other(open_host, pki, scheme):
    """NTLM and Negotiate log in the connection: what comes next on it would be served as that user."""
    users = {}

    def who(exchange):
        if exchange.request.get("authorization"):
            users[exchange.number] = "alice"
        return answer(body=users.get(exchange.number, "nobody"))

    running, _ = open_host(who)
    assert get(running.port, "open.test", pki, fields=[("Authorization", f"{scheme} TlRMTVNTUAABAAAA")]).text == "alice"
    for _ in range(3):
        assert get(running.port, "open.test", pki).text == "nobody"


def test_an_upstream_connection_that_was_challenged_serves_no_other(open_host, pki):
    """The answer to the challenge, wherever it goes, must not find a connection that another client will use."""
    running, behind = open_host(lambda exchange: answer(401, fields=[("WWW-Authenticate", "Negotiate"), ("WWW-Authenticate", "NTLM")])
                                if exchange.request.target == "/login" else answer(body=str(exchange.number)))
    first = get(running.port, "open.test", pki).text
    assert get(running.port, "open.test", pki, "/login").status == 401
    assert get(running.port, "open.test", pki).text != first

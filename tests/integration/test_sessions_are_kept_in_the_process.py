"""session.store: process. All workers know a session, no other process does, and whatever clients do there are never too many."""
import os
import time

import pytest

from harness.clients import context, tls
from harness.config import document, respond, virtual_host
from harness.waiting import eventually

BOTH = pytest.mark.parametrize("version", ["1.2", "1.3"])


def config(pki, workers=2, **session):
    return document(pki, virtual_host(pki, "strict", "strict", routes=[respond("ok")]), session=session, workers=workers)


def visit(running, ctx, session=None):
    """Whether it was resumed, and the session to resume."""
    with tls(running.port, "strict.test", ctx=ctx, session=session) as connection:
        assert connection.request(host="strict.test").status == 200
        return connection.sock.session_reused, connection.sock.session


def kept(running):
    return running.metric("gateway_tls_sessions")


@BOTH
def test_it_is_the_default_unless_keys_are_shared(pki, gateway, tmp_path, version):
    key = tmp_path / "ticket.key"
    key.write_bytes(os.urandom(80))
    key.chmod(0o600)
    ctx = context(pki, version=version, cert=pki.client)
    own, shared = gateway(config(pki)), gateway(config(pki, ticket_keys=[str(key)]))
    for running, capacity, sessions in ((own, 20_000, 1), (shared, 0, 0)):
        _, session = visit(running, ctx)
        assert running.metric("gateway_tls_session_capacity") == capacity
        assert kept(running) == sessions
        assert visit(running, ctx, session)[0]
    # Neither knows the other's.
    assert not visit(own, ctx, visit(shared, ctx)[1])[0]
    assert not visit(shared, ctx, visit(own, ctx)[1])[0]


@BOTH
def test_another_process_makes_full_handshakes(pki, gateway, version):
    here, there = gateway(config(pki)), gateway(config(pki))
    ctx = context(pki, version=version, cert=pki.client)
    _, session = visit(here, ctx)
    assert not visit(there, ctx, session)[0]
    assert visit(here, ctx, session)[0]


@BOTH
def test_every_worker_knows_it(pki, gateway, version):
    running = gateway(config(pki, workers=4))
    ctx = context(pki, version=version, cert=pki.client)
    _, session = visit(running, ctx)
    for _ in range(16):
        resumed, session = visit(running, ctx, session)
        assert resumed
    # In TLS 1.3 each visit leaves a new one, and those that were used go soon.
    assert 1 <= kept(running) <= (1 if version == "1.2" else 17)


def test_connections_that_are_opened_at_once_resume_the_one_session_that_there_is(pki, gateway):
    running = gateway(config(pki))
    ctx = context(pki, version="1.3", cert=pki.client)
    _, session = visit(running, ctx)
    opened = [tls(running.port, "strict.test", ctx=ctx, session=session) for _ in range(6)]
    for connection in opened:
        assert connection.request(host="strict.test").status == 200 and connection.sock.session_reused
        connection.close()


@BOTH
def test_a_flood_of_clients_makes_it_no_larger(pki, gateway, version):
    running = gateway(config(pki, capacity=32))
    ctx = context(pki, version=version, cert=pki.client)
    _, first = visit(running, ctx)
    for _ in range(150):
        _, last = visit(running, ctx)
    assert running.metric("gateway_tls_session_capacity") == 32
    assert kept(running) <= 32
    assert running.metric("gateway_tls_session_evictions_total") >= 151 - 32
    assert visit(running, ctx, last)[0]
    assert not visit(running, ctx, first)[0]


@BOTH
def test_a_reload_changes_how_many_there_may_be_and_where_they_are(pki, gateway, version):
    running = gateway(config(pki))
    ctx = context(pki, version=version, cert=pki.client)
    session = visit(running, ctx)[1]
    changes = running.reload(config(pki, capacity=1_000)).stdout
    assert "capacity for sessions 1000 instead of 20000" in changes
    resumed, session = visit(running, ctx, session)
    assert resumed
    assert "virtual host strict: session changed" in running.reload(config(pki, store="tickets")).stdout
    assert kept(running) == running.metric("gateway_tls_session_capacity") == 0
    resumed, sealed = visit(running, ctx, session)
    assert not resumed
    assert visit(running, ctx, sealed)[0] and kept(running) == 0
    running.reload(config(pki))
    assert not visit(running, ctx, sealed)[0], "a ticket is none where sessions are kept here"
    assert not visit(running, ctx, session)[0], "what was let go does not come back"


@BOTH
def test_a_session_ends_at_its_lifetime_however_often_it_was_used(pki, gateway, version):
    running = gateway(config(pki, lifetime="3s"))
    ctx = context(pki, version=version, cert=pki.client)
    begun = time.monotonic()
    _, session = visit(running, ctx)

    def is_over():
        nonlocal session
        resumed, renewed = visit(running, ctx, session)
        session = renewed if resumed else session
        return not resumed

    eventually(is_over, "the lifetime is over")
    assert time.monotonic() - begun >= 2


@BOTH
def test_tickets_turned_off_leaves_nothing_to_come_back_with(pki, gateway, version):
    running = gateway(config(pki, tickets=False))
    ctx = context(pki, version=version, cert=pki.client)
    _, session = visit(running, ctx)
    assert kept(running) == 0
    if session is not None:
        assert not visit(running, ctx, session)[0]


def test_keys_for_tickets_that_nobody_seals_are_an_error(pki, gateway, tmp_path):
    key = tmp_path / "ticket.key"
    key.write_bytes(os.urandom(80))
    key.chmod(0o600)
    refused = gateway.unstarted(config(pki, store="process", ticket_keys=[str(key)])).check()
    assert refused.returncode != 0 and "leave one of the two out" in refused.stderr

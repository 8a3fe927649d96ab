"""Sessions resume on the host that made them, and nowhere else; a ticket is judged like a certificate."""
import ssl

import pytest

from harness.clients import context, get, s_client, tls
from harness.config import document, respond, trust_sets, virtual_host
from harness.gateway import Gateway

BOTH = pytest.mark.parametrize("version", ["1.2", "1.3"])


@pytest.fixture(scope="module", params=["process", "tickets"])
def kept(request):
    """`session:` of a gateway whose sessions are kept there."""
    return {"store": request.param}


def open_session(running, sni, ctx, session=None):
    """One request; whether it was resumed, the status, and the session to resume. TLS 1.3 brings tickets after the handshake."""
    with tls(running.port, sni, ctx=ctx, session=session) as connection:
        response = connection.request(host=sni)
        return connection.sock.session_reused, response.status, connection.sock.session


@pytest.fixture(scope="module")
def twins(pki, kept):
    """Strict hosts alike in everything but their name, or their trust, and laxer ones."""
    running = Gateway(document(
        pki,
        virtual_host(pki, "strict", "strict", routes=[respond("strict")]),
        virtual_host(pki, "twin", "strict", routes=[respond("twin")]),
        virtual_host(pki, "other", "strict", trust="others", routes=[respond("other")]),
        virtual_host(pki, "flexible", "optional", routes=[respond("flexible")]),
        virtual_host(pki, "open", routes=[respond("open")]),
        workers=2, session=kept,
    )).start()
    yield running
    running.stop()


@BOTH
@pytest.mark.parametrize("sni, cert", [("open.test", None), ("flexible.test", None), ("flexible.test", "client"), ("strict.test", "client"),
                                       ("strict.test", "deep")])
def test_a_session_resumes_on_its_host(twins, pki, version, sni, cert):
    ctx = context(pki, version=version, cert=getattr(pki, cert) if cert else None)
    first = open_session(twins, sni, ctx)
    assert first[:2] == (False, 200)
    # Several times: with two workers each must open what the other sealed, or find what it kept.
    session = first[2]
    for _ in range(6):
        resumed, status, session = open_session(twins, sni, ctx, session)
        assert (resumed, status) == (True, 200)


@BOTH
def test_openssl_resumes_from_a_file(twins, pki, version, tmp_path):
    saved = tmp_path / "session.pem"
    first = s_client(twins.port, "strict.test", pki, "-sess_out", str(saved), cert=pki.client, version=version)
    assert first.status == 200 and saved.exists(), first
    second = s_client(twins.port, "strict.test", pki, "-sess_in", str(saved), cert=pki.client, version=version)
    assert second.status == 200 and "Reused, " in second.output, second.output
    elsewhere = s_client(twins.port, "twin.test", pki, "-sess_in", str(saved), version=version)
    assert elsewhere.status is None and "Reused, " not in elsewhere.output, elsewhere


@BOTH
@pytest.mark.parametrize("made_on", ["strict.test", "flexible.test", "open.test"])
@pytest.mark.parametrize("used_on", ["twin.test", "other.test", "strict.test", "flexible.test", "open.test"])
def test_a_session_never_crosses_virtual_hosts(twins, pki, version, made_on, used_on):
    if made_on == used_on:
        return
    with_certificate = context(pki, version=version, cert=None if made_on == "open.test" else pki.client)
    session = open_session(twins, made_on, with_certificate)[2]
    # The same SSLContext is needed for the session; whether it was resumed is what counts.
    try:
        resumed, status, _ = open_session(twins, used_on, with_certificate, session)
    except (ssl.SSLError, OSError):
        assert used_on in ("other.test", "twin.test", "strict.test")
        return
    assert not resumed
    assert status == 200 and used_on != "other.test"


@BOTH
def test_a_resumed_session_keeps_its_identity(pki, gateway, origin, kept, version):
    behind = origin()
    running = gateway(document(pki, virtual_host(pki, "strict", "strict", routes=[
        {"path": "/*", "upstream": "origin", "headers": {"set": {"X-Who": "${client.cn} ${tls.resumed}"}}}]), origins=[behind.address],
                               session=kept))
    ctx = context(pki, version=version, cert=pki.client)
    _, _, session = open_session(running, "strict.test", ctx)
    assert open_session(running, "strict.test", ctx, session)[0]
    assert [request.get("x-who").split(" ")[0] for request in behind.got(2)] == ["alice", "alice"]
    assert behind.requests[0].get("x-who") != behind.requests[1].get("x-who")
    running.counted(1, "gateway_tls_handshakes_total", virtual_host="strict", resumed="true", outcome="success")


@BOTH
def test_a_ticket_of_a_client_revoked_since_does_not_resume(pki, gateway, kept, version, tmp_path):
    trust = trust_sets(pki)
    crl = pki.root.write_crl(tmp_path / "own.crl", [])
    trust["clients"]["crl"] = [str(crl)]
    running = gateway(document(pki, virtual_host(pki, "strict", "strict", routes=[respond()]), trust=trust, session=kept))
    alice, bob = (context(pki, version=version, cert=cert) for cert in (pki.client, pki.bob))
    alices, bobs = open_session(running, "strict.test", alice)[2], open_session(running, "strict.test", bob)[2]
    pki.root.write_crl(crl, [pki.client], number=2)
    running.reload()
    with pytest.raises((ssl.SSLError, OSError)):
        open_session(running, "strict.test", alice, alices)
    running.logged(reason="revoked")
    resumed, status, _ = open_session(running, "strict.test", bob, bobs)
    assert (resumed, status) == (True, 200), "a CRL ends only the sessions that it refuses"


@BOTH
def test_a_ticket_made_before_the_mode_became_strict_does_not_resume(pki, gateway, kept, version):
    doc = document(pki, virtual_host(pki, "host", "optional", routes=[respond()]), session=kept)
    running = gateway(doc)
    ctx = context(pki, version=version)
    session = open_session(running, "host.test", ctx)[2]
    doc["virtual_hosts"][0]["tls"]["client_auth"] = "strict"
    running.reload(doc)
    with pytest.raises((ssl.SSLError, OSError)):
        open_session(running, "host.test", ctx, session)


@BOTH
def test_a_ticket_under_a_ca_that_was_removed_does_not_resume(pki, gateway, kept, version):
    doc = document(pki, virtual_host(pki, "strict", "strict", routes=[respond()]), session=kept)
    doc["trust"]["clients"] = {"ca": [str(pki.root.pem), str(pki.other.pem)]}
    running = gateway(doc)
    ctx = context(pki, version=version, cert=pki.stranger)
    session = open_session(running, "strict.test", ctx)[2]
    doc["trust"]["clients"] = {"ca": [str(pki.root.pem)]}
    running.reload(doc)
    with pytest.raises((ssl.SSLError, OSError)):
        open_session(running, "strict.test", ctx, session)


@BOTH
def test_sessions_outlive_a_reload_that_changes_nothing_of_the_trust(pki, gateway, kept, version):
    doc = document(pki, virtual_host(pki, "strict", "strict", routes=[respond("one")]), session=kept)
    running = gateway(doc)
    ctx = context(pki, version=version, cert=pki.client)
    session = open_session(running, "strict.test", ctx)[2]
    doc["virtual_hosts"][0]["routes"] = [respond("two")]
    running.reload(doc)
    assert open_session(running, "strict.test", ctx, session)[:2] == (True, 200)


def test_a_foreign_session_is_a_full_handshake(pki, gateway, kept):
    doc = document(pki, virtual_host(pki, "strict", "strict", routes=[respond()]), session=kept)
    here, there = gateway(doc), gateway(doc)
    ctx = context(pki, cert=pki.client, version="1.3")
    session = open_session(here, "strict.test", ctx)[2]
    assert open_session(there, "strict.test", ctx, session)[:2] == (False, 200)
    assert get(there.port, "strict.test", pki, cert=pki.client).status == 200

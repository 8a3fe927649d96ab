"""SNI picks the host that judges the client; a request for another host on that connection is 421."""
import pytest

from harness.clients import context, get, s_client, tls, tls_error
from harness.config import document, respond, virtual_host


@pytest.fixture(scope="module")
def hosts(pki):
    from harness.gateway import Gateway

    running = Gateway(document(
        pki,
        virtual_host(pki, "open", routes=[respond("open")]),
        virtual_host(pki, "strict", "strict", routes=[respond("strict")]),
        virtual_host(pki, "wild", hosts=["*.deep.test"], routes=[respond("wild")]),
        virtual_host(pki, "exact", hosts=["exact.deep.test"], routes=[respond("exact")]),
    )).start()
    yield running
    running.stop()


@pytest.fixture(scope="module")
def with_default(pki):
    from harness.gateway import Gateway

    running = Gateway(document(
        pki,
        virtual_host(pki, "fallback", "strict", default=True, routes=[respond("fallback")]),
        virtual_host(pki, "open", routes=[respond("open")]),
    )).start()
    yield running
    running.stop()


@pytest.mark.parametrize("sni, answers", [("open.test", "open"), ("a.deep.test", "wild"), ("exact.deep.test", "exact"), ("OPEN.TEST", "open"),
                                          ("A.Deep.Test", "wild")])
def test_sni_picks_the_host_exact_before_wildcard_without_case(hosts, pki, sni, answers):
    assert get(hosts.port, sni, pki).text == answers


@pytest.mark.parametrize("host", ["strict.test", "STRICT.test", "strict.test.", "strict.test:443", "a.deep.test", "unknown.test"])
def test_a_request_for_another_host_than_the_handshakes_is_421(hosts, pki, host):
    assert get(hosts.port, "open.test", pki, host=host).status == 421
    hosts.logged(reason="wrong_host")


@pytest.mark.parametrize("host", ["open.test", "open.test.", "OPEN.test", "Open.Test:8443"])
def test_spellings_of_the_same_host_are_that_host(hosts, pki, host):
    assert get(hosts.port, "open.test", pki, host=host).text == "open"


@pytest.mark.parametrize("target", ["https://strict.test/", "http://STRICT.test./x"])
def test_an_absolute_target_is_held_to_the_same_rule(hosts, pki, target):
    assert get(hosts.port, "open.test", pki, target, host="open.test").status in (400, 421)


@pytest.mark.parametrize("version", ["1.2", "1.3"])
@pytest.mark.parametrize("sni", ["unknown.test", "b.a.deep.test", "deep.test", None])
def test_an_unknown_name_is_refused_where_no_host_is_the_default(hosts, pki, version, sni):
    assert tls_error(hosts.port, sni, pki, version=version).endswith("unrecognized name")
    got = s_client(hosts.port, sni, pki, version=version)
    assert "unrecognized name" in got.error, got.error
    hosts.logged(reason="unrecognized_name")


@pytest.mark.parametrize("sni", ["unknown.test", None])
def test_an_unknown_name_gets_the_default_host_and_its_mode(with_default, pki, sni):
    assert get(with_default.port, sni, pki, host="fallback.test", cert=pki.client).text == "fallback"
    assert tls_error(with_default.port, sni, pki, version="1.3").endswith("certificate required")


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.1:8443", "[::1]", "nobody.example", "unknown.test"])
def test_a_host_that_nobody_claims_belongs_to_the_default_host(with_default, pki, host):
    assert get(with_default.port, None, pki, host=host, cert=pki.client).text == "fallback"
    assert get(with_default.port, "unknown.test", pki, host=host, cert=pki.client).text == "fallback"
    assert get(with_default.port, "open.test", pki, host=host).status == 421


def test_the_default_hosts_handshake_does_not_reach_another_host(with_default, pki):
    assert get(with_default.port, None, pki, host="open.test", cert=pki.client).status == 421


@pytest.mark.parametrize("sni", ["open.test", "strict.test"])
def test_a_hello_retry_request_keeps_the_host(hosts, pki, sni):
    # A group that only the second ClientHello has a share for makes the server ask again.
    got = s_client(hosts.port, sni, pki, "-groups", "X448:P-384:P-256", version="1.3")
    if sni == "open.test":
        assert got.status == 200, got
    else:
        assert got.status is None and "certificate required" in got.error, got


def test_a_default_host_laxer_than_another_is_an_error_unless_it_says_so(pki, gateway):
    doc = document(pki, virtual_host(pki, "lax", default=True, routes=[respond("lax")]),
                   virtual_host(pki, "strict", "strict", routes=[respond("strict")]))
    unstarted = gateway.unstarted(doc)
    assert unstarted.check().returncode == 1
    doc["virtual_hosts"][0]["allow_lax_default"] = True
    running = gateway(doc)
    assert get(running.port, None, pki, host="anything.test").text == "lax"
    assert get(running.port, None, pki, host="strict.test").status == 421


@pytest.mark.parametrize("offer, chosen", [(("http/1.1",), "http/1.1"), (("h2", "http/1.1"), "http/1.1"), ((), None)])
def test_alpn_chooses_http_1_1(hosts, pki, offer, chosen):
    with tls(hosts.port, "open.test", ctx=context(pki, alpn=offer)) as connection:
        assert connection.sock.selected_alpn_protocol() == chosen


def test_alpn_without_anything_we_speak_is_refused(hosts, pki):
    assert tls_error(hosts.port, "open.test", pki, alpn=("h2",)).endswith("no application protocol")
    hosts.logged(reason="no_application_protocol")


@pytest.mark.parametrize("low, high, refused", [("1.2", "1.2", "1.3"), ("1.3", "1.3", "1.2")])
def test_a_host_keeps_to_its_own_versions(pki, gateway, low, high, refused):
    running = gateway(document(
        pki, virtual_host(pki, "narrow", tls={"min_version": low, "max_version": high}, routes=[respond("narrow")]),
        virtual_host(pki, "open", routes=[respond("open")])))
    assert get(running.port, "narrow.test", pki, version=low).text == "narrow"
    assert tls_error(running.port, "narrow.test", pki, version=refused).endswith("protocol version")
    running.logged(reason="protocol_version", sni="narrow.test")
    assert get(running.port, "open.test", pki, version=refused).text == "open"


def test_a_host_can_be_limited_to_some_listeners(pki, gateway):
    from harness.waiting import free_port

    inner, outer = free_port(), free_port()
    gateway(document(
        pki,
        virtual_host(pki, "inner", hosts=["same.test"], listeners=["in"], routes=[respond("inner")]),
        virtual_host(pki, "outer", hosts=["same.test"], listeners=["out"], routes=[respond("outer")]),
        listeners=[{"bind": f"127.0.0.1:{inner}", "name": "in"}, {"bind": f"127.0.0.1:{outer}", "name": "out"}]))
    assert get(inner, "same.test", pki).text == "inner"
    assert get(outer, "same.test", pki).text == "outer"

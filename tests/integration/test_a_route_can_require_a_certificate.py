"""require: authenticated keeps anonymous clients of an optional host away from a route, and says so."""
import json

import pytest

from harness.clients import context, get, tls
from harness.config import document, respond, virtual_host
from harness.gateway import Gateway

BOTH = pytest.mark.parametrize("version", ["1.2", "1.3"])


def requiring(path, value="authenticated"):
    return {**respond(path, path=path), "require": value}


@pytest.fixture(scope="module")
def running(pki):
    policies = {"not-bob": {"default": "allow", "rules": [{"name": "bob", "effect": "deny", "when": {"cn": "bob"}}]},
                "closed": {"rules": [{"name": "public", "effect": "allow", "when": {"path": "/public"}}]}}
    hosts = [
        virtual_host(pki, "mixed", "optional", routes=[respond("all"), requiring("/admin/*")]),
        virtual_host(pki, "whole", "optional", routes=[respond("all"), requiring("/healthz", "none")], require="authenticated", policy="not-bob"),
        virtual_host(pki, "closed", "optional", routes=[requiring("/public")], policy="closed"),
        virtual_host(pki, "strict", "strict", routes=[requiring("/*")]),
    ]
    made = Gateway(document(pki, *hosts, policies=policies)).start()
    yield made
    made.stop()


def reason_of(response):
    return json.loads(response.body).get("reason")


@BOTH
@pytest.mark.parametrize("target", ["/admin", "/admin/", "/admin/users", "//admin/users", "/x/../admin/users", "/%61dmin/users", "/admin/users?q"])
def test_an_anonymous_client_is_refused_with_the_reason(running, pki, version, target):
    refused = get(running.port, "mixed.test", pki, target, version=version)
    assert (refused.status, reason_of(refused)) == (403, "not_authenticated")
    assert "client certificate" in json.loads(refused.body)["detail"]
    line = running.logged(request_id=refused.get("x-request-id"))
    assert line["reason"] == "not_authenticated" and "requires a client certificate" in line["detail"]
    assert get(running.port, "mixed.test", pki, target, version=version, cert=pki.client).status == 200


def test_the_connection_stays_for_what_is_open(running, pki):
    with tls(running.port, "mixed.test", pki) as connection:
        assert connection.request(host="mixed.test", target="/admin").status == 403
        assert connection.request(host="mixed.test", target="/").status == 200


def test_a_virtual_host_can_require_it_for_all_and_a_route_can_take_it_back(running, pki):
    assert reason_of(get(running.port, "whole.test", pki)) == "not_authenticated"
    assert get(running.port, "whole.test", pki, "/healthz").status == 200
    assert get(running.port, "whole.test", pki, cert=pki.client).status == 200


def test_the_policy_is_asked_as_well(running, pki):
    denied = get(running.port, "whole.test", pki, cert=pki.bob)
    assert denied.status == 403 and "reason" not in json.loads(denied.body)
    assert running.logged(request_id=denied.get("x-request-id"))["reason"] == "policy_denied"
    allowed_by_policy_only = get(running.port, "closed.test", pki, "/public")
    assert reason_of(allowed_by_policy_only) == "not_authenticated"
    assert running.logged(request_id=allowed_by_policy_only.get("x-request-id"))["decision"] == "allow"


def test_on_a_strict_host_it_says_nothing_new(running, pki):
    assert get(running.port, "strict.test", pki, cert=pki.client).status == 200


@BOTH
def test_an_anonymous_session_does_not_become_authenticated(running, pki, version):
    ctx = context(pki, version=version)
    with tls(running.port, "mixed.test", ctx=ctx) as connection:
        assert connection.request(host="mixed.test").status == 200
        session = connection.sock.session
    with tls(running.port, "mixed.test", ctx=ctx, session=session) as connection:
        assert connection.request(host="mixed.test", target="/admin").status == 403
        assert connection.sock.session_reused
    ctx = context(pki, version=version, cert=pki.client)
    session = None
    for resumed in (False, True):
        with tls(running.port, "mixed.test", ctx=ctx, session=session) as connection:
            assert connection.request(host="mixed.test", target="/admin").status == 200
            assert connection.sock.session_reused == resumed
            session = connection.sock.session

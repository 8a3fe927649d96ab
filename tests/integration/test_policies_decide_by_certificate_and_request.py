"""Each matcher through the real binary; deny over allow; what no rule names is denied."""
import pytest

from harness.clients import get
from harness.config import document, respond, virtual_host


def start(pki, gateway, rules, default="deny", mode="optional", **more):
    policies = {"policy": {"default": default, "rules": rules}} if default else {"policy": {"rules": rules}}
    return gateway(document(pki, virtual_host(pki, "host", mode, hosts=["host.test", "alias.test"], policy="policy", routes=[respond()]),
                            policies=policies, **more))


def status(running, pki, cert="client", **options):
    return get(running.port, options.pop("sni", "host.test"), pki, cert=getattr(pki, cert) if cert else None, **options).status


# (matcher, a pattern that fits alice, one that does not)
CERTIFICATE = [
    ("cn", "alice", "Alice"),
    ("cn", "~a.*e", "~b.*"),
    ("ou", "Payments", "Sales"),
    ("o", "Example Corp", "Example"),
    ("dns_san", "alice.clients.example", "bob.clients.example"),
    ("dns_san", "ALICE.clients.example", "clients.example"),
    ("dns_san", "*.clients.example", "*.example"),
    ("uri_san", "spiffe://corp.example/batch/alice", "spiffe://corp.example/BATCH/alice"),
    ("uri_san", "spiffe://corp.example/batch/*", "spiffe://corp.example/bat/*"),
    ("uri_san", "~spiffe://corp\\.example/[a-z]+/alice", "~spiffe://corp\\.example/alice"),
    ("email_san", "alice@EXAMPLE.com", "bob@example.com"),
    ("ip_san", "10.1.2.3", "10.1.2.4"),
    ("ip_san", "10.1.0.0/16", "10.2.0.0/16"),
    ("ip_san", "fd00::/64", "fe80::/64"),
    ("issuer_cn", "Test Client Root", "Test Issuing CA"),
    ("serial", lambda pki: pki.client.serial, lambda pki: pki.bob.serial),
    ("fingerprint", lambda pki: f"sha256:{pki.client.fingerprint}", lambda pki: f"sha256:{pki.bob.fingerprint}"),
    ("fingerprint", lambda pki: f"spki-sha256:{pki.client.spki_fingerprint}", lambda pki: f"spki-sha256:{pki.bob.spki_fingerprint}"),
    ("authenticated", True, False),
]


@pytest.mark.parametrize("effect", ["allow", "deny"])
@pytest.mark.parametrize("matcher, fits, misses", CERTIFICATE)
def test_a_certificate_matcher_meets_those_it_fits(pki, gateway, matcher, fits, misses, effect):
    pattern = [value(pki) if callable(value) else value for value in (fits, misses)]
    default = "deny" if effect == "allow" else "allow"
    yes = start(pki, gateway, [{"name": "rule", "effect": effect, "when": {matcher: pattern[0]}}], default)
    assert status(yes, pki) == (200 if effect == "allow" else 403)
    no = start(pki, gateway, [{"name": "rule", "effect": effect, "when": {matcher: pattern[1]}}], default)
    assert status(no, pki) == (403 if effect == "allow" else 200)


REQUEST = [
    ("method", "GET", {"method": "GET"}, {"method": "DELETE"}),
    ("method", ["GET", "HEAD"], {"method": "HEAD"}, {"method": "POST", "body": b""}),
    ("path", "/v1/report", {"target": "/v1/report?x=1"}, {"target": "/v1/report/1"}),
    ("path", "/v1/reports/*", {"target": "/v1/reports/7"}, {"target": "/v1/reportsx"}),
    ("path", "/v1/*", {"target": "/v2/../v1/a"}, {"target": "/v1/../v2/a"}),
    ("path", "/v1/*", {"target": "//v1//a"}, {"target": "/%76%32/a"}),
    ("path", "~/v[12]/.*", {"target": "/v2/x"}, {"target": "/v3/x"}),
    ("host", "host.test", {"sni": "host.test"}, {"sni": "alias.test"}),
    ("source_ip", "127.0.0.1", {}, {"source": ("127.0.0.2", 0)}),
    ("source_ip", "127.0.0.0/31", {"source": ("127.0.0.1", 0)}, {"source": ("127.0.0.2", 0)}),
]


@pytest.mark.parametrize("matcher, pattern, fits, misses", REQUEST)
def test_a_request_matcher_meets_what_it_fits(pki, gateway, matcher, pattern, fits, misses):
    running = start(pki, gateway, [{"name": "rule", "effect": "allow", "when": {matcher: pattern}}])
    assert status(running, pki, None, **dict(fits)) == 200
    assert status(running, pki, None, **dict(misses)) == 403


def test_all_keys_of_a_rule_must_match(pki, gateway):
    running = start(pki, gateway, [{"name": "both", "effect": "allow", "when": {"cn": "alice", "method": "GET"}}])
    assert status(running, pki) == 200
    assert status(running, pki, method="DELETE") == 403
    assert status(running, pki, "bob") == 403


def test_a_list_means_any_of(pki, gateway):
    running = start(pki, gateway, [{"name": "any", "effect": "allow", "when": {"cn": ["carol", "bob", "alice"]}}])
    assert status(running, pki) == status(running, pki, "bob") == 200
    assert status(running, pki, "deep") == 403


@pytest.mark.parametrize("order", [["open", "closed"], ["closed", "open"]])
def test_a_matching_deny_wins_over_every_allow(pki, gateway, order):
    rules = {"open": {"name": "open", "effect": "allow", "when": {"authenticated": True}},
             "closed": {"name": "closed", "effect": "deny", "when": {"cn": "bob"}}}
    running = start(pki, gateway, [rules[each] for each in order], "allow")
    assert status(running, pki) == 200
    assert status(running, pki, "bob") == 403
    line = running.logged(status=403)
    assert (line["policy"], line["rule"], line["decision"], line["reason"]) == ("policy", "closed", "deny", "policy_denied")
    running.counted(1, "gateway_policy_decisions_total", virtual_host="host", policy="policy", rule="closed", decision="deny")
    running.counted(1, "gateway_policy_decisions_total", virtual_host="host", policy="policy", rule="open", decision="allow")


@pytest.mark.parametrize("default, expected", [("allow", 200), ("deny", 403), (None, 403)])
def test_what_no_rule_matches_gets_the_default_which_is_deny(pki, gateway, default, expected):
    running = start(pki, gateway, [{"name": "nobody", "effect": "deny", "when": {"cn": "nobody"}}], default)
    assert status(running, pki) == expected


def test_an_anonymous_client_matches_no_certificate_rule(pki, gateway):
    running = start(pki, gateway, [{"name": "anyone", "effect": "allow", "when": {"cn": "~.*"}}])
    assert status(running, pki, None) == 403
    assert status(running, pki) == 200


def test_anonymous_clients_can_be_told_apart(pki, gateway):
    running = start(pki, gateway, [{"name": "named", "effect": "allow", "when": {"authenticated": True}},
                                   {"name": "reading", "effect": "allow", "when": {"authenticated": False, "method": "GET"}}])
    assert status(running, pki, None) == 200
    assert status(running, pki, None, method="DELETE") == 403
    assert status(running, pki, method="DELETE") == 200


def test_an_expression_must_match_the_whole_value(pki, gateway):
    running = start(pki, gateway, [{"name": "part", "effect": "allow", "when": {"cn": "~lic"}}])
    assert status(running, pki) == 403


def test_without_a_policy_the_mode_alone_decides(pki, gateway):
    running = gateway(document(pki, virtual_host(pki, "host", "optional", routes=[respond()])))
    assert status(running, pki, None) == status(running, pki) == 200


def test_a_denied_request_never_reaches_the_upstream_and_the_connection_lives(pki, gateway, origin):
    from harness.clients import tls

    behind = origin()
    running = gateway(document(pki, virtual_host(pki, "host", policy="p"), origins=[behind.address],
                               policies={"p": {"rules": [{"name": "r", "effect": "allow", "when": {"path": "/open"}}]}}))
    with tls(running.port, "host.test", pki) as connection:
        denied = connection.request(target="/closed", host="host.test")
        assert denied.status == 403 and denied.get("content-type") == "application/problem+json"
        assert connection.request(target="/open", host="host.test").status == 200
    assert [request.target for request in behind.requests] == ["/open"]


def test_policy_applies_to_the_next_request_of_a_live_connection_after_a_reload(pki, gateway):
    from harness.clients import tls

    rule = {"name": "all", "effect": "allow", "when": {"cn": "alice"}}
    doc = document(pki, virtual_host(pki, "host", "strict", policy="p", routes=[respond()]), policies={"p": {"rules": [rule]}})
    running = gateway(doc)
    with tls(running.port, "host.test", pki, cert=pki.client) as connection:
        assert connection.request(host="host.test").status == 200
        doc["policies"]["p"]["rules"] = [{"name": "all", "effect": "allow", "when": {"cn": "bob"}}]
        running.reload(doc)
        assert connection.request(host="host.test").status == 403

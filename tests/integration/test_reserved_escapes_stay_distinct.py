"""What docs/configuration.md says of reserved characters: their escapes are other paths, to rules, routes and upstreams alike."""
import pytest

from harness.clients import get
from harness.config import document, respond, virtual_host

RESERVED = "!$&'()*+,;=:@"


def rule(effect, *paths):
    return {"name": "the-rule", "effect": effect, "when": {"path": list(paths)}}


@pytest.fixture
def ask(pki, gateway, origin):
    """ask(policy)(target) -> status, and the path that the upstream got, if it got one."""

    def start(policy):
        behind = origin()
        doc = document(pki, virtual_host(pki, "open", policy="p"), policies={"p": policy}, origins=[behind.address])
        running = gateway(doc)

        def send(target):
            before = len(behind.requests)
            status = get(running.port, "open.test", pki, target).status
            return status, behind.requests[-1].target if len(behind.requests) > before else None

        return send

    return start


def test_a_deny_on_one_spelling_is_no_deny_on_the_other(ask):
    send = ask({"default": "allow", "rules": [rule("deny", "/a!b", "/admin")]})
    assert send("/a!b") == (403, None)
    assert send("/a%21b") == (200, "/a%21b")
    assert send("/%61dmin") == (403, None), "what needs no escape is decoded first"


@pytest.mark.parametrize("paths", [["/a!b", "/a%21b"], ["~/a(!|%21)b"]])
def test_both_spellings_can_be_denied(ask, paths):
    send = ask({"default": "allow", "rules": [rule("deny", *paths)]})
    assert [send(target)[0] for target in ("/a!b", "/a%21b", "/a%2Ab", "/ab")] == [403, 403, 200, 200]


def test_a_policy_that_denies_by_default_denies_the_other_spelling(ask):
    send = ask({"rules": [rule("allow", "/a!b")]})
    assert send("/a!b") == (200, "/a!b")
    assert send("/a%21b") == (403, None)


def test_every_reserved_character_is_forwarded_as_it_came(ask):
    send = ask({"default": "allow"})
    for character in RESERVED:
        for spelling in (character, f"%{ord(character):02X}"):
            assert send(f"/a{spelling}b") == (200, f"/a{spelling}b")
    assert send("/a%2ab") == (200, "/a%2Ab"), "of an escape only the case is changed"


def test_routes_tell_the_spellings_apart(pki, gateway):
    routes = [respond("raw", path="/a!b"), respond("escaped", path="/a%21b"), respond("rest")]
    running = gateway(document(pki, virtual_host(pki, "open", routes=routes)))
    assert [get(running.port, "open.test", pki, target).text for target in ("/a!b", "/a%21b", "/a")] == ["raw", "escaped", "rest"]

"""Each way to resume a session, after each change that should end it: what the client sees, and what the upstream got.

A client shows its certificate once and comes back with nothing but its session, as whoever stole the session would: a gateway that
took the session for the verdict would serve it as alice. Where it is refused for its certificate, it shows that as well.
"""
import datetime as dt
import os
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from harness.clients import head, s_client
from harness.config import document, trust_sets, virtual_host
from harness.gateway import Gateway
from harness.origin import Origin
from harness.waiting import eventually

STORES = ("process", "tickets")
# TLS version, options of both handshakes, options of the second. The session of a ticket has an id, too: -no_ticket offers only that.
# A client whose first key share the gateway does not know is asked for another one: a HelloRetryRequest.
RETRY = ("-groups", "P-521:P-256")
KINDS = {
    "tls12-id": ("1.2", (), ("-no_ticket",)),
    "tls12-ticket": ("1.2", (), ()),
    "tls13-psk": ("1.3", (), ()),
    "tls13-psk-with-retry": ("1.3", RETRY, RETRY),
    "tls13-psk-retried-later": ("1.3", (), RETRY),
}
BRIEF_SECONDS = 12 if os.environ.get("GATEWAY_SANITIZED") else 5


@dataclass(frozen=True)
class Change:
    """`then` changes the world between the two handshakes. `outcome`: served, anonymous, denied, or the reason of a refusal."""

    outcome: str
    then: Callable = lambda world: None
    made_on: str = "strict.test"
    used_on: str | None = "strict.test"
    cert: str | None = "client"
    shows_it_again: bool = False
    host: str | None = None
    alert: dict = field(default_factory=lambda: {"1.2": "handshake failure", "1.3": "certificate required"})


def reload_with(edit):
    def then(world):
        edit(world.doc)
        world.gateway.reload(world.doc)

    return then


def host_of(doc, name):
    return next(host for host in doc["virtual_hosts"] if host["name"] == name)


def revoke(world):
    world.pki.root.write_crl(world.crl, [world.pki.client], number=2)
    world.gateway.reload()


def revoke_intermediate(world):
    world.pki.root.write_crl(world.crl, [world.pki.issuing], number=2)
    world.gateway.reload()


def wait_for_the_end(world):
    end = world.brief.certificate.not_valid_after.replace(tzinfo=dt.timezone.utc).timestamp()
    eventually(lambda: time.time() > end + 1, "the certificate has expired")


def deny_alice(doc):
    doc["policies"] = {"no-alice": {"default": "allow", "rules": [{"name": "alice", "effect": "deny", "when": {"cn": "alice"}}]}}
    host_of(doc, "strict")["policy"] = "no-alice"


def trusting(*names):
    def then(world):
        world.doc["trust"]["clients"] = {"ca": [str(getattr(world.pki, name).pem) for name in names]}
        world.gateway.reload(world.doc)

    return then


def set_mode(name, mode):
    def edit(doc):
        tls = host_of(doc, name)["tls"]
        tls["client_auth"] = mode
        tls.setdefault("trust", "clients")

    return reload_with(edit)


def change_routes(doc):
    host_of(doc, "strict")["routes"].append({"path": "/new", "respond": {"status": 200}})


def session_of(name, **values):
    return reload_with(lambda doc: host_of(doc, name)["tls"].update(session=values))


CERTIFICATE_ALERT = {"revoked": "certificate revoked", "expired": "certificate expired", "unknown_ca": "unknown ca"}


def by_certificate(outcome, **more):
    alert = CERTIFICATE_ALERT[outcome]
    return Change(outcome, shows_it_again=True, alert={"1.2": alert, "1.3": alert}, **more)


CHANGES = {
    "nothing": Change("served"),
    "other-sni-with-the-same-trust": Change("no_certificate", used_on="twin.test", host="twin.test"),
    "other-sni-with-the-same-trust-and-the-host-of-the-first": Change("no_certificate", used_on="twin.test"),
    "other-sni-with-another-ca": Change("no_certificate", used_on="other.test", host="other.test"),
    "other-sni-with-another-ca-of-the-same-name": Change("no_certificate", used_on="namesake.test", host="namesake.test"),
    "other-sni-of-a-laxer-host": Change("anonymous", used_on="flexible.test", host="flexible.test"),
    "other-sni-of-a-host-without-client-auth": Change("anonymous", used_on="open.test", host="open.test"),
    "a-session-of-a-laxer-host": Change("no_certificate", made_on="flexible.test"),
    "an-anonymous-session-of-a-laxer-host": Change("no_certificate", made_on="open.test", cert=None),
    "no-sni": Change("no_certificate", used_on=None, host="strict.test"),
    "unknown-sni": Change("no_certificate", used_on="nobody.example", host="strict.test"),
    "revoked-since": by_certificate("revoked", then=revoke),
    "revoked-since-and-without-its-certificate": Change("no_certificate", then=revoke),
    "its-ca-revoked-since": by_certificate("revoked", then=revoke_intermediate, cert="deep"),
    "expired-since": by_certificate("expired", then=wait_for_the_end, cert="brief"),
    "expired-since-and-without-its-certificate": Change("no_certificate", then=wait_for_the_end, cert="brief"),
    "its-ca-removed": by_certificate("unknown_ca", then=trusting("other")),
    "its-ca-replaced-by-a-namesake": by_certificate("unknown_ca", then=trusting("impostor")),
    "another-ca-of-the-set-replaced": Change("no_certificate", then=trusting("root", "other")),
    "optional-made-strict": Change("no_certificate", then=set_mode("flexible", "strict"), made_on="flexible.test", used_on="flexible.test", cert=None),
    "off-made-strict": Change("no_certificate", then=set_mode("open", "strict"), made_on="open.test", used_on="open.test", cert=None),
    "off-made-optional": Change("anonymous", then=set_mode("open", "optional"), made_on="open.test", used_on="open.test", cert=None),
    "strict-made-off": Change("anonymous", then=set_mode("strict", "off")),
    "policy-denies-now": Change("denied", then=reload_with(deny_alice)),
    "reload": Change("served", then=reload_with(change_routes)),
    "tickets-turned-off": Change("no_certificate", then=session_of("strict", tickets=False)),
    "lifetime-made-shorter-than-its-age": Change("no_certificate", then=lambda world: (time.sleep(2.1), session_of("strict", lifetime="1s")(world))),
}


class World:
    """One gateway and one origin, with a session of each kind made before the change."""

    def __init__(self, pki, folder, store, change):
        self.pki, self.store, self.change, self.brief = pki, store, change, None
        if change.cert == "brief":
            self.brief = pki.root.issue(f"brief-{folder.name}", "brief", days=BRIEF_SECONDS / 86400)
        self.cert = self.brief or (getattr(pki, change.cert) if change.cert else None)
        self.crl = pki.root.write_crl(folder / "root.crl", [])
        self.origin = Origin()
        routes = [{"path": "/*", "upstream": "origin", "headers": {"set": {"X-Who": "${client.cn}|${tls.resumed}"}}}]
        hosts = [virtual_host(pki, name, mode, trust=trust, routes=list(routes), **more) for name, mode, trust, more in (
            ("strict", "strict", "clients", {}), ("twin", "strict", "clients", {}), ("other", "strict", "others", {}),
            ("namesake", "strict", "namesakes", {}), ("flexible", "optional", "clients", {}), ("open", "off", "clients", {}),
            ("fallback", "strict", "clients", {"default": True}))]
        trust = trust_sets(pki)
        trust["clients"]["crl"] = [str(self.crl)]
        trust["namesakes"] = {"ca": [str(pki.impostor.pem)]}
        self.doc = document(pki, *hosts, origins=[self.origin.address], trust=trust, workers=2,
                            session={"store": store})
        self.gateway = Gateway(self.doc).start()
        self.sessions = {}
        for kind, (version, options, _) in KINDS.items():
            self.sessions[kind] = folder / f"{kind}.session"
            got = s_client(self.gateway.port, change.made_on, pki, "-msg", *options, "-sess_out", str(self.sessions[kind]), cert=self.cert,
                           version=version)
            assert got.status == 200 and self.sessions[kind].exists(), (kind, got)
            assert retried(got) == ("-groups" in options), got.output
        self.origin.got(len(KINDS))
        change.then(self)
        self.before = len(self.origin.requests)

    def stop(self):
        self.gateway.stop()
        self.origin.stop()


def retried(got):
    return len(re.findall(r">>> .*ClientHello", got.output)) == 2


@pytest.fixture(scope="module", params=[f"{store}-{change}" for store in STORES for change in CHANGES])
def world(request, pki, tmp_path_factory):
    store, change = request.param.split("-", 1)
    made = World(pki, tmp_path_factory.mktemp(request.param), store, CHANGES[change])
    yield made
    made.stop()


@pytest.mark.parametrize("kind", list(KINDS))
def test_a_session_is_worth_what_its_client_is_worth_now(world, kind):
    change, (version, _, options) = world.change, KINDS[kind]
    before = len(world.origin.requests)
    request = head(host=change.host or change.used_on, fields=[("Connection", "close")])
    got = s_client(world.gateway.port, change.used_on, world.pki, "-msg", *options, "-sess_in", str(world.sessions[kind]),
                   cert=world.cert if change.shows_it_again else None, version=version, request=request)
    assert retried(got) == ("-groups" in options), got.output
    resumed = "Reused, " in got.output
    new = world.origin.requests[before:]
    who = [each.get("x-who") for each in new]
    if kind == "tls12-id" and world.store == "tickets" and change.outcome in ("served", "denied"):
        # Nothing is kept here: an id alone is nobody's session.
        assert (got.status, resumed, who) == (None, False, []), got
    elif change.outcome == "served":
        assert (got.status, resumed, who) == (200, True, ["alice|true"]), got
    elif change.outcome == "anonymous":
        assert (got.status, resumed, who) == (200, False, ["|false"]), got
    elif change.outcome == "denied":
        assert (got.status, resumed, who) == (403, True, []), got
    else:
        assert (got.status, resumed, who) == (None, False, []), got
        assert change.alert[version] in got.error, got.error
        world.gateway.logged(type="handshake", reason=change.outcome)


def test_the_world_was_as_the_test_believes(world):
    """So that no cell passes because nobody was ever served."""
    who = {"client": "alice", "deep": "deep", "brief": "brief", None: ""}[world.change.cert if world.change.made_on != "open.test" else None]
    assert [each.get("x-who") for each in world.origin.requests[:len(KINDS)]] == [f"{who}|false"] * len(KINDS)

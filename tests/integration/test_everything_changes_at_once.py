"""Certificates, CRLs and ticket keys that rotate, `gatewayctl revoke`, full and resumed handshakes, all at once: whoever is good is
always served, and whoever is revoked never again."""
import json
import os
import shutil
import threading
import time

from harness.clients import VERSIONS, context, tls
from harness.config import document, respond, virtual_host
from harness.http import Closed
from harness.waiting import eventually

SANITIZED = bool(os.environ.get("GATEWAY_SANITIZED"))
ROUNDS = 2 if SANITIZED else 6
CLIENTS = 2 if SANITIZED else 3  # threads of good clients of each version
PROMISE = 10.0 if SANITIZED else 1.0


def put(content, target):
    fresh = target.with_name("." + target.name)
    fresh.write_bytes(content)
    fresh.chmod(0o600)
    fresh.rename(target)


def visit(port, ctx, session=None):
    """Whether it was served, whether it was resumed, and the session."""
    with tls(port, "strict.test", ctx=ctx, session=session) as connection:
        status = connection.request(host="strict.test").status
        return status, connection.sock.session_reused, connection.sock.session


def may_enter(port, ctx, session=None):
    try:
        return visit(port, ctx, session)[0] == 200
    except (OSError, Closed):
        # An alert, a reset, or a connection that was ended before it got an answer.
        return False


class Good:
    """Comes again and again, by turns anew and with its last session; whatever is not a 200 is a failure."""

    def __init__(self, running, pki, certificate, version, stop):
        self.port, self.ctx, self.stop = running.port, context(pki, cert=certificate, version=version), stop
        self.full = self.resumed = 0
        self.failures = []
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self):
        session = None
        while not self.stop.is_set() and len(self.failures) < 5:
            try:
                status, resumed, session = visit(self.port, self.ctx, session)
                if status != 200:
                    self.failures.append(status)
                self.resumed += resumed
                self.full += not resumed
                if (self.full + self.resumed) % 3 == 0:
                    session = None
            except Exception as error:  # noqa: B902: whatever it was, a good client failed
                self.failures.append(repr(error))
                session = None


def test_the_good_are_always_served_and_the_revoked_never_again(pki, gateway, tmp_path):
    pairs = [pki.server, *(pki.server_ca.issue(f"at-once-{number}", "gateway", server=True, dns=["*.test"]) for number in range(2))]
    # Two revoked in each round, one by the CRL and one by the command.
    victims = [(pki.root.issue(f"by-crl-{number}", "by-crl"), pki.root.issue(f"by-hand-{number}", "by-hand")) for number in range(ROUNDS)]
    for name, source in {"own.pem": pairs[0].pem, "own.key": pairs[0].key}.items():
        shutil.copy(source, tmp_path / name)
    keys = [os.urandom(80) for _ in range(ROUNDS + 2)]
    put(keys[0], tmp_path / "current.key")
    put(keys[1], tmp_path / "next.key")
    pki.root.write_crl(tmp_path / "clients.crl")
    own = {"certificate": str(tmp_path / "own.pem"), "key": str(tmp_path / "own.key")}
    running = gateway(document(pki, virtual_host(pki, "strict", "strict", tls=own, routes=[respond("ok")]), workers=2,
                               trust={"clients": {"ca": [str(pki.root.pem)], "crl": [str(tmp_path / "clients.crl")]}},
                               session={"ticket_keys": [str(tmp_path / "current.key"), str(tmp_path / "next.key")]}))
    stop, revoked = threading.Event(), []
    good = [Good(running, pki, certificate, version, stop)
            for version in VERSIONS for certificate in (pki.client, pki.bob, pki.client)[:CLIENTS]]
    try:
        for number, (by_crl, by_hand) in enumerate(victims):
            entering = [(context(pki, cert=cert, version=version), cert) for cert in (by_crl, by_hand) for version in VERSIONS]
            sessions = [visit(running.port, ctx)[2] for ctx, _ in entering]
            live = [tls(running.port, "strict.test", ctx=ctx) for ctx, _ in entering]
            pair = pairs[(number + 1) % len(pairs)]
            put(pair.pem.read_bytes(), tmp_path / "own.pem")
            put(pair.key.read_bytes(), tmp_path / "own.key")
            # Until next.key has changed too, both files hold one key, and the keys before stay.
            put(keys[number + 1], tmp_path / "current.key")
            put(keys[number + 2], tmp_path / "next.key")
            fresh = pki.root.write_crl(tmp_path / ".fresh.crl", [cert for cert, _ in victims[: number + 1]], number=number + 2)
            begun = time.monotonic()
            fresh.rename(tmp_path / "clients.crl")
            done = running.ctl("--json", "revoke", "--fingerprint", "sha256:" + by_hand.fingerprint)
            assert done.returncode == 0 and json.loads(done.stdout)["result"] == "done", done.stderr
            for (ctx, cert), session in zip(entering, sessions):
                if cert is by_hand:
                    assert not may_enter(running.port, ctx) and not may_enter(running.port, ctx, session), "the command has answered"
            for connection in live:
                connection.sock.settimeout(PROMISE + 5)
                assert connection.is_closed()
            assert time.monotonic() - begun < PROMISE + 1
            revoked += zip((ctx for ctx, _ in entering), sessions)
            for ctx, session in zip((ctx for ctx, _ in entering), sessions):
                assert not may_enter(running.port, ctx) and not may_enter(running.port, ctx, session), "their connections were ended"
            eventually(lambda: running.metric("gateway_rotations_total", item="ticket_keys", result="rotated") >= number + 1
                       and running.metric("gateway_rotations_total", item="certificate", result="rotated") >= number + 1, "all is taken up")
        for ctx, session in revoked:
            assert not may_enter(running.port, ctx) and not may_enter(running.port, ctx, session), "later rotations let nobody in again"
    finally:
        stop.set()
        for each in good:
            each.thread.join()
    assert [each.failures for each in good if each.failures] == []
    assert all(each.full > ROUNDS and each.resumed > ROUNDS for each in good), [(each.full, each.resumed) for each in good]
    assert running.metric("gateway_rotations_total", item="crl", result="rotated") == ROUNDS
    assert running.metric("gateway_rotation_stale") == 0
    assert running.metric("gateway_config_generation") == 1

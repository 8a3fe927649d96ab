"""Gateways that have everything happen to them that a panel shows or an alert is for, and one to which nothing happens.

Each actor does one thing again and again. What it meets is what it expects: anything else ends up in Scene.surprises.
"""
import contextlib
import itertools
import signal
import socket
import ssl
import threading
import traceback

from harness.clients import context, get, head, tcp, tls, tls_error
from harness.config import document, respond, virtual_host
from harness.gateway import Gateway
from harness.origin import Origin, answer
from harness.waiting import PATIENCE, eventually, free_port

UPGRADE = [("Connection", "Upgrade"), ("Upgrade", "websocket"), ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
           ("Sec-WebSocket-Version", "13")]
SWITCH = ("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
          "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n")
SECOND = 1 / 86400  # of the days that certificates are given


class Scene:
    def __init__(self, pki, folder):
        self.pki, self.folder = pki, folder
        self.ending = threading.Event()
        self.surge = threading.Event()
        self.surprises, self.threads, self.origins, self.gateways = [], [], [], []
        self.released = threading.Event()

    def begin(self):
        pki = self.pki
        self.calm = self.start(self.calm_document())
        self.busy = self.start(self.busy_document())
        self.full = self.start(self.full_document(), access_log={"path": "/dev/full", "format": "json"})
        self.restarting = self.start(document(pki, virtual_host(pki, "again", routes=[respond()])))
        self.hanging = self.start(document(pki, virtual_host(pki, "hung", routes=[respond()]), workers=2))
        self.drained = self.start(document(pki, virtual_host(pki, "leaving"), origins=[self.origin(self.held).address],
                                           timeouts={"drain": "10m", "upstream_response": "10m"}))

    # --- what there is ------------------------------------------------------------------------------------------------------------

    def start(self, doc, **more):
        self.gateways.append(Gateway({**doc, **more}))
        return self.gateways[-1].start()

    def origin(self, handler=None):
        self.origins.append(Origin(handler))
        return self.origins[-1]

    def calm_document(self):
        return document(self.pki, virtual_host(self.pki, "calm", "strict", upstream="calm", policy="calm"),
                        policies={"calm": {"rules": [{"name": "alice", "effect": "allow", "when": {"cn": "alice"}}]}},
                        upstreams={"calm": {"endpoints": [self.origin().address], "health_check": {"interval": "500ms"}}})

    def busy_document(self):
        pki = self.pki

        def server(name, days):
            made = pki.server_ca.issue(name, name, server=True, dns=[f"{name}.test"], days=days)
            return {"certificate": str(made.pem), "key": str(made.key)}

        def check():
            return {"interval": "500ms", "fall": 1}

        nobody = f"127.0.0.1:{free_port()}"
        routes = [{"path": f"/{name}/*", "upstream": name, **more} for name, more in (
            ("steady", {}), ("flaky", {}), ("refusing", {}), ("silent", {"timeouts": {"upstream_response": "200ms"}}), ("half", {}),
            ("dead", {}))]
        self.plain_port = free_port()
        made = document(
            pki,
            virtual_host(pki, "strict", "strict", routes=routes, policy="people", tls=server("strict", 10)),
            virtual_host(pki, "flexible", "optional", routes=routes, tls=server("flexible", 3)),
            virtual_host(pki, "open", routes=routes),
            virtual_host(pki, "partner", "strict", trust="others", routes=[respond()]),
            virtual_host(pki, "plain", None, routes=[respond()]),
            policies={"people": {"rules": [{"name": "not-bob", "effect": "deny", "when": {"cn": "bob"}},
                                           {"name": "known", "effect": "allow", "when": {"dns_san": "*.clients.example"}}]}},
            upstreams={"steady": {"endpoints": [self.origin(self.steady).address],
                                  "health_check": {"interval": "500ms", "path": "/steady/health"}},
                       "flaky": {"endpoints": [self.origin(self.flaky()).address]},
                       "refusing": {"endpoints": [nobody], "retries": 0},
                       "silent": {"endpoints": [self.origin(self.held).address]},
                       "half": {"endpoints": [self.origin().address, nobody], "health_check": check()},
                       "dead": {"endpoints": [nobody], "health_check": check()}},
            trust={"clients": {"ca": [str(pki.root.pem)],
                               "crl": [str(pki.root.write_crl(self.folder / "soon.crl", [pki.revoked], days=0.5))]},
                   "others": {"ca": [str(pki.other.pem)], "crl": [str(pki.other.write_crl(self.folder / "late.crl", start=-3, days=-1))]}})
        return made | {"listeners": [{"bind": f"127.0.0.1:{free_port()}", "name": "tls"},
                                     {"bind": f"127.0.0.1:{self.plain_port}", "name": "plain", "protocol": "http"}]}

    def full_document(self):
        key = self.folder / "full.key"
        key.write_bytes(self.pki.server.key.read_bytes())
        key.chmod(0o600)
        return document(self.pki, virtual_host(self.pki, "full", routes=[respond()], tls={"key": str(key)}), limits={"connections": 3})

    # --- origins ------------------------------------------------------------------------------------------------------------------

    def held(self, _exchange):
        self.released.wait()
        return answer()

    @staticmethod
    def steady(exchange):
        if exchange.request.target != "/steady/chat":
            return answer(body=b"x" * 1000)
        exchange.send(SWITCH)
        while exchange.reader.fill():
            exchange.reader.buffer = b""
        return exchange.close()

    @staticmethod
    def flaky():
        """In turn: a 500, a reset, nonsense, and a kept connection that ends when the next request comes."""
        turns = itertools.count()
        used = set()

        def handle(exchange):
            if exchange.number in used:
                exchange.close()
            used.add(exchange.number)
            turn = next(turns) % 4
            if turn == 1:
                exchange.reset()
            return [answer(500, reason="Oops"), None, "nonsense\r\n\r\n", answer()][turn]

        return handle

    # --- actors -------------------------------------------------------------------------------------------------------------------

    def actor(self, pause, act):
        def run():
            while not self.ending.is_set():
                try:
                    act()
                except Exception:  # whatever it is, the test must hear of it
                    if not self.ending.is_set():
                        self.surprises.append(traceback.format_exc())
                        return
                self.ending.wait(pause)

        self.threads.append(threading.Thread(target=run, daemon=True))
        self.threads[-1].start()

    def play(self):
        pki, busy = self.pki, self.busy
        busy.port = int(busy.doc["listeners"][0]["bind"].rpartition(":")[2])
        self.actor(0.3, self.calm_request)
        self.actor(0.2, self.request_of("strict.test", {200}, "/steady/report", cert=pki.client))
        self.actor(1, self.request_of("strict.test", {403}, "/steady/report", cert=pki.bob))
        self.actor(0.3, self.request_of("flexible.test", {200}, "/steady/", cert=pki.client))
        self.actor(0.3, self.request_of("flexible.test", {200}, "/steady/", method="POST", body=b"hello"))
        self.actor(0.2, self.request_of("open.test", {200, 500, 502}, "/flaky/"))
        self.actor(0.5, self.request_of("open.test", {502}, "/refusing/"))
        self.actor(0.5, self.request_of("open.test", {504}, "/silent/"))
        self.actor(0.5, self.request_of("open.test", {200}, "/half/"))
        self.actor(1, self.request_of("open.test", {503}, "/dead/"))
        self.actor(1, self.request_of("open.test", {404}, "/nowhere"))
        for reason, client in (("certificate required", None), ("certificate revoked", pki.revoked), ("unknown ca", pki.stranger)):
            self.actor(1, self.refused("strict.test", reason, client))
        self.actor(1, self.refused("partner.test", "crl", pki.stranger))
        self.actor(1, self.refused("a-name.nowhere", "unrecognized name", None))
        self.actor(2, self.resumed)
        self.actor(0.1, self.surging)
        self.actor(1, self.plain_requests)
        self.actor(0.2, self.expiring)
        self.actor(0.2, self.tunnel)
        self.actor(2, self.good_reload)
        self.actor(2, self.bad_reload)
        self.actor(0.2, self.crowd)
        self.actor(0.2, self.in_flight)

    def request_of(self, sni, statuses, target, **more):
        def request():
            status = get(self.busy.port, sni, self.pki, target, **more).status
            assert status in statuses, (sni, target, status)
        return request

    def refused(self, sni, word, client):
        def refused():
            alert = tls_error(self.busy.port, sni, self.pki, cert=client)
            assert word in alert or word == "crl", (sni, word, alert)
        return refused

    def calm_request(self):
        status = get(self.calm.port, "calm.test", self.pki, cert=self.pki.client).status
        assert status == 200, status

    def resumed(self):
        ctx = context(self.pki, cert=self.pki.client)
        session = None
        for _ in range(3):
            with tls(self.busy.port, "strict.test", ctx=ctx, session=session) as connection:
                connection.request(target="/steady/", host="strict.test")
                assert connection.sock.session_reused == (session is not None)
                session = connection.sock.session

    def surging(self):
        """Expired clients: one in a while, then many."""
        if not self.surge.is_set():
            self.surge.wait(2)
        tls_error(self.busy.port, "strict.test", self.pki, cert=self.pki.expired)

    def plain_requests(self):
        with tcp(self.plain_port) as connection:
            assert connection.request(host="plain.test").status == 200
            connection.send("no request at all\r\n\r\n")
            assert connection.response().status == 400
        with tcp(self.busy.port) as connection:
            assert connection.request().status == 400
        with tls(self.busy.port, "open.test", self.pki) as connection:
            assert connection.request(host="strict.test").status == 421
            assert connection.request("BREW").status == 501

    def expiring(self):
        """A client whose certificate ends while it is connected."""
        brief = self.pki.root.issue("brief", "brief", dns=["brief.clients.example"], days=3 * SECOND)
        with contextlib.suppress(ssl.SSLError), tls(self.busy.port, "strict.test", self.pki, cert=brief) as connection:
            connection.request(target="/steady/", host="strict.test")
            assert connection.is_closed()

    def tunnel(self):
        with tls(self.busy.port, "open.test", self.pki) as connection:
            connection.send(head(target="/steady/chat", fields=UPGRADE))
            assert connection.response().status == 101
            self.ending.wait()

    def good_reload(self):
        result = self.busy.ctl("reload")
        assert result.returncode == 0, result.stdout + result.stderr

    def bad_reload(self):
        (self.folder / "full.key").write_text("no key")
        self.full.write("listeners: [")
        self.full.signal(signal.SIGHUP)

    def crowd(self):
        """As many clients as are admitted, who keep asking; whoever comes on top is closed at once."""
        with contextlib.ExitStack() as stack:
            mine = [stack.enter_context(tls(self.full.port, "full.test", self.pki)) for _ in range(3)]
            while not self.ending.wait(0.2):
                assert all(each.request(host="full.test").status == 200 for each in mine)
                with contextlib.suppress(ssl.SSLError, OSError):
                    tls(self.full.port, "full.test", self.pki).close()
                    raise AssertionError("a fourth client was admitted")

    def in_flight(self):
        """Keeps a daemon that is told to end from ending."""
        with tls(self.drained.port, "leaving.test", self.pki, timeout=None) as connection:
            connection.send(head(host="leaving.test"))
            self.drained.counted(1, "gateway_upstream_connections", state="active")
            self.drained.signal(signal.SIGTERM)
            connection.response()
            self.ending.wait()

    # --- the end ------------------------------------------------------------------------------------------------------------------

    def close(self):
        self.ending.set()
        self.released.set()
        for thread in self.threads:
            thread.join(PATIENCE)
        for running in self.gateways:
            running.stop()
        for origin in self.origins:
            origin.stop()

"""What is measured. The names are those of the table in docs/performance.md."""
from dataclasses import dataclass

KIB, MIB = 1024, 1024 * 1024
# More than a core can shake hands with in a second: none of them may be seen twice.
NEW_CLIENTS_A_SECOND = 5000


@dataclass(frozen=True)
class Scenario:
    unit: str
    what: str
    load: dict  # options of bench_load
    key: str = "ec"
    features: tuple = ()  # that the gateways' configs have: log, identity, no_upstream_keepalive
    handshakes: str = "none"  # that the window must have: none, full, resumed
    mint: str = ""  # clients made for the run: "returning" (1,000) or "new"
    idle: bool = False
    columns: tuple = ()  # variants that are worth a column here, besides the plain ones


def requests(path="/", expect=128, connections=64, **more):
    return {"mode": "keepalive", "connections": connections, "path": path, "expect": expect, **more}


FULL = {"mode": "full", "connections": 32}
VARIANTS = ("ours_tickets", "nginx_notickets")

SCENARIOS = {
    "hs_full_ec": Scenario("handshake", "full handshake, ECDSA P-256, TLS 1.3, 8 clients", FULL, handshakes="full", columns=VARIANTS),
    "hs_full_ec12": Scenario("handshake", "the same with TLS 1.2", {**FULL, "tls": "1.2"}, handshakes="full", columns=VARIANTS),
    "hs_full_rsa": Scenario("handshake", "full handshake, RSA-2048, TLS 1.3", FULL, key="rsa", handshakes="full", columns=VARIANTS),
    "hs_many_ec": Scenario("handshake", "full handshake, 1,000 clients that return", FULL, handshakes="full", mint="returning", columns=VARIANTS),
    "hs_new_ec": Scenario("handshake", "full handshake, each client seen for the first time", FULL, handshakes="full", mint="new",
                          columns=VARIANTS),
    "hs_resume_ec": Scenario("handshake", "resumed handshake, TLS 1.3", {**FULL, "mode": "resume"}, handshakes="resumed", columns=VARIANTS),
    "ka_small": Scenario("request", "GET of 128 bytes, 64 connections that stay", requests()),
    "ka_id": Scenario("request", "the same, the client's identity forwarded", requests(), features=("identity",)),
    "ka_hdr1k": Scenario("request", "the same, 1 KiB of fields more each way", requests("/hdr1k", header_bytes=1024)),
    "ka_log": Scenario("request", "the same, access log in JSON", requests(), features=("log",)),
    "ka_noka": Scenario("request", "the same, an upstream connection for each request", requests(), features=("no_upstream_keepalive",)),
    "dl_64k": Scenario("download", "64 KiB down", requests(f"/bytes/{64 * KIB}", 64 * KIB, 16)),
    "dl_1m": Scenario("download", "1 MiB down", requests(f"/bytes/{MIB}", MIB, 8)),
    "dl_16m": Scenario("download", "16 MiB down", requests(f"/bytes/{16 * MIB}", 16 * MIB, 4)),
    "ul_1m": Scenario("upload", "1 MiB up", requests("/up", 16, 8, upload=MIB)),
    "rate": Scenario("request", "GET of 128 bytes at a fixed rate", requests()),
    "idle": Scenario("connection", "KiB (PSS) of an idle connection, 8 clients", {"mode": "idle"}, idle=True),
    "idle_many": Scenario("connection", "KiB (PSS) of an idle connection, each of another client", {"mode": "idle"}, idle=True, mint="idle"),
}
PLAIN = ("ours", "nginx", "haproxy")

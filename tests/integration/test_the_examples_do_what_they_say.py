"""Each config of conf/ is run as it stands and met by real clients: what its comments say is what happens."""
import hashlib
import re
import ssl

import pytest

from harness import clients
from harness.example import Authority, Example
from harness.gateway import ROOT, ctl
from harness.origin import Origin, answer
from harness.schema import YAMLS, faults
from harness.waiting import eventually

EXAMPLES = sorted(path.name for path in (ROOT / "conf").glob("*.yaml"))
RUN_HERE = {"edge.yaml", "example.yaml", "sidecar.yaml", "three-modes.yaml", "tls-termination.yaml"}
HOSTS = ["open.localhost", "flexible.localhost", "strict.localhost", "example.com", "*.example.com"]


@pytest.fixture(scope="module")
def pki(tmp_path_factory):
    """The partners' CA, which also made the server's certificate, and in `others` the staff's and a foreign one."""
    folder = tmp_path_factory.mktemp("pki")
    ca = Authority(folder / "pki", "Partners CA")
    ca.issue("server", "--server", *[part for host in HOSTS for part in ("--dns", host)])
    ca.alice = ca.issue("alice", "--client", "--dns", "alice.partner.example")
    ca.orders = ca.issue("orders", "--client", "--dns", "orders.acme.partner.example")
    ca.ended = ca.issue("ended", "--client", "--dns", "old.partner.example")
    ca.batch = ca.issue("batch", "--client", "--uri", "spiffe://corp.example/batch/nightly")
    ca.laptop = ca.issue("laptop", "--client", "--dns", "laptop.partner.example")
    ca.gone = ca.issue("gone", "--client", "--dns", "gone.partner.example")
    ca.revoke("gone")
    ca.staff = Authority(folder / "staff", "Staff CA")
    ca.bob = ca.staff.issue("bob", "--client", "--cn", "bob")
    ca.foreign = Authority(folder / "foreign", "Foreign CA").issue("mallory", "--client", "--dns", "alice.partner.example")
    return ca


@pytest.fixture
def run(pki):
    """run(name, origins by port) starts an example; what it started ends with the test."""
    started = []

    def start(name, upstreams=None, **options):
        environment = {"PKI": str(pki.folder), "STAFF_PKI": str(pki.staff.folder)}
        addresses = {port: origin.address for port, origin in (upstreams or {}).items()}
        started.append(Example(name, upstreams=addresses, environment=environment, **options))
        return started[-1].start()

    yield start
    for each in started:
        each.stop()


def curl(running, pki, host, path="/", *arguments, cert=None, port=8443, scheme="https"):
    return clients.curl(running.ports[port], host, pki, *arguments, cert=cert, path=path, scheme=scheme)


def refused(running, pki, host, cert=None):
    """The alert that ends the handshake of this client."""
    return clients.tls_error(running.ports[8443], host, pki, cert=cert)


def test_every_example_is_run_here_or_by_the_demo():
    assert set(EXAMPLES) == RUN_HERE | {"demo.yaml"}


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_passes_the_check_and_the_schema_it_names(name, pki):
    path = ROOT / "conf" / name
    result = ctl("check", str(path), env={"PKI": str(pki.folder), "DEMO_PKI": str(pki.folder), "STAFF_PKI": str(pki.staff.folder)})
    assert result.returncode == 0 and "warning" not in result.stderr, result.stderr
    text = path.read_text()
    assert text.startswith("# yaml-language-server: $schema=./gateway.schema.json\n") and (path.parent / "gateway.schema.json").exists()
    for reader in YAMLS:
        assert faults(text, reader) == []


def test_the_sidecar_lets_only_clients_of_its_ca_through_and_tells_the_api_who(run, origin, pki):
    api = origin()
    running = run("sidecar.yaml", {8080: api})
    assert curl(running, pki, "api.example.com", "/v1", "-H", "Client-Cert: forged", cert=pki.alice).status == 200
    told = api.last().all("client-cert")
    assert len(told) == 1 and told[0].startswith(":") and "forged" not in told[0]
    assert "certificate required" in refused(running, pki, "api.example.com")
    assert "unknown ca" in refused(running, pki, "api.example.com", pki.foreign)
    assert "certificate revoked" in refused(running, pki, "api.example.com", pki.gone)
    # The default host answers to any name, and to none.
    for sni in ("other.example.com", None):
        with clients.tls(running.ports[8443], sni, pki, cert=pki.alice) as connection:
            assert connection.request(host="10.1.2.3").status == 200
    assert len(api.requests) == 3
    assert running.ports[9145] and curl(running, pki, "127.0.0.1", "/healthz", port=9145, scheme="http").status == 200


def test_plain_termination_asks_for_no_certificate_and_redirects_http(run, origin, pki):
    site = origin()
    running = run("tls-termination.yaml", {3000: site})
    for host in ("www.example.com", "example.com"):
        assert curl(running, pki, host, "/a").status == 200
    request = site.last()
    assert (request.get("x-forwarded-for"), request.get("x-forwarded-proto"), request.get("x-forwarded-host")) == \
        ("127.0.0.1", "https", f"example.com:{running.ports[8443]}")
    assert request.get("x-tls-version") == "TLSv1.3"
    asked = clients.s_client(running.ports[8443], "www.example.com", pki)
    assert "No client certificate CA names sent" in asked.output and asked.status == 200
    assert curl(running, pki, "www.example.com", "/status").output == "up\n"
    plain = curl(running, pki, "www.example.com", "/a?b", "-D", "-", port=8080, scheme="http")
    assert plain.status == 308 and f"https://www.example.com:{running.ports[8443]}/a?b" in plain.output
    with clients.tls(running.ports[8443], "www.example.com", pki) as connection:
        connection.send(f"POST /upload/x HTTP/1.1\r\nHost: www.example.com\r\nContent-Length: {(20 << 20) + 1}\r\n\r\n")
        assert connection.response().status == 413
    old = clients.context(pki, seclevel=0)
    old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_1
    with pytest.raises(ssl.SSLError):
        clients.tls(running.ports[8443], "www.example.com", ctx=old)
    eventually(lambda: '"reason":"protocol_version"' in running.stdout(), "the log names the version that is too old")


def test_three_modes_of_one_api_share_its_routes(run, tmp_path_factory, pki):
    running = Example("three-modes.yaml", environment={"PKI": str(pki.folder)})
    api = Origin(unix=running.folder / "run/api.sock")
    try:
        running.start()
        xfcc = []

        def ask(host, method="GET", cert=None):
            answered = curl(running, pki, host, "/items", "-X", method, cert=cert)
            if answered.status == 200:
                xfcc.append(bool(api.last().get("x-forwarded-client-cert")))
            return answered.status

        assert [ask("legacy.example.com"), ask("legacy.example.com", "POST"), ask("legacy.example.com", cert=pki.alice)] == [200, 200, 200]
        assert xfcc == [False] * 3  # nobody is asked for a certificate, so there is none to tell of
        assert [ask("api.example.com"), ask("api.example.com", "POST"), ask("api.example.com", "POST", pki.alice)] == [200, 403, 200]
        assert xfcc[3:] == [False, True]
        assert "unknown ca" in refused(running, pki, "api.example.com", pki.foreign)
        assert ask("secure.example.com", cert=pki.alice) == 200 and xfcc[-1]
        for host in ("secure.example.com", "nobody.example.com"):
            assert "certificate required" in refused(running, pki, host)
        for host in ("legacy.example.com", "api.example.com", "secure.example.com"):
            assert curl(running, pki, host, "/healthz", cert=pki.alice).output == "ok\n"
    finally:
        running.stop()
        api.stop()


def test_the_edge_gives_each_host_its_own_mode_and_cas(run, origin, pki):
    shop, shop_api = origin(), origin()
    running = run("edge.yaml", {3000: shop, 3001: shop_api})

    def ask(host, path="/", method="GET", cert=None, *more):
        return curl(running, pki, host, path, "-X", method, *more, cert=cert).status

    # shop: anybody; the longest path wins.
    assert ask("www.example.com") == 200 and shop.last().get("host").startswith("www.example.com")
    assert ask("shop.example.com", "/api/cart") == 200 and shop_api.last().target == "/api/cart"
    # partners: certificates of the partners' CA, and the policy.
    assert "certificate required" in refused(running, pki, "partners.example.com")
    assert "unknown ca" in refused(running, pki, "partners.example.com", pki.bob)
    assert ask("partners.example.com", "/v1/stock", "GET", pki.alice) == 200
    told = shop_api.last()
    assert (told.get("x-partner"), told.get("x-rule")) == ("alice.partner.example", "partners-read") and told.get("client-cert")
    assert ask("partners.example.com", "/v1/stock", "POST", pki.alice) == 403
    assert ask("partners.example.com", "/v1/orders/7", "POST", pki.orders) == 200 and shop_api.last().get("x-rule") == "acme-orders"
    assert ask("partners.example.com", "/v1/stock", "GET", pki.ended) == 403
    assert ask("partners.example.com", "/v2", "GET", pki.alice) == 404
    # wiki: anybody reads, staff edits.
    assert ask("wiki.example.com") == 200 and not shop.last().get("x-user")
    assert ask("wiki.example.com", "/", "PUT") == 403
    assert ask("wiki.example.com", "/", "PUT", pki.bob) == 200 and shop.last().get("x-user") == "bob"
    assert "unknown ca" in refused(running, pki, "wiki.example.com", pki.alice)
    # strangers: 404, and nothing behind it.

    def asked():
        return [request.target for request in shop.requests + shop_api.requests if request.target != "/healthz"]

    before = asked()
    stranger = curl(running, pki, "unknown.example.com")
    assert (stranger.status, stranger.output) == (404, "nothing here\n")
    assert asked() == before


def test_the_edge_redirects_plain_http_and_believes_only_its_proxies(run, origin, pki):
    shop = origin()
    running = run("edge.yaml", {3000: shop, 3001: origin()})
    moved = curl(running, pki, "www.example.com", "/a", "-D", "-", port=8080, scheme="http")
    assert moved.status == 308 and f"location: https://www.example.com:{running.ports[8443]}/a" in moved.output.lower()
    assert curl(running, pki, "health.internal", port=8080, scheme="http").output == "ok\n"
    forged = ["-H", "X-Forwarded-For: 198.51.100.7"]
    assert curl(running, pki, "www.example.com", "/", *forged).status == 200
    assert shop.last().get("x-forwarded-for") == "127.0.0.1"


def test_the_edge_keeps_what_its_proxies_say(run, origin, pki):
    shop = origin()
    we_call_from = "  - 127.0.0.0/8\n"
    running = run("edge.yaml", {3000: shop, 3001: origin()}, change=lambda text: text.replace("  - 10.0.0.0/8\n", we_call_from))
    assert curl(running, pki, "www.example.com", "/", "-H", "X-Forwarded-For: 198.51.100.7").status == 200
    assert shop.last().get("x-forwarded-for") == "198.51.100.7, 127.0.0.1"


def test_the_full_example_does_what_its_comments_say(run, origin, pki):
    one, two = origin(lambda exchange: answer(body="one")), origin(lambda exchange: answer(body="two"))
    lost = hashlib.sha256(ssl.PEM_cert_to_DER_cert(re.search(r"-----BEGIN.*?END CERTIFICATE-----\n", pki.laptop.pem.read_text(), re.S)[0]))
    running = run("example.yaml", {9000: one, 9001: two}, change=lambda text: re.sub(r"sha256:[0-9a-f]{64}", f"sha256:{lost.hexdigest()}", text))

    def ask(path="/", method="GET", cert=None, *more):
        return curl(running, pki, "payments.example.com", path, "-X", method, *more, cert=cert)

    assert {ask(cert=pki.alice).output for _ in range(4)} == {"one", "two"}
    forged = ["-H", "X-SSL-Client-Verify: SUCCESS", "-H", "X-SSL-Client-S-DN: CN=admin", "-H", "X-Debug: 1"]
    assert ask("/x", "GET", pki.alice, *forged).status == 200
    request = next(r for r in one.requests + two.requests if r.target == "/x")
    assert (request.all("x-ssl-client-verify"), request.all("x-ssl-client-s-dn"), request.all("x-debug")) == (["SUCCESS"], ["CN=alice"], [])
    assert request.get("client-cert") and "alice.partner.example" in request.get("x-forwarded-client-cert")
    assert ask("/v1/reports/7", "GET", pki.batch).status == 200
    assert ask("/v1/reports/7", "POST", pki.batch).status == 403
    assert ask("/v1/other", "GET", pki.batch).status == 403
    assert ask("/", "GET", pki.laptop).status == 403
    assert ask("/healthz", "GET", pki.alice).output == "ok\n"
    assert "certificate required" in refused(running, pki, "payments.example.com")
    moved = curl(running, pki, "payments.example.com", port=8080, scheme="http")
    assert moved.status == 308
    for rule in ("batch-read-only", "partners", "lost-laptop"):
        eventually(lambda: f'"rule":"{rule}"' in running.stdout(), f"the log names {rule}")

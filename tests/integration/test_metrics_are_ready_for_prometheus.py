"""/metrics, /healthz, /readyz: what is promised is there, promtool and a real Prometheus take it, and no client can grow it."""
import datetime
import json
import signal
import subprocess
import threading
import time
import urllib.request

import pytest
from cryptography import x509

from harness.clients import context, get, head, tls, tls_error
from harness.config import document, virtual_host
from harness.waiting import PATIENCE, eventually, free_port

PROMISED = {
    "gateway_tls_handshakes_total": {"virtual_host", "client_auth", "outcome", "reason", "tls_version", "resumed"},
    "gateway_policy_decisions_total": {"virtual_host", "policy", "rule", "decision"},
    "gateway_http_requests_total": {"virtual_host", "method", "status"},
    "gateway_http_requests_by_client_total": {"virtual_host", "client"},
    "gateway_crl_next_update_timestamp_seconds": {"trust", "issuer"},
    "gateway_crl_refusal_timestamp_seconds": {"trust", "issuer"},
    "gateway_config_reloads_total": {"trigger", "result"},
    "gateway_rotation_stale": {"item", "name"},
    "gateway_rotations_total": {"item", "result"},
    "gateway_draining": set(),
    "gateway_workers_answering": set(),
    "gateway_upstream_requests_total": {"upstream", "endpoint", "outcome"},
    "gateway_upstream_connections": {"upstream", "endpoint", "state"},
    "gateway_upstream_connects_total": {"upstream", "endpoint"},
    "gateway_upstream_reuses_total": {"upstream", "endpoint"},
    "gateway_client_connections": set(),
    "gateway_certificate_not_after_timestamp_seconds": {"virtual_host", "kind", "subject"},
    "gateway_config_generation": set(),
    "gateway_config_last_reload_success": set(),
    "gateway_config_last_reload_timestamp_seconds": set(),
    "gateway_build_info": set(),
}
HISTOGRAMS = ["gateway_tls_handshake_duration_seconds", "gateway_http_request_duration_seconds", "gateway_upstream_response_duration_seconds"]


@pytest.fixture
def busy(pki, gateway, origin):
    """A gateway that has seen some of everything."""
    behind = origin()
    running = gateway(document(pki, virtual_host(pki, "strict", "strict", policy="p"), virtual_host(pki, "open"), origins=[behind.address],
                               policies={"p": {"rules": [{"name": "r", "effect": "allow", "when": {"cn": "alice"}}]}}))
    for _ in range(3):
        get(running.port, "open.test", pki)
    get(running.port, "strict.test", pki, cert=pki.client)
    get(running.port, "strict.test", pki, cert=pki.bob)
    tls_error(running.port, "strict.test", pki)
    running.counted(1, "gateway_tls_handshakes_total", reason="no_certificate")
    return running


def test_the_promised_series_have_the_promised_labels(busy, pki):
    samples = busy.samples()
    for name, labels in PROMISED.items():
        found = [has for series, has, _ in samples if series == name]
        assert found, f"{name} is missing"
        assert all(labels <= set(has) for has in found), f"{name} has {found[0]}"
    for name in HISTOGRAMS:
        assert {name + suffix for suffix in ("_bucket", "_sum", "_count")} <= {series for series, _, _ in samples}
    assert busy.metric("gateway_tls_handshakes_total", virtual_host="open", outcome="success", tls_version="TLSv1.3", client_auth="off") == 3
    assert busy.metric("gateway_http_requests_total", virtual_host="strict", method="GET", status="403") == 1
    assert busy.metric("gateway_http_requests_total", virtual_host="open", method="GET", status="200") == 3
    server = busy.metric("gateway_certificate_not_after_timestamp_seconds", virtual_host="open", kind="server")
    assert abs(server - pki.server.certificate.not_valid_after.replace(tzinfo=datetime.timezone.utc).timestamp()) < 2


def test_full_resumed_and_failed_handshakes_are_timed_apart(busy, pki):
    def timed(**labels):
        return busy.metric("gateway_tls_handshake_duration_seconds_count", virtual_host="strict", **labels)

    assert timed(outcome="success", resumed="false") == 2 and timed(resumed="true") == 0 and timed(outcome="failure") == 1
    # TLS 1.2 has its ticket before the handshake ends.
    ctx = context(pki, cert=pki.client, version="1.2")
    with tls(busy.port, "strict.test", ctx=ctx) as first:
        first.request(host="strict.test")
        session = first.sock.session
    with tls(busy.port, "strict.test", ctx=ctx, session=session) as second:
        assert second.request(host="strict.test").status == 200 and second.sock.session_reused
    busy.counted(1, "gateway_tls_handshake_duration_seconds_count", virtual_host="strict", outcome="success", resumed="true")
    assert timed(outcome="success", resumed="false") == 3 and timed(outcome="failure") == 1


def test_requests_of_verified_and_anonymous_clients_are_counted_apart(busy, pki):
    def counted(host, client):
        return busy.metric("gateway_http_requests_by_client_total", virtual_host=host, client=client)

    assert counted("open", "anonymous") == 3 and counted("open", "verified") == 0
    assert counted("strict", "verified") == 2 and counted("strict", "anonymous") == 0
    with tls(busy.port, "open.test", pki) as connection:
        connection.send("not http\r\n\r\n")
        assert connection.response().status == 400
    busy.counted(4, "gateway_http_requests_by_client_total", virtual_host="open", client="anonymous")


def test_the_time_of_an_upstream_is_the_one_to_its_response_head(pki, gateway, origin):
    released = threading.Event()

    def late_body(exchange):
        exchange.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n")
        released.wait(PATIENCE)
        exchange.send("ok")

    running = gateway(document(pki, virtual_host(pki, "open"), origins=[origin(late_body).address]))
    with tls(running.port, "open.test", pki) as connection:
        connection.send(head())
        running.counted(1, "gateway_upstream_response_duration_seconds_count", upstream="origin")
        assert running.metric("gateway_http_requests_total") == 0
        released.set()
        assert connection.response().status == 200


def test_reloads_are_counted_by_what_asked_for_them_and_how_they_ended(busy):
    def reloads(trigger, result):
        return busy.metric("gateway_config_reloads_total", trigger=trigger, result=result)

    assert reloads("start", "reloaded") == 1 and reloads("admin", "refused") == 0
    good = busy.config.read_text()
    busy.write("nonsense: [")
    assert busy.ctl("reload").returncode != 0
    assert reloads("admin", "refused") == 1 and reloads("admin", "reloaded") == 0
    busy.write(good)
    busy.signal(signal.SIGHUP)
    busy.counted(1, "gateway_config_reloads_total", trigger="signal", result="reloaded")


def test_the_end_of_each_crl_is_told_and_the_daemon_says_that_it_drains(busy, pki):
    issuer = pki.root.certificate.subject.rfc4514_string()
    due = busy.metric("gateway_crl_next_update_timestamp_seconds", trust="clients", issuer=issuer)
    told = x509.load_pem_x509_crl(pki.crl.read_bytes()).next_update.replace(tzinfo=datetime.timezone.utc).timestamp()
    assert due == told
    assert busy.metric("gateway_draining") == 0 and busy.metric("gateway_workers_answering") == busy.metric("gateway_workers") == 1
    with tls(busy.port, "open.test", pki) as connection:
        connection.send("GET / HTTP/1.1\r\nHost: open.test\r\nContent-Length: 2\r\n\r\n")
        busy.counted(1, "gateway_upstream_connections", state="active")
        busy.signal(signal.SIGTERM)
        busy.counted(1, "gateway_draining")
        connection.send("ok")
        assert connection.response().status == 200
    assert busy.wait() == 0


def test_promtool_finds_nothing_to_complain_of(busy):
    text = busy.admin("/metrics")[1]
    checked = subprocess.run(["/usr/bin/promtool", "check", "metrics"], input=text, capture_output=True, text=True)
    assert checked.returncode == 0 and not checked.stderr.strip(), checked.stderr


def test_success_series_exist_before_the_first_request(pki, gateway, origin):
    running = gateway(document(pki, virtual_host(pki, "open"), origins=[origin().address]))
    assert any(name == "gateway_tls_handshakes_total" and labels["virtual_host"] == "open" and labels["outcome"] == "success"
               for name, labels, _ in running.samples())


def test_no_label_takes_a_value_that_a_client_chooses(busy, pki):
    def series():
        return {(name, tuple(sorted(labels.items()))) for name, labels, _ in busy.samples()}

    tls_error(busy.port, "a-name.nowhere", pki)
    with tls(busy.port, "open.test", pki) as connection:
        connection.request("XYZZY", "/")
    eventually(lambda: busy.metric("gateway_http_requests_total", method="OTHER") >= 1, "an unknown method is OTHER")
    busy.counted(1, "gateway_tls_handshakes_total", reason="unrecognized_name")
    before = series()
    for index in range(20):
        tls_error(busy.port, f"name-{index}.nowhere", pki)
        with tls(busy.port, "open.test", pki) as connection:
            connection.request(f"M{index}", f"/path-{index}", fields=[("X-Request-Id", str(index))])
    busy.counted(21, "gateway_tls_handshakes_total", reason="unrecognized_name")
    assert series() == before


def test_healthz_and_readyz_answer(busy):
    assert busy.admin("/healthz")[0] == 200 and busy.admin("/readyz")[0] == 200
    assert busy.admin("/nothing")[0] == 404


@pytest.mark.slow
def test_a_real_prometheus_scrapes_it(busy, tmp_path):
    port = free_port()
    (tmp_path / "prometheus.yml").write_text(json.dumps({
        "global": {"scrape_interval": "1s"}, "scrape_configs": [{"job_name": "gateway", "static_configs": [{"targets": [f"127.0.0.1:{busy.admin_port}"]}]}]}))
    prometheus = subprocess.Popen(["/usr/bin/prometheus", f"--config.file={tmp_path}/prometheus.yml", f"--storage.tsdb.path={tmp_path}/data",
                                   f"--web.listen-address=127.0.0.1:{port}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def queried(query):
        url = f"http://127.0.0.1:{port}/api/v1/query?query={query}&time={time.time()}"
        try:
            with urllib.request.urlopen(url, timeout=5) as reply:
                return json.load(reply)["data"]["result"]
        except OSError:
            return None

    try:
        found = eventually(lambda: queried("sum(gateway_http_requests_total)"), "Prometheus has the series", timeout=60)
        assert float(found[0]["value"][1]) >= 5
        assert queried("up")[0]["value"][1] == "1"
    finally:
        prometheus.terminate()
        prometheus.wait(30)

"""A real Prometheus scrapes real gateways under a load that causes what panels show and alerts are for: every panel's query has series and
no NaN, every alert fires, and none fires for the gateway to which nothing happens."""
import math
import tempfile
import time
from pathlib import Path

import pytest

from harness.monitoring import alerts, dashboard, panels
from harness.pki import Pki
from harness.waiting import eventually
from hung_thread import HungWorker
from real_prometheus import Prometheus, as_grafana_sends_it, instance_of
from scene import Scene

QUERIES = [(panel["title"], target["expr"]) for panel in panels() for target in panel["targets"]]


@pytest.fixture(scope="module")
def prometheus():
    running = Prometheus()
    yield running
    running.stop()


@pytest.fixture(scope="module")
def scene(prometheus):
    """Everything under way for as long as the slowest alert needs."""
    # Nothing to scrape yet: that is what GatewayAbsent is for.
    eventually(lambda: prometheus.fires("GatewayAbsent"), "GatewayAbsent fires", timeout=60)
    with tempfile.TemporaryDirectory(prefix="gw-pki-") as folder:
        made = Scene(Pki(Path(folder)), Path(folder))
        hung = None
        try:
            made.begin()
            for running in made.gateways:
                prometheus.target(running, slow=running is made.hanging)
            made.play()
            hung = HungWorker(made.hanging)
            restart_again_and_again(made.restarting, prometheus)
            yield made
        finally:
            if hung:
                hung.close()
            made.close()


def restart_again_and_again(running, prometheus):
    """New processes in a row until that is noticed, and then none."""
    instance = instance_of(running)
    began = f'process_start_time_seconds{{instance="{instance}"}}'
    for _ in range(12):
        before = eventually(lambda: prometheus.value(began), f"{began} is scraped")
        running.process.terminate()
        running.wait()
        running.start()
        eventually(lambda: prometheus.value(began) not in (None, before), "the new process is scraped")
        if prometheus.fires("GatewayRestarting", instance=instance):
            break
    running.process.terminate()
    running.wait()


def test_every_alert_fires_for_what_it_is_there_for(scene, prometheus):
    # The day's average must be known before there can be a surge.
    eventually(lambda: prometheus.value("time() - process_start_time_seconds{job='gatewayd'} > 30") and not prometheus.fires(
        "GatewayHandshakeFailureSurge", reason="expired"), "a few expired clients are nothing new", timeout=120)
    scene.surge.set()
    eventually(lambda: prometheus.fires("GatewayHandshakeFailureSurge", virtual_host="strict", reason="expired"), "the surge is noticed",
               timeout=60)
    expected = set(alerts())
    try:
        eventually(lambda: {each["alertname"] for each in prometheus.fired()} == expected, "every alert has fired", timeout=150)
    except AssertionError as error:
        missing = expected - {each["alertname"] for each in prometheus.fired()}
        raise AssertionError(f"{error}; not yet: {missing}; surprises: {scene.surprises}") from None
    assert not scene.surprises, "\n".join(scene.surprises)


def test_the_alerts_name_what_is_wrong(scene, prometheus):
    fired = prometheus.fired()

    def found(name, **labels):
        return any(each["alertname"] == name and all(each.get(key) == value for key, value in labels.items()) for each in fired)

    assert found("GatewayDown", instance=instance_of(scene.restarting))
    assert found("GatewayRestarting", instance=instance_of(scene.restarting))
    assert found("GatewayWorkerHung", instance=instance_of(scene.hanging))
    assert found("GatewayFilesStale", item="certificate", name="full", instance=instance_of(scene.full))
    assert found("GatewayDraining", instance=instance_of(scene.drained))
    assert found("GatewayReloadFailed", instance=instance_of(scene.full))
    assert found("GatewayLogLinesDropped", instance=instance_of(scene.full))
    assert found("GatewayConnectionsRefused", instance=instance_of(scene.full), reason="connection_limit")
    assert found("GatewayCertificateExpiresIn14Days", virtual_host="strict", kind="server", subject="CN=strict")
    assert found("GatewayCertificateExpiresIn7Days", virtual_host="flexible", kind="server", subject="CN=flexible")
    assert found("GatewayCrlDueSoon", trust="clients") and found("GatewayCrlExpired", trust="others")
    assert found("GatewayAnonymousOnStrictHost", virtual_host="strict") and found("GatewayAnonymousShare", virtual_host="flexible")
    assert not found("GatewayAnonymousShare", virtual_host="open") and not found("GatewayAnonymousShare", virtual_host="strict")
    assert found("GatewayServerErrors", virtual_host="open") and not found("GatewayServerErrors", virtual_host="strict")
    assert {each["upstream"] for each in fired if each["alertname"] == "GatewayUpstreamErrors"} == {"flaky", "refusing", "silent"}
    assert {each["upstream"] for each in fired if each["alertname"] == "GatewayUpstreamDown"} == {"dead"}
    assert {each["upstream"] for each in fired if each["alertname"] == "GatewayEndpointUnhealthy"} == {"dead", "half"}


def test_no_alert_fires_for_the_gateway_to_which_nothing_happens(scene, prometheus):
    calm = instance_of(scene.calm)
    assert prometheus.value(f'gateway_http_requests_total{{instance="{calm}", status="200"}}') > 50
    concerned = [each for each in prometheus.fired() if {calm, "calm"} & set(each.values())]
    assert concerned == []


def sound(series):
    return bool(series) and not any(math.isnan(value) or math.isinf(value) for _, value in series)


@pytest.mark.parametrize("title, expr", QUERIES, ids=[f"{title}-{index}" for index, (title, _) in enumerate(QUERIES)])
def test_a_panel_has_series_and_no_nan(scene, prometheus, title, expr):
    sent = as_grafana_sends_it(expr)
    series = prometheus.query(sent)
    assert sound(series), (sent, series)
    # A line at 0 could as well be a metric that nobody counts. Only the worst of "was the last reload taken" is to be 0 here.
    assert any(value != 0 for _, value in series) or title == "Last reload", (sent, series)
    chosen = as_grafana_sends_it(expr, job=["gatewayd"], virtual_host=["strict", "flexible", "open"], upstream=["steady", "flaky", "dead"])
    assert sound(prometheus.query(chosen)), chosen


def test_a_panels_range_query_has_no_nan_either(scene, prometheus):
    now = time.time()
    for title, expr in QUERIES:
        answer = prometheus.get("query_range", query=as_grafana_sends_it(expr), start=now - 60, end=now, step=5)
        values = [float(value) for series in answer["result"] for _, value in series["values"]]
        assert values and not any(math.isnan(value) for value in values), title


@pytest.mark.parametrize("variable", dashboard()["templating"]["list"][1:], ids=lambda each: each["name"])
def test_a_variable_offers_values(scene, prometheus, variable):
    inside = as_grafana_sends_it(variable["query"]["query"].removeprefix("label_values(").removesuffix(")"))
    selector, _, label = inside.rpartition(", ")
    offered = prometheus.get(f"label/{label}/values", **{"match[]": selector})
    known = {"job": "gatewayd", "instance": instance_of(scene.calm), "virtual_host": "strict", "upstream": "steady"}
    assert known[variable["name"]] in offered

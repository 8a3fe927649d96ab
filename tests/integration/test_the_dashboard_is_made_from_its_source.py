"""deploy/grafana: the JSON is what the generator writes, can be imported, and asks for nothing that the gateway does not export."""
import itertools
import re
import subprocess
import sys

import pytest
import yaml

from harness.gateway import ROOT
from harness.monitoring import GRAFANA, dashboard, documented_metrics, metrics_in, panels

RANGE = re.compile(r"\[([^\]]*)\]")
VARIABLE = re.compile(r"\$(\w+)|\$\{(\w+)\}")
UNITS = {"none", "short", "s", "d", "ops", "reqps", "Bps", "bytes", "percentunit"}


def queries():
    return [target["expr"] for panel in panels() for target in panel["targets"]]


def generator(*arguments, hash_seed="0"):
    return subprocess.run([sys.executable, "-B", str(GRAFANA / "dashboard.py"), *arguments], capture_output=True, text=True, timeout=30,
                          env={"PYTHONHASHSEED": hash_seed})


@pytest.mark.parametrize("seed", ["1", "2"])
def test_the_json_is_what_its_source_makes(seed):
    checked = generator("--check", hash_seed=seed)
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_the_check_notices_a_change_by_hand(tmp_path):
    for name in ("dashboard.py", "panels.py", "dashboard.json"):
        (tmp_path / name).write_bytes((GRAFANA / name).read_bytes())
    with open(tmp_path / "dashboard.json", "a") as file:
        file.write(" ")
    checked = subprocess.run([sys.executable, "-B", str(tmp_path / "dashboard.py"), "--check"], capture_output=True, text=True, timeout=30)
    assert checked.returncode == 1 and "out of date" in checked.stdout


def test_it_can_be_imported_into_any_grafana():
    document = dashboard()
    assert document["uid"] == "mtls-gateway" and document["id"] is None and document["schemaVersion"] == 39
    inputs = [(each["name"], each["type"], each["pluginId"]) for each in document["__inputs"]]
    assert inputs == [("DS_PROMETHEUS", "datasource", "prometheus")]
    first = document["templating"]["list"][0]
    assert first["name"] == "datasource" and first["type"] == "datasource" and first["current"]["value"] == "${DS_PROMETHEUS}"
    asks = [panel["datasource"] for panel in panels()] + [target["datasource"] for panel in panels() for target in panel["targets"]]
    asks += [variable["datasource"] for variable in document["templating"]["list"][1:]]
    assert all(each == {"type": "prometheus", "uid": "${datasource}"} for each in asks)
    used = {panel["type"] for panel in panels()}
    assert used == {each["id"] for each in document["__requires"] if each["type"] == "panel"}


def test_panels_have_ids_and_places_of_their_own():
    everything = dashboard()["panels"]
    assert len({panel["id"] for panel in everything}) == len(everything) > 40
    for one, other in itertools.combinations([panel["gridPos"] for panel in everything], 2):
        apart = (one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"] or one["y"] + one["h"] <= other["y"]
                 or other["y"] + other["h"] <= one["y"])
        assert apart, (one, other)
    assert all(panel["gridPos"]["x"] + panel["gridPos"]["w"] <= 24 for panel in everything)


def test_each_panel_says_what_it_shows_and_in_which_unit():
    for panel in panels():
        assert panel["title"] and panel["description"], panel["title"]
        units = {panel["fieldConfig"]["defaults"]["unit"]}
        units |= {item["value"] for each in panel["fieldConfig"]["overrides"] for item in each["properties"] if item["id"] == "unit"}
        assert units <= UNITS, (panel["title"], units)
    titles = [panel["title"] for panel in panels()]
    assert len(set(titles)) == len(titles)


def test_each_query_is_narrowed_by_the_variables_and_takes_the_ranges_of_grafana():
    names = {variable["name"] for variable in dashboard()["templating"]["list"]}
    for expr in queries():
        for name in metrics_in(expr):
            selectors = re.findall(rf"\b{name}\b(\{{[^}}]*\}})?", expr)
            assert all('job=~"$job"' in each and 'instance=~"$instance"' in each for each in selectors), (name, expr)
        assert set(RANGE.findall(expr)) <= {"$__rate_interval", "$__range"}, expr
        used = {match[1] or match[2] for match in VARIABLE.finditer(expr)}
        assert used <= names | {"__rate_interval", "__range"}, expr


def test_the_queries_speak_of_documented_metrics_only_and_leave_out_none():
    used = set().union(*map(metrics_in, queries()))
    for variable in dashboard()["templating"]["list"][1:]:
        used |= metrics_in(variable["query"]["query"])
    documented = documented_metrics()
    assert used <= documented, used - documented
    families = {re.sub(r"_(bucket|sum|count)$", "", name) for name in documented}
    shown = {re.sub(r"_(bucket|sum|count)$", "", name) for name in used}
    # They stand in the alerts, or tell nothing over time.
    assert families - shown == {"gateway_crl_fetch_failing", "gateway_crl_pending", "gateway_crl_refusal_timestamp_seconds", "gateway_ocsp_staple_valid",
                                "process_start_time_seconds", "process_virtual_memory_bytes"}


def test_provisioning_finds_the_data_source_and_the_dashboard():
    source = yaml.safe_load((GRAFANA / "provisioning/datasources/prometheus.yaml").read_text())["datasources"][0]
    assert source["type"] == "prometheus" and source["isDefault"]
    scrape = yaml.safe_load((ROOT / "deploy/prometheus/prometheus.yml").read_text())["global"]["scrape_interval"]
    assert source["jsonData"]["timeInterval"] == scrape
    provider = yaml.safe_load((GRAFANA / "provisioning/dashboards/gateway.yaml").read_text())["providers"][0]
    assert provider["type"] == "file" and provider["options"]["path"].startswith("/")

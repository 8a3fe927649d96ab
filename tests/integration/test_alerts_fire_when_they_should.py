"""deploy/prometheus: rules that promtool accepts, each alert shown to fire and to keep quiet, and each leading to its runbook."""
import shutil
import subprocess

import pytest
import yaml

from harness.monitoring import PROMETHEUS, alerts, documented_metrics, metrics_in, rules

PROMTOOL = "/usr/bin/promtool"


def promtool(*arguments, folder=PROMETHEUS):
    return subprocess.run([PROMTOOL, *arguments], cwd=folder, capture_output=True, text=True, timeout=60)


def test_promtool_accepts_the_configuration_and_the_rules():
    for arguments in (("check", "config", "prometheus.yml"), ("check", "rules", "alerts.yaml")):
        checked = promtool(*arguments)
        assert checked.returncode == 0, checked.stdout + checked.stderr


def test_the_alerts_pass_their_unit_tests():
    tested = promtool("test", "rules", "alerts_test.yaml")
    assert tested.returncode == 0, tested.stdout + tested.stderr


def test_the_unit_tests_notice_an_alert_that_never_fires(tmp_path):
    shutil.copytree(PROMETHEUS, tmp_path, dirs_exist_ok=True)
    document = yaml.safe_load((PROMETHEUS / "alerts.yaml").read_text())
    for group in document["groups"]:
        for rule in group["rules"]:
            rule["expr"] = "vector(0) > 1"
    (tmp_path / "alerts.yaml").write_text(yaml.safe_dump(document))
    tested = promtool("test", "rules", "alerts_test.yaml", folder=tmp_path)
    assert tested.returncode != 0
    assert [name for name in alerts() if f"alertname: {name}," not in tested.stdout + tested.stderr] == []


def test_each_alert_is_shown_to_fire_and_to_keep_quiet():
    fires, quiet = set(), set()
    for test in yaml.safe_load((PROMETHEUS / "alerts_test.yaml").read_text())["tests"]:
        for check in test["alert_rule_test"]:
            (fires if check["exp_alerts"] else quiet).add(check["alertname"])
    assert fires == quiet == set(alerts())


@pytest.mark.parametrize("name", sorted(alerts()))
def test_an_alert_says_how_bad_it_is_and_where_to_read_on(name):
    alert = alerts()[name]
    assert alert["labels"]["severity"] in ("critical", "warning", "info")
    assert alert["annotations"]["runbook"] == f"docs/operations.md#alert-{name.lower()}"
    assert alert["annotations"]["summary"] and alert["annotations"]["description"]


def test_the_rules_speak_of_documented_metrics_only():
    used = set().union(*(metrics_in(rule["expr"]) for rule in rules()))
    assert len(used) > 10 and used <= documented_metrics(), used - documented_metrics()

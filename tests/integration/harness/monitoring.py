"""What deploy/prometheus and deploy/grafana say, and which metrics they may speak of."""
import json
import re

import yaml

from .gateway import ROOT

PROMETHEUS = ROOT / "deploy/prometheus"
GRAFANA = ROOT / "deploy/grafana"
RECORDED = re.compile(r"\b[a-z_]+:[a-z_:0-9]+")
METRIC = re.compile(r"\b(?:gateway|process)_[a-z_]+\b")
STRING = re.compile(r'"(?:[^"\\]|\\.)*"')


def documented_metrics():
    """Names in the tables of docs/metrics.md, with the three series of a histogram."""
    names = set()
    for line in (ROOT / "docs/metrics.md").read_text().splitlines():
        row = re.match(r"\| `([a-z_]+)` \| (counter|gauge|histogram) \|", line)
        if row:
            names |= {row[1] + suffix for suffix in (("_bucket", "_sum", "_count") if row[2] == "histogram" else ("",))}
    return names


def metrics_in(expression):
    """Names of our metrics; strings and recorded series are none."""
    return set(METRIC.findall(RECORDED.sub("", STRING.sub('""', expression))))


def rules():
    return [rule for group in yaml.safe_load((PROMETHEUS / "alerts.yaml").read_text())["groups"] for rule in group["rules"]]


def alerts():
    return {rule["alert"]: rule for rule in rules() if "alert" in rule}


def dashboard():
    return json.loads((GRAFANA / "dashboard.json").read_text())


def panels():
    """All but rows."""
    return [panel for panel in dashboard()["panels"] if panel["type"] != "row"]

"""The real Prometheus with the rules of deploy/prometheus, a second for a minute, and the queries as Grafana would send them."""
import json
import re
import shutil
import signal
import subprocess
import tempfile
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

import yaml

from harness.monitoring import PROMETHEUS
from harness.waiting import eventually, free_port

UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
DURATION = re.compile(r"\[(\d+)([smhd])\]|\boffset (\d+)([smhd])\b")
# Rates want some scrapes, of which there is one a second.
SHORTEST_RANGE = 5


def shortened(document):
    """The rules with a second for each minute of `for`, ranges and offsets, so that a test need not run for an hour. Nothing else changes:
    thresholds are per second or shares, and dates are dates."""
    def range_or_offset(match):
        if match[1]:
            return f"[{max(SHORTEST_RANGE, int(match[1]) * UNITS[match[2]] // 60)}s]"
        return f"offset {int(match[3]) * UNITS[match[4]] // 60}s"

    for group in document["groups"]:
        for rule in group["rules"]:
            rule["expr"] = DURATION.sub(range_or_offset, rule["expr"])
            if "for" in rule:
                number, unit = re.fullmatch(r"(\d+)([smhd])", rule["for"]).groups()
                rule["for"] = f"{max(1, int(number) * UNITS[unit] // 60)}s"
    return document


def as_grafana_sends_it(expr, **chosen):
    """All of a variable is its allValue, several of its values are an alternative. 15 s is what Grafana makes of a step that long."""
    values = {name: f"({'|'.join(chosen[name])})" if name in chosen else ".*" for name in ("job", "instance", "virtual_host", "upstream")}
    expr = expr.replace("$__rate_interval", "15s").replace("$__range", "300s")
    for name, value in values.items():
        expr = expr.replace(f"${name}", value)
    assert "$" not in expr, expr
    return expr


class Prometheus:
    """Has no targets until target() names some."""

    def __init__(self):
        self.folder = Path(tempfile.mkdtemp(prefix="prometheus-"))
        self.port = free_port()
        self.targets = []
        self.write_targets()
        rules = yaml.safe_load((PROMETHEUS / "alerts.yaml").read_text())
        (self.folder / "alerts.yaml").write_text(yaml.safe_dump(shortened(rules)))
        # A hung worker keeps its daemon's scrape waiting for two seconds, so that one second would be too short for it.
        jobs = [{"job_name": name, "scrape_interval": interval, "scrape_timeout": interval,
                 "file_sd_configs": [{"files": [f"{self.folder}/{name}.json"], "refresh_interval": "1s"}]}
                for name, interval in (("gatewayd", "1s"), ("slow", "3s"))]
        (self.folder / "prometheus.yml").write_text(yaml.safe_dump(
            {"global": {"evaluation_interval": "1s"}, "rule_files": ["alerts.yaml"], "scrape_configs": jobs}))
        self.log = open(self.folder / "log", "wb")
        self.process = subprocess.Popen(
            ["/usr/bin/prometheus", f"--config.file={self.folder}/prometheus.yml", f"--storage.tsdb.path={self.folder}/data",
             f"--web.listen-address=127.0.0.1:{self.port}"], stdout=self.log, stderr=self.log)
        eventually(self.is_ready, "Prometheus is ready", timeout=60)

    def is_ready(self):
        assert self.process.poll() is None, (self.folder / "log").read_text()
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/-/ready", timeout=5) as answer:
                return answer.status == 200
        except OSError:
            return False

    def write_targets(self):
        for name in ("gatewayd", "slow"):
            mine = [{"targets": [address], "labels": {"job": "gatewayd"}} for job, address in self.targets if job == name]
            new = self.folder / f"{name}.new"
            new.write_text(json.dumps(mine))
            new.rename(self.folder / f"{name}.json")

    def target(self, running, *, slow=False):
        self.targets.append(("slow" if slow else "gatewayd", instance_of(running)))
        self.write_targets()

    def get(self, path, **parameters):
        url = f"http://127.0.0.1:{self.port}/api/v1/{path}?{urllib.parse.urlencode(parameters)}"
        try:
            with urllib.request.urlopen(url, timeout=10) as answer:
                return json.load(answer)["data"]
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{parameters}: {error.read().decode()}") from None

    def query(self, expr):
        """(labels, value) of each series."""
        return [(series["metric"], float(series["value"][1])) for series in self.get("query", query=expr)["result"]]

    def value(self, expr):
        found = self.query(expr)
        return found[0][1] if found else None

    def fired(self):
        """Label sets of the alerts that have fired since the start."""
        return [labels for labels, _ in self.query('max_over_time(ALERTS{alertstate="firing"}[1h])')]

    def fires(self, name, **labels):
        matchers = "".join(f', {key}="{value}"' for key, value in labels.items())
        return bool(self.query(f'ALERTS{{alertstate="firing", alertname="{name}"{matchers}}}'))

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.log.close()
        shutil.rmtree(self.folder, ignore_errors=True)


def instance_of(running):
    return f"127.0.0.1:{running.admin_port}"

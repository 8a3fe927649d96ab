"""Against the object schemas of Kubernetes 1.3x and of the Prometheus operator, offline: what the API server of 1.20 is too old for."""
import json
import subprocess
from pathlib import Path

import pytest
from kube_chart import KUBERNETES, objects, template
from kube_cluster import tool


@pytest.fixture(scope="session")
def models():
    return tool("kube-models")


def faults(models, made):
    script = Path(__file__).with_name("kube_models.mjs")
    done = subprocess.run(["node", script, models], input=json.dumps(list(made)), capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_wrong_object_is_told(models):
    wrong = {"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": "wrong"}, "spec": {"maxUnavailable": True}}
    assert len(faults(models, [wrong])) == 1


@pytest.mark.parametrize("flavour", ["edge", "sidecar"])
def test_the_plain_manifests(models, tools, flavour):
    made = objects(tools.kubectl("kustomize", KUBERNETES / "manifests" / flavour))
    assert len(made) == 7
    assert faults(models, made.values()) == []


@pytest.mark.parametrize("flavour", ["edge", "sidecar"])
def test_the_chart_with_every_option(models, tools, flavour):
    made = template(tools, flavour, {
        "redirect.enabled": True, "autoscaling.enabled": True, "service.type": "NodePort", "service.nodePort": 30443,
        "monitoring": {"serviceMonitor": {"enabled": True}, "prometheusRule": {"enabled": True}, "dashboard": {"enabled": True}},
        "tolerations": [{"key": "edge", "operator": "Exists"}], "env": [{"name": "REGION", "value": "north"}]}, "--kube-version", "1.34.0")
    kinds = {kind for kind, _ in made}
    assert {"ServiceMonitor", "PrometheusRule", "HorizontalPodAutoscaler", "Deployment"} <= kinds
    assert faults(models, made.values()) == []

"""Against a real kube-apiserver (1.20): what it refuses, no cluster would take. Objects only; the pods are run by hand elsewhere."""
import json

import pytest
import yaml
from kube_chart import CHART, KUBERNETES, example, for_1_20, objects, sets
from kube_cluster import Failed

KINDS = "deployment,service,configmap,secret,serviceaccount,networkpolicy,poddisruptionbudget,horizontalpodautoscaler"
EDGE = ["configmap/gw-mtls-gateway", "deployment.apps/gw-mtls-gateway", "networkpolicy.networking.k8s.io/gw-mtls-gateway",
        "poddisruptionbudget.policy/gw-mtls-gateway", "service/gw-mtls-gateway", "service/gw-mtls-gateway-metrics",
        "serviceaccount/gw-mtls-gateway"]
# What the Prometheus operator brings; only its names matter to the chart.
CRD = """
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: %(plural)s.monitoring.coreos.com}
spec:
  group: monitoring.coreos.com
  scope: Namespaced
  names: {kind: %(kind)s, plural: %(plural)s}
  versions:
    - name: v1
      served: true
      storage: true
      schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}
"""


def mine(cluster, namespace):
    """The objects that a release made, without Helm's own record of it."""
    return [name for name in cluster.names(KINDS, namespace) if not name.startswith(("secret/sh.helm", "configmap/kube-root"))]


def install(cluster, namespace, flavour, values=None, *options):
    return cluster.helm("install", "gw", CHART, "-n", namespace, "-f", example(flavour), *sets(values or {}), *options)


def test_the_server_does_validate(cluster, namespace):
    with pytest.raises(Failed, match="replicas"):
        cluster.kubectl("apply", "-n", namespace, "-f", "-", stdin="""
apiVersion: apps/v1
kind: Deployment
metadata: {name: bad}
spec: {replicas: "two", selector: {matchLabels: {a: b}}, template: {metadata: {labels: {a: b}}, spec: {containers: [{name: a, image: a}]}}}
""")


@pytest.mark.parametrize("flavour", ["edge", "sidecar"])
def test_the_plain_manifests_are_taken_and_kept_as_written(cluster, namespace, flavour):
    made = objects(cluster.kubectl("kustomize", KUBERNETES / "manifests" / flavour))
    text = for_1_20(made)
    cluster.kubectl("apply", "-n", namespace, "--dry-run=server", "-f", "-", stdin=text)
    cluster.kubectl("apply", "-n", namespace, "-f", "-", stdin=text)
    for (kind, name), sent in objects(text).items():
        stored = cluster.get(kind, name, namespace)
        assert missing(sent.get("spec", sent.get("data")), stored.get("spec", stored.get("data"))) == []


def missing(sent, stored, path=""):
    """Paths of what was sent and is not in the stored object: an unknown field is dropped in silence."""
    if isinstance(sent, dict):
        return [each for key, value in sent.items()
                for each in ([f"{path}.{key}"] if key not in (stored or {}) else missing(value, stored[key], f"{path}.{key}"))]
    if isinstance(sent, list):
        if len(sent) != len(stored):
            return [path]
        return [each for index, value in enumerate(sent) for each in missing(value, stored[index], f"{path}[{index}]")]
    return [] if str(sent) == str(stored) else [f"{path}: {sent} became {stored}"]


@pytest.mark.parametrize("flavour", ["edge", "sidecar"])
def test_a_release_is_installed_upgraded_rolled_back_and_uninstalled(cluster, namespace, flavour):
    install(cluster, namespace, flavour)
    assert mine(cluster, namespace) == EDGE
    pods = lambda: cluster.get("deployment", "gw-mtls-gateway", namespace)["spec"]["template"]
    config = lambda: yaml.safe_load(cluster.get("configmap", "gw-mtls-gateway", namespace)["data"]["gateway.yaml"])
    before = pods()

    cluster.helm("upgrade", "gw", CHART, "-n", namespace, "--reuse-values", *sets({"config.limits": {"body": "1MiB"}}))
    assert config()["limits"] == {"body": "1MiB"}
    assert pods() == before, "a changed config restarts no pod: the gateway reads it by itself"

    cluster.helm("upgrade", "gw", CHART, "-n", namespace, "--reuse-values", *sets({"image.tag": "0.2.0", "restartOnConfigChange": True}))
    after = pods()
    assert after["spec"]["containers"][0]["image"] == "mtls-gateway:0.2.0"
    assert len(after["metadata"]["annotations"]["checksum/config"]) == 64

    cluster.helm("rollback", "gw", "1", "-n", namespace)
    assert pods() == before
    assert "limits" not in config()

    cluster.helm("uninstall", "gw", "-n", namespace)
    assert mine(cluster, namespace) == []


def test_every_option_at_once_is_taken(cluster, namespace, pki):
    for kind, plural in (("ServiceMonitor", "servicemonitors"), ("PrometheusRule", "prometheusrules")):
        cluster.kubectl("apply", "-f", "-", stdin=CRD % {"kind": kind, "plural": plural})
        cluster.kubectl("wait", "--for=condition=established", f"crd/{plural}.monitoring.coreos.com", "--timeout=30s")
    install(cluster, namespace, "edge", {
        "redirect.enabled": True,
        "service": {"type": "NodePort", "nodePort": 30443, "externalTrafficPolicy": "Local", "annotations": {"a/b": "c"}},
        "autoscaling.enabled": True,
        "podDisruptionBudget": {"minAvailable": "50%", "maxUnavailable": None},
        "networkPolicy.clients": [{"ipBlock": {"cidr": "10.0.0.0/8"}}],
        "certificates": {"api": {"certificate": pki.server.pem.read_text(), "key": pki.server.key.read_text()}},
        "trust.clients": {"ca": {"pem": pki.root.pem.read_text()}, "crl": {"configMap": "crls", "key": "clients.pem"},
                          "options": {"depth": 2}},
        "monitoring": {"serviceMonitor": {"enabled": True}, "prometheusRule": {"enabled": True}, "dashboard": {"enabled": True}},
        "env": [{"name": "REGION", "value": "north"}],
        "extraVolumes": [{"name": "more", "emptyDir": {}}],
        "extraVolumeMounts": [{"name": "more", "mountPath": "/var/more"}],
        "affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [
            {"matchExpressions": [{"key": "kubernetes.io/os", "operator": "In", "values": ["linux"]}]}]}}},
        "nodeSelector": {"disk": "ssd"},
        "tolerations": [{"key": "edge", "operator": "Exists"}],
        "podAnnotations": {"prometheus.io/scrape": "true"},
        "podLabels": {"team": "platform"},
        "imagePullSecrets": [{"name": "registry"}],
    })
    assert {"horizontalpodautoscaler.autoscaling/gw-mtls-gateway", "secret/gw-mtls-gateway-certificate-api",
            "secret/gw-mtls-gateway-trust-clients", "configmap/gw-mtls-gateway-dashboard"} <= set(mine(cluster, namespace))
    assert [port["nodePort"] for port in cluster.get("service", "gw-mtls-gateway", namespace)["spec"]["ports"]][0] == 30443
    assert "replicas" not in cluster.helm("get", "manifest", "gw", "-n", namespace).split("kind: Deployment")[1].split("template:")[0]
    rules = cluster.get("prometheusrule", "gw-mtls-gateway", namespace)["spec"]["groups"]
    assert [rule["alert"] for group in rules for rule in group["rules"] if "alert" in rule]
    dashboard = json.loads(cluster.get("configmap", "gw-mtls-gateway-dashboard", namespace)["data"]["mtls-gateway.json"])
    assert dashboard["panels"]
    monitor = cluster.get("servicemonitor", "gw-mtls-gateway", namespace)["spec"]
    job = monitor["endpoints"][0]["relabelings"][0]["replacement"]
    assert f'job="{job}"' in json.dumps(rules).replace('\\"', '"')
    service = cluster.get("service", "gw-mtls-gateway-metrics", namespace)
    assert monitor["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()


def test_a_secret_of_type_tls_without_its_key_is_refused_by_the_server(cluster, namespace, pki):
    with pytest.raises(Failed, match="tls.key"):
        cluster.kubectl("apply", "-n", namespace, "-f", "-", stdin=json.dumps({
            "apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/tls", "metadata": {"name": "half"},
            "stringData": {"tls.crt": pki.server.pem.read_text()}}))

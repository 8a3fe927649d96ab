"""helm lint and helm template, without a cluster: many values that work, and those that are refused with a sentence."""
import itertools
import json
import subprocess

import pytest
import yaml
from kube_chart import CHART, KUBERNETES, example, of_kind, sets, template
from kube_cluster import Failed

VHOST = {"name": "api", "hosts": ["api.example.com"], "routes": [{"path": "/*", "respond": {}}]}
TLS = {"certificate": "/etc/gatewayd/certificates/api/tls.crt", "key": "/etc/gatewayd/certificates/api/tls.key"}
API = {"name": "api", "image": "api:1"}


def host(**tls):
    return {"config.virtual_hosts": [VHOST | {"tls": TLS | tls}]}


@pytest.mark.parametrize("flavour", ["edge", "sidecar"])
def test_lint_finds_nothing(tools, flavour):
    assert "0 chart(s) failed" in tools.helm("lint", "--strict", CHART, "-f", example(flavour))


def test_the_packaged_chart_is_the_chart(tools, tmp_path):
    tools.helm("package", CHART, "-d", tmp_path)
    archive, = tmp_path.glob("mtls-gateway-*.tgz")
    from_archive = tools.helm("template", "gw", archive, "-f", example("edge"))
    assert from_archive == tools.helm("template", "gw", CHART, "-f", example("edge"))


def test_the_plain_manifests_are_rendered_from_the_chart(tools):
    done = subprocess.run(["/usr/bin/python3", KUBERNETES / "render.py", "--check", "--helm", tools.folder / "helm"],
                          capture_output=True, text=True, env=tools.environment)
    assert done.returncode == 0, f"run deploy/kubernetes/render.py:\n{done.stdout}{done.stderr}"


@pytest.mark.parametrize("flavour", ["edge", "sidecar"])
@pytest.mark.parametrize("kind, redirect, version", itertools.product(["ClusterIP", "LoadBalancer", "NodePort"], [True, False],
                                                                      ["1.20.0", "1.34.0"]))
def test_services_of_every_kind_are_rendered(tools, flavour, kind, redirect, version):
    made = template(tools, flavour, {"service.type": kind, "redirect.enabled": redirect}, "--kube-version", version)
    service = made["Service", "gw-mtls-gateway"]["spec"]
    assert service["type"] == kind and len(service["ports"]) == 1 + redirect
    assert ("externalTrafficPolicy" in service) == (flavour == "edge" and kind != "ClusterIP")
    config = yaml.safe_load(of_kind(made, "ConfigMap")["data"]["gateway.yaml"])
    assert [listener["bind"] for listener in config["listeners"]] == ["0.0.0.0:8443", "0.0.0.0:8080"][:1 + redirect]
    containers = of_kind(made, "Deployment")["spec"]["template"]["spec"]["containers"]
    hooks = [container["lifecycle"]["preStop"] for container in containers[1:]]
    assert hooks == [{"sleep": {"seconds": 40}} if version == "1.34.0" else {"exec": {"command": ["sleep", "40"]}}][:len(hooks)]


@pytest.mark.parametrize("kind, version", [("PodDisruptionBudget", "policy/v1"), ("HorizontalPodAutoscaler", "autoscaling/v2")])
def test_the_newest_api_is_chosen(tools, kind, version):
    made = template(tools, "edge", {"autoscaling.enabled": True})
    assert of_kind(made, kind)["apiVersion"] == version


def test_large_numbers_stay_numbers(tools):
    made = template(tools, "edge", {"config.limits": {"connections": 20000000}})
    assert "connections: 20000000\n" in of_kind(made, "ConfigMap")["data"]["gateway.yaml"]


def test_the_grace_period_follows_the_drain(tools):
    made = template(tools, "edge", {"drain": {"announceSeconds": 20, "finishSeconds": 60}})
    spec = of_kind(made, "Deployment")["spec"]["template"]["spec"]
    assert spec["terminationGracePeriodSeconds"] == 85
    assert spec["containers"][0]["lifecycle"]["preStop"]["exec"]["command"][-1] == "20s"
    assert yaml.safe_load(of_kind(made, "ConfigMap")["data"]["gateway.yaml"])["timeouts"] == {"drain": "60s"}


def test_a_sidecar_may_keep_its_own_hook_or_have_none(tools):
    hook = {"preStop": {"exec": {"command": ["/api", "wait"]}}}
    made = template(tools, "sidecar", {"sidecar.container.lifecycle": hook})
    assert of_kind(made, "Deployment")["spec"]["template"]["spec"]["containers"][1]["lifecycle"] == hook
    made = template(tools, "sidecar", {"sidecar.preStop": "none"})
    assert "lifecycle" not in of_kind(made, "Deployment")["spec"]["template"]["spec"]["containers"][1]


REFUSED = [
    ("edge", {"config.virtual_hosts": []}, "config.virtual_hosts: name at least one"),
    ("edge", {"config.listeners": []}, "config.listeners: the chart writes"),
    ("edge", {"config.trust": {}}, "config.trust: the chart writes"),
    ("edge", {"config.admin": {}}, "config.admin: the chart writes"),
    ("edge", {"config.watch": False}, "config.watch: the chart writes"),
    ("edge", {"config.timeouts": {"drain": "5s"}}, "drain.finishSeconds"),
    ("edge", host(), "client_auth is strict, but no trust set"),
    ("edge", host(client_auth="optional"), "client_auth is optional, but no trust set"),
    ("edge", host(trust="partners"), "tls.trust names partners"),
    ("edge", host(client_auth="off", key="/etc/gatewayd/certificates/web/tls.key"), "`certificates` has no entry web"),
    ("edge", {"certificates.api": {"secret": "a", "key": "PEM", "certificate": "PEM"}}, "certificates.api: either"),
    ("edge", {"certificates.web": {}}, "certificates.web: needs the name of a TLS Secret"),
    ("edge", {"certificates.web": {"key": "PEM"}}, "certificates.web: needs the name of a TLS Secret"),
    ("edge", {"certificates.web": {"secret": ""}}, "secret"),
    ("edge", {"trust.more": {}}, "trust.more.ca: needs the CA"),
    ("edge", {"trust.more": {"ca": {"key": "ca.crt"}}}, "trust.more.ca: needs exactly one"),
    ("edge", {"trust.more": {"ca": {"secret": "a", "configMap": "b"}}}, "trust.more.ca: needs exactly one"),
    ("edge", {"trust.more": {"ca": {"secret": "a"}, "crl": {"key": "ca.crl"}}}, "trust.more.crl: needs exactly one"),
    ("edge", {"terminationGracePeriodSeconds": 40}, "the kubelet would kill requests in flight"),
    ("edge", {"ports.metrics": 8443}, "must differ"),
    ("edge", {"redirect": {"enabled": True, "port": 8443}}, "must differ"),
    ("edge", {"podDisruptionBudget.minAvailable": 1}, "either minAvailable or maxUnavailable"),
    ("edge", {"networkPolicy.upstreams": []}, "say with egress rules where the upstreams are"),
    ("edge", {"sidecar.container": API}, "set mode: sidecar"),
    ("edge", {"mode": "sidecar"}, "needs the API's container"),
    ("sidecar", {"sidecar.container.ports": [{"containerPort": 8080}]}, "loopback only"),
    ("sidecar", {"sidecar.container.readinessProbe": {"httpGet": {"port": 8080}}}, "use exec"),
    ("sidecar", {"sidecar.container.name": "gateway"}, "the gateway's own container"),
    ("sidecar", {"config.upstreams.api.endpoints": ["10.0.0.7:8080"]}, "10.0.0.7:8080 is not on this pod's loopback"),
    # The schema's part.
    ("edge", {"mode": "ingress"}, "mode"),
    ("edge", {"replica": 3}, "replica"),
    ("edge", {"ports.https": 443}, "1,024"),
    ("edge", {"drain.announceSeconds": 0}, "announceSeconds"),
    ("edge", {"certificates": {"Api_1": {"secret": "x"}}}, "Api_1"),
]


@pytest.mark.parametrize("flavour, values, message", REFUSED, ids=lambda value: json.dumps(value)[:40] if isinstance(value, dict) else "")
def test_it_is_refused_with_a_sentence(tools, flavour, values, message):
    with pytest.raises(Failed) as refused:
        tools.helm("template", "gw", CHART, "-f", example(flavour), *sets(values))
    assert message in str(refused.value)


def test_off_in_any_spelling_needs_no_trust(tools):
    for mode in ("off", False):
        template(tools, "edge", host(client_auth=mode))

"""The plain manifests of deploy/kubernetes and the chart's schema, as far as no cluster is needed; tests/deploy/kubernetes has the rest."""
import json
import re
from pathlib import Path

import jsonschema
import pytest
import yaml

from harness.gateway import ctl

KUBERNETES = Path(__file__).resolve().parents[2] / "deploy/kubernetes"
CHART = KUBERNETES / "chart/mtls-gateway"
FLAVOURS = ["edge", "sidecar"]


def manifests(flavour):
    folder = KUBERNETES / "manifests" / flavour
    names = yaml.safe_load((folder / "kustomization.yaml").read_text())["resources"]
    assert sorted(names) == sorted(path.name for path in folder.glob("*.yaml") if path.name != "kustomization.yaml")
    return {(each["kind"], each["metadata"]["name"]): each for each in (yaml.safe_load((folder / name).read_text()) for name in names)}


def of_kind(flavour, kind):
    found = [each for (has, _), each in manifests(flavour).items() if has == kind]
    assert len(found) == 1
    return found[0]


def pod(flavour):
    return of_kind(flavour, "Deployment")["spec"]["template"]


def gateway(flavour):
    return next(each for each in pod(flavour)["spec"]["containers"] if each["name"] == "gateway")


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_the_gateway_runs_with_nothing_to_lose(flavour):
    spec, container = pod(flavour)["spec"], gateway(flavour)
    assert spec["automountServiceAccountToken"] is False
    assert of_kind(flavour, "ServiceAccount")["automountServiceAccountToken"] is False
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"] == {
        "runAsNonRoot": True, "runAsUser": 65532, "runAsGroup": 65532, "readOnlyRootFilesystem": True, "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]}, "seccompProfile": {"type": "RuntimeDefault"}}
    assert all(mount.get("readOnly") for mount in container["volumeMounts"] if mount["mountPath"] not in ("/run/gatewayd", "/var/lib/gatewayd"))
    assert all("subPath" not in mount for mount in container["volumeMounts"]), "such a file never changes"
    assert not any(spec.get(name) for name in ("hostNetwork", "hostPID", "hostIPC", "shareProcessNamespace"))


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_the_pods_end_leaves_time_for_hook_and_drain(flavour):
    spec, container = pod(flavour)["spec"], gateway(flavour)
    command = container["lifecycle"]["preStop"]["exec"]["command"]
    assert command[:3] == ["/usr/bin/gatewayctl", "drain", "--wait"]
    config = yaml.safe_load(of_kind(flavour, "ConfigMap")["data"]["gateway.yaml"])
    needed = int(command[3].removesuffix("s")) + int(config["timeouts"]["drain"].removesuffix("s"))
    assert spec["terminationGracePeriodSeconds"] > needed
    for other in spec["containers"]:
        if other["name"] != "gateway":
            assert other["lifecycle"]["preStop"]["sleep"]["seconds"] >= needed, "the API must outlive the gateway's drain"


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_every_name_leads_somewhere(flavour):
    """Ports of probes, services and policies, volumes, selectors."""
    container, spec = gateway(flavour), pod(flavour)["spec"]
    ports = {port["name"] for port in container["ports"]}
    assert {container[f"{kind}Probe"]["httpGet"]["port"] for kind in ("startup", "liveness", "readiness")} <= ports
    labels = pod(flavour)["metadata"]["labels"].items()
    services = [each for (kind, _), each in manifests(flavour).items() if kind == "Service"]
    assert {port["targetPort"] for service in services for port in service["spec"]["ports"]} <= ports
    assert all(service["spec"]["selector"].items() <= labels for service in services)
    policy = of_kind(flavour, "NetworkPolicy")["spec"]
    assert {port["port"] for rule in policy["ingress"] for port in rule["ports"]} <= ports
    for selector in (policy["podSelector"], of_kind(flavour, "PodDisruptionBudget")["spec"]["selector"],
                     of_kind(flavour, "Deployment")["spec"]["selector"]):
        assert selector["matchLabels"] and selector["matchLabels"].items() <= labels
    assert {mount["name"] for mount in container["volumeMounts"]} <= {volume["name"] for volume in spec["volumes"]}
    assert of_kind(flavour, "ServiceAccount")["metadata"]["name"] == spec["serviceAccountName"]


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_metrics_are_not_for_everybody(flavour):
    rules = of_kind(flavour, "NetworkPolicy")["spec"]["ingress"]
    assert all(rule.get("from") for rule in rules if any(port["port"] == "metrics" for port in rule["ports"]))


def test_the_sidecars_api_has_no_port_of_its_own():
    api = next(each for each in pod("sidecar")["spec"]["containers"] if each["name"] != "gateway")
    assert "ports" not in api
    config = yaml.safe_load(of_kind("sidecar", "ConfigMap")["data"]["gateway.yaml"])
    assert config["upstreams"]["api"]["endpoints"] == ["127.0.0.1:8080"]
    assert api["command"][api["command"].index("--bind") + 1] == "127.0.0.1"


def test_the_manifests_fit_the_image():
    """Its programs' paths, its user, its admin socket."""
    text = (KUBERNETES.parent / "docker/Dockerfile").read_text()
    container = gateway("edge")
    assert json.loads(re.search(r"^ENTRYPOINT (.*)$", text, re.M)[1]) == container["command"]
    probe = json.loads(re.search(r"^HEALTHCHECK .*CMD (.*)$", text, re.M)[1])
    assert container["lifecycle"]["preStop"]["exec"]["command"][0] == probe[0]
    security = container["securityContext"]
    assert re.search(r"^USER (.*)$", text, re.M)[1] == f"{security['runAsUser']}:{security['runAsGroup']}"
    socket = {each["name"]: each["value"] for each in container["env"]}["GATEWAY_SOCKET"]
    assert re.search(r"GATEWAY_SOCKET=(\S+)", text)[1] == socket
    assert yaml.safe_load(of_kind("edge", "ConfigMap")["data"]["gateway.yaml"])["admin"]["socket"] == socket


def check(folder, pki, config):
    """gatewayctl check of a gateway.yaml whose mounted files are in a folder of the test's own."""
    server = pki.server_ca.issue("of-the-manifests", "gateway", server=True, dns=["api.example.com"])
    files = {"certificates/api/tls.crt": server.pem, "certificates/api/tls.key": server.key, "trust/clients/ca.crt": pki.root.pem,
             "trust/clients/ca.crl": pki.crl}
    for name, source in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(source.read_bytes())
        (folder / name).chmod(0o440)
    text = yaml.safe_dump(config, width=200).replace("/etc/gatewayd/", f"{folder}/").replace("/run/gatewayd/", f"{folder}/")
    (folder / "gateway.yaml").write_text(text)
    return ctl("check", str(folder / "gateway.yaml"))


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_the_config_of_the_manifests_is_one_that_the_gateway_takes(flavour, pki, tmp_path):
    config = yaml.safe_load(of_kind(flavour, "ConfigMap")["data"]["gateway.yaml"])
    assert config["watch"] is True
    checked = check(tmp_path, pki, config)
    assert checked.returncode == 0 and "warning:" not in checked.stdout + checked.stderr, checked.stdout + checked.stderr


def test_the_readmes_example_for_ingress_nginx_is_one_that_the_gateway_takes(pki, tmp_path):
    block, = re.findall(r"```yaml\n(.*?)```", (KUBERNETES / "README.md").read_text(), re.S)
    base = yaml.safe_load(of_kind("edge", "ConfigMap")["data"]["gateway.yaml"])
    checked = check(tmp_path, pki, base | yaml.safe_load(block)["config"])
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_the_chart_is_of_this_version():
    version = re.search(r"^project\(\S+ VERSION (\S+)", (KUBERNETES.parents[1] / "CMakeLists.txt").read_text(), re.M)[1]
    assert yaml.safe_load((CHART / "Chart.yaml").read_text())["appVersion"] == version
    assert gateway("edge")["image"].endswith(f":{version}")


def schema_paths(schema, path=""):
    """Dotted paths of the values that the schema lists, down to those that it leaves open."""
    found = set()
    for name, part in schema.get("properties", {}).items():
        found |= schema_paths(part, f"{path}.{name}".lstrip(".")) or {f"{path}.{name}".lstrip(".")}
    return found


def value_paths(values, schema, path=""):
    """The same of values.yaml, as deep as the schema goes."""
    found = set()
    for name, value in values.items():
        part = schema.get("properties", {}).get(name, {})
        deeper = value_paths(value, part, f"{path}.{name}".lstrip(".")) if isinstance(value, dict) and part.get("properties") else set()
        found |= deeper or {f"{path}.{name}".lstrip(".")}
    return found


def test_the_schema_and_the_values_are_of_one_mind():
    schema = json.loads((CHART / "values.schema.json").read_text())
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    given, known = value_paths(values, schema), schema_paths(schema)
    assert given - known == set(), "values that the schema does not know"
    free = {path for path in known - given if path.startswith("config.") or path == "global"}
    assert known - given == free, "what the schema knows and values.yaml does not say"


def test_the_schema_refuses_what_it_should():
    schema = json.loads((CHART / "values.schema.json").read_text())
    jsonschema.Draft7Validator.check_schema(schema)
    validator, values = jsonschema.Draft7Validator(schema), yaml.safe_load((CHART / "values.yaml").read_text())
    assert not list(validator.iter_errors(values))
    for bad in ({"mode": "ingress"}, {"ports": {"https": 443}}, {"replica": 2}, {"trust": {"Partners": {"ca": {"secret": "x"}}}},
                {"certificates": {"api": {"secretName": "x"}}}, {"image": {"digest": "sha256:12"}}, {"drain": {"announceSeconds": "10s"}}):
        assert list(validator.iter_errors(values | bad)), bad


def value_at(values, path):
    for name in path.split("."):
        values = values[name]
    return values


def test_the_charts_readme_lists_every_value_with_its_default():
    schema = json.loads((CHART / "values.schema.json").read_text())
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    rows = re.findall(r"^\| `([\w.]+)` \| `(.*?)` \| ", (CHART / "README.md").read_text(), re.M)
    assert sorted(path for path, _ in rows) == sorted(value_paths(values, schema))
    assert {path: json.loads(default) for path, default in rows} == {path: value_at(values, path) for path, _ in rows}

"""The chart, its examples and what a test changes in them."""
import json
from pathlib import Path

import yaml

KUBERNETES = Path(__file__).resolve().parents[3] / "deploy/kubernetes"
CHART = KUBERNETES / "chart/mtls-gateway"


def example(name):
    return CHART / "examples" / f"{name}.yaml"


def sets(values):
    """--set-json arguments of a mapping from dotted paths to Python values."""
    return [argument for path, value in values.items() for argument in ("--set-json", f"{path}={json.dumps(value)}")]


def template(tools, flavour, values=None, *options, release="gw"):
    """The objects that the chart makes, by kind and name."""
    text = tools.helm("template", release, CHART, "-f", example(flavour), *sets(values or {}), *options)
    return objects(text)


def objects(text):
    return {(each["kind"], each["metadata"]["name"]): each for each in yaml.safe_load_all(text) if each}


def of_kind(made, kind):
    """The only object of a kind."""
    found = [each for (has, _), each in made.items() if has == kind]
    assert len(found) == 1, f"{len(found)} objects of kind {kind}"
    return found[0]


def for_1_20(made):
    """What Kubernetes 1.20 needs otherwise: policy/v1 came in 1.21, the sleep action in 1.29."""
    mapped = json.loads(json.dumps(list(made.values())))
    for each in mapped:
        if each["kind"] == "PodDisruptionBudget":
            each["apiVersion"] = "policy/v1beta1"
        for container in each.get("spec", {}).get("template", {}).get("spec", {}).get("containers", []):
            pre_stop = container.get("lifecycle", {}).get("preStop", {})
            if "sleep" in pre_stop:
                seconds = pre_stop.pop("sleep")["seconds"]
                pre_stop["exec"] = {"command": ["sleep", str(seconds)]}
    return yaml.safe_dump_all(mapped)

#!/usr/bin/env python3
"""Writes manifests/{edge,sidecar}/ from the chart and its examples, with `helm template`. `--check` only says what is out of date."""
import argparse
import re
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
CHART = HERE / "chart/mtls-gateway"
FLAVOURS = {"edge": "mtls-gateway", "sidecar": "legacy-api"}  # and the release's name
# What a cluster of today has; helm's own idea of it changes with helm's version.
KUBE_VERSION = "1.34.0"
HEADER = "# Rendered by deploy/kubernetes/render.py from chart/mtls-gateway with examples/{flavour}.yaml: edit those.\n"
HELM_ONLY = re.compile(r"^\s+(?:helm\.sh/chart|app\.kubernetes\.io/managed-by): .*\n", re.M)


def render(helm, flavour):
    """File names and texts of one flavour."""
    release = FLAVOURS[flavour]
    command = [helm, "template", release, str(CHART), "-f", str(CHART / "examples" / f"{flavour}.yaml"), "--kube-version", KUBE_VERSION,
               "--set", f"fullnameOverride={release}"]
    output = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    files = {}
    for text in re.split(r"^---\n", output, flags=re.M):
        text = re.sub(r"^# Source: .*\n", "", HELM_ONLY.sub("", text), flags=re.M).strip() + "\n"
        kind = re.search(r"^kind: (\w+)$", text, re.M)
        if not kind:
            continue
        name = re.search(r"^  name: (\S+)$", text, re.M)[1].removeprefix(release)
        files[f"{kind[1].lower()}{name}.yaml"] = HEADER.format(flavour=flavour) + text
    files["kustomization.yaml"] = kustomization(flavour, sorted(files))
    return files


def kustomization(flavour, names):
    lines = [HEADER.format(flavour=flavour) + "apiVersion: kustomize.config.k8s.io/v1beta1", "kind: Kustomization", "resources:"]
    return "\n".join([*lines, *(f"  - {name}" for name in names)]) + "\n"


def differences(folder, files):
    """Names of files that are missing, too many or not as they should be."""
    there = {path.name: path.read_text() for path in folder.glob("*.yaml")}
    return sorted(name for name in there.keys() | files.keys() if there.get(name) != files.get(name))


def write(folder, files):
    folder.mkdir(parents=True, exist_ok=True)
    for path in folder.glob("*.yaml"):
        if path.name not in files:
            path.unlink()
    for name, text in files.items():
        (folder / name).write_text(text)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--helm", default="helm", help="the helm program")
    parser.add_argument("--check", action="store_true", help="write nothing; exit status 1 if something is out of date")
    options = parser.parse_args()
    stale = []
    for flavour in FLAVOURS:
        folder, files = HERE / "manifests" / flavour, render(options.helm, flavour)
        stale += [f"{folder.relative_to(HERE)}/{name}" for name in differences(folder, files)]
        if not options.check:
            write(folder, files)
    for path in stale:
        print(f"{path}: {'out of date' if options.check else 'written'}")
    return 1 if options.check and stale else 0


if __name__ == "__main__":
    sys.exit(main())

"""deploy/docker/compose.yaml as docker-compose reads it, and each service as arguments of `podman run`. A key that is neither
translated nor known to be without meaning here is an error, so nothing in the file goes untried unnoticed."""
import json
import subprocess

import yaml

from harness.gateway import ROOT

FOLDER = ROOT / "deploy/docker"
PROJECT = "gw-compose"
# What the test sets up by itself: one network namespace for all, the order, the restarts.
ARRANGED = {"image", "build", "networks", "network_mode", "ports", "depends_on", "restart", "profiles"}


def read():
    """The normalised file. Debian 12's docker-compose knows all of it but the project's name."""
    text = "".join(line for line in (FOLDER / "compose.yaml").read_text().splitlines(keepends=True) if not line.startswith("name:"))
    done = subprocess.run(["docker-compose", "-f", "-", "--project-directory", str(FOLDER), "--profile", "setup", "config"], input=text,
                          capture_output=True, text=True, cwd=FOLDER)
    assert done.returncode == 0, done.stderr
    return yaml.safe_load(done.stdout)


def volume_flag(entry, names):
    source, rest = entry.split(":", 1) if isinstance(entry, str) else (
        entry["source"], entry["target"] + (":ro" if entry.get("read_only") else ""))
    return f"{PROJECT}-{source}:{rest}" if source in names else f"{source}:{rest}"


def run_flags(service, volumes):
    flags = []
    for key, value in service.items():
        match key:
            case "user":
                flags += ["--user", value]
            case "read_only":
                flags += ["--read-only", "--read-only-tmpfs=false"] if value else []
            case "cap_drop":
                flags += [part for each in value for part in ("--cap-drop", each)]
            case "security_opt":
                flags += [part for each in value for part in ("--security-opt", each.replace(":true", ""))]
            case "tmpfs":
                flags += [part for each in value for part in ("--tmpfs", each)]
            case "volumes":
                flags += [part for each in value for part in ("--volume", volume_flag(each, volumes))]
            case "environment":
                flags += [part for name, text in value.items() for part in ("--env", f"{name}={text}")]
            case "entrypoint":
                flags += ["--entrypoint", json.dumps(value)]
            case "stop_grace_period":
                flags += ["--stop-timeout", value.removesuffix("s")]
            case "healthcheck" | "command":
                pass  # the caller's
            case _:
                assert key in ARRANGED, f"no test knows what '{key}' does"
    return flags

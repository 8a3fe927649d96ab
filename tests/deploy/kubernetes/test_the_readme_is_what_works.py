"""The shell blocks of deploy/kubernetes/README.md, in their order, as an operator would type them from the repository's top."""
import os
import re
import subprocess
from pathlib import Path

from harness.gateway import GATEWAYCTL, ROOT
from kube_chart import KUBERNETES

REGISTRY = "registry.example.com/mtls-gateway"


def test_its_commands_work_in_their_order(cluster, tmp_path):
    blocks = re.findall(r"^```sh\n(.*?)^```", (KUBERNETES / "README.md").read_text(), re.S | re.M)
    assert len(blocks) == 4
    (tmp_path / "deploy").symlink_to(ROOT / "deploy")
    # The plain manifests are applied by another test: for this server's age they are changed between kubectl and it.
    script = "\n".join(block for block in blocks if "kubectl apply" not in block)
    path = f"{cluster.folder}:{Path(GATEWAYCTL).parent}:{os.environ['PATH']}"
    script = script.replace("helm uninstall", "helm get manifest gw -n gateway >installed.yaml\nhelm uninstall")
    done = subprocess.run(["bash", "-euxc", script], capture_output=True, text=True, cwd=tmp_path,
                          env=cluster.environment | {"PATH": path}, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"image: {REGISTRY}" in (tmp_path / "installed.yaml").read_text().replace('"', "")
    assert cluster.names("deployment", "gateway") == []
    assert cluster.names("secret", "gateway")[:2] == ["secret/api-tls", "secret/clients-ca"]

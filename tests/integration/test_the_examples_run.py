"""Every config in conf/ passes the check, and the demo's runs: see scripts/demo.py for what it shows."""
import os

import pytest

from harness.gateway import ROOT, ctl

EXAMPLES = ["demo.yaml", "example.yaml", "sidecar.yaml", "three-modes.yaml"]


@pytest.fixture(scope="module")
def demo_pki(tmp_path_factory):
    """A PKI as `./dev demo` makes it."""
    folder = tmp_path_factory.mktemp("pki")
    ca = folder / "pki"
    assert ctl("pki", "init", str(ca), "--cn", "Demo CA").returncode == 0
    for name, arguments in {"server": ["--server", "--dns", "open.localhost", "--dns", "flexible.localhost", "--dns", "strict.localhost"],
                            "client": ["--client"]}.items():
        assert ctl("pki", "issue", str(ca), name, *arguments).returncode == 0
    return ca


def test_every_example_is_known_here():
    assert EXAMPLES == sorted(path.name for path in (ROOT / "conf").glob("*.yaml"))


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_passes_the_check(name, demo_pki):
    result = ctl("check", str(ROOT / "conf" / name), env={**os.environ, "DEMO_PKI": str(demo_pki), "PKI": str(demo_pki)})
    assert result.returncode == 0, result.stderr

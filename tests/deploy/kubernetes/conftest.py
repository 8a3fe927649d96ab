"""One apiserver and one PKI for all tests of this folder."""
import tempfile
from pathlib import Path

import pytest

from harness.origin import Origin
from harness.pki import Pki
from kube_cluster import Cluster, Tools, tool
from kube_pod import make_image


@pytest.fixture(scope="session")
def tools():
    """helm and kubectl without a cluster."""
    made = Tools(tool("kube-tools"))
    yield made
    made.close()


@pytest.fixture(scope="session")
def cluster(tools):
    running = Cluster(tools.folder, tool("build-apiserver"))
    yield running
    running.close()


@pytest.fixture
def namespace(cluster):
    return cluster.namespace()


@pytest.fixture(scope="session")
def pki():
    with tempfile.TemporaryDirectory(prefix="gw-pki-") as folder:
        yield Pki(Path(folder))


@pytest.fixture(scope="session")
def image():
    """The root of the gateway's containers."""
    with tempfile.TemporaryDirectory(prefix="gw-image-") as folder:
        Path(folder).chmod(0o755)
        yield make_image(Path(folder))


@pytest.fixture
def origin():
    """The legacy API: on the machine, outside of the pod."""
    server = Origin(host="0.0.0.0")
    yield server
    server.stop()

"""Pods of the installed chart, run by hand, whose values or neighbours let them no chance: a message and an exit status."""
import pytest
from harness.waiting import eventually
from kube_chart import CHART, example, sets
from kube_objects import apply_certificate, apply_clients, issue
from kube_pod import Pod


@pytest.fixture
def pod(cluster, namespace, pki, image):
    """pod(flavour, values) installs the chart and gives its pod, not started."""
    made = []

    def install(flavour, values):
        apply_certificate(cluster, namespace, issue(pki, "hopeless"))
        apply_clients(cluster, namespace, pki, [])
        cluster.helm("install", "gw", CHART, "-n", namespace, "-f", example(flavour), *sets(values))
        made.append(Pod(cluster, namespace, "gw-mtls-gateway", image))
        return made[-1]

    yield install
    for each in made:
        each.close()


def test_an_access_log_on_the_read_only_root(pod):
    made = pod("edge", {"config.access_log": "/var/log/access.log"}).start()
    assert made.gateway.process.wait(20) == 1
    assert "/var/log/access.log" in made.gateway.output()


def test_a_port_that_the_api_has_taken(pod):
    taken = ["python3", "-m", "http.server", "8443", "--directory", "/srv"]
    made = pod("sidecar", {"sidecar.container.command": taken})
    made.sync()
    made.start_container("api")
    eventually(lambda: ("0.0.0.0", 8443) in made.listening(), "the API listens")
    made.start_container("gateway")
    assert made.gateway.process.wait(20) == 1
    assert "0.0.0.0:8443" in made.gateway.output() and "in use" in made.gateway.output()


def test_a_config_with_an_unknown_key(pod):
    made = pod("edge", {"config.limits": {"bodies": "1MiB"}}).start()
    assert made.gateway.process.wait(20) == 78
    said = made.gateway.output()
    assert "/etc/gatewayd/config/gateway.yaml:" in said and "bodies" in said and "body" in said

"""The pod of the installed chart, run by hand: preStop, SIGTERM and the sidecar's own API."""
import signal
import socket
import threading
import time

import pytest
from harness import clients
from harness.waiting import eventually
from kube_chart import CHART, KUBERNETES, example, for_1_20, objects, sets
from kube_objects import HOST, Balancer, apply_certificate, apply_clients, connect, issue
from kube_pod import Pod

LEGACY = "legacy-api.legacy.svc.cluster.local"


@pytest.fixture
def secrets(cluster, namespace, pki):
    apply_certificate(cluster, namespace, issue(pki, "server-of-the-pod"))
    apply_clients(cluster, namespace, pki, [pki.revoked])


@pytest.fixture
def edge(cluster, namespace, secrets, image, origin):
    cluster.helm("install", "gw", CHART, "-n", namespace, "-f", example("edge"), *sets({
        "config.upstreams.legacy.endpoints": [f"{LEGACY}:{origin.port}"], "drain": {"announceSeconds": 2, "finishSeconds": 8}}))
    pod = Pod(cluster, namespace, "gw-mtls-gateway", image, {LEGACY: "NODE"})
    yield pod.start().until_ready()
    pod.close()


def test_hook_and_sigterm_lose_no_request(edge, pki):
    grace = edge.spec["terminationGracePeriodSeconds"]
    balancer = Balancer(edge, pki)
    eventually(lambda: len(balancer.done) > 50, "requests flow")
    began = time.monotonic()
    assert edge.gateway.stop(grace) == 0
    balancer.join()
    assert balancer.lost == [] and set(balancer.done) == {200}
    assert balancer.out.is_set(), "readiness said no while the pod still served"
    assert time.monotonic() - began < grace


def test_a_long_request_ends_within_the_grace(edge, pki, origin):
    """It is in flight when SIGTERM comes, and its answer still arrives."""
    begun, release = threading.Event(), threading.Event()

    def slow(exchange):
        begun.set()
        assert release.wait(30)
        return b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nlate"

    origin.handler = slow
    with connect(edge, pki) as connection:
        connection.send(clients.head(host=HOST))
        assert begun.wait(20)
        edge.gateway.process.send_signal(signal.SIGTERM)
        eventually(lambda: refused(edge), "the pod takes no new connection")
        release.set()
        assert connection.response().body == b"late"
    assert edge.gateway.process.wait(20) == 0


def refused(pod):
    try:
        socket.create_connection((pod.address, pod.gateway.port("https")), timeout=1).close()
        return False
    except OSError:
        return True


def test_liveness_holds_while_the_pod_drains(edge):
    """Else the kubelet would restart what is about to end."""
    assert edge.gateway.exec(["/usr/bin/gatewayctl", "drain", "--wait", "1s"]).returncode == 0
    assert not edge.gateway.probe("readiness")
    assert edge.gateway.probe("liveness")
    assert edge.gateway.exec(["/usr/bin/gatewayctl", "health"]).returncode == 1


@pytest.fixture(params=["chart", "manifests"])
def sidecar(request, cluster, namespace, secrets, image):
    """The pod of the sidecar, from the chart and from the plain manifests. Its API is what the example says: a file server on loopback."""
    if request.param == "chart":
        cluster.helm("install", "gw", CHART, "-n", namespace, "-f", example("sidecar"))
        deployment = "gw-mtls-gateway"
    else:
        plain = for_1_20(objects(cluster.kubectl("kustomize", KUBERNETES / "manifests/sidecar")))
        cluster.kubectl("apply", "-n", namespace, "-f", "-", stdin=plain)
        deployment = "legacy-api"
    pod = Pod(cluster, namespace, deployment, image)
    yield pod.start().until_ready()
    pod.close()


def test_a_sidecars_api_is_reached_through_the_gateway_only(sidecar, pki):
    def served():
        with connect(sidecar, pki) as connection:
            return connection.request(host=HOST).status == 200

    eventually(served, "the API answers through the gateway")
    api = sidecar.containers["api"]
    listening = sidecar.listening()
    assert ("127.0.0.1", 8080) in listening, api.output()
    assert {address for address, port in listening if port == 8080} == {"127.0.0.1"}
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((sidecar.address, 8080), timeout=5)
    assert clients.tls_error(8443, HOST, pki, host=sidecar.address) == "tlsv13 alert certificate required"
    for name, user in (("gateway", "65532"), ("api", "65534")):
        status = sidecar.containers[name].status()
        assert status["Uid"] == [user] * 4 and status["CapEff"] == ["0" * 16]


def test_a_sidecars_api_outlives_the_gateways_drain(sidecar):
    hook = sidecar.containers["api"].spec["lifecycle"]["preStop"]["exec"]["command"]
    assert hook == ["sleep", "40"]
    assert sidecar.spec["terminationGracePeriodSeconds"] > 40

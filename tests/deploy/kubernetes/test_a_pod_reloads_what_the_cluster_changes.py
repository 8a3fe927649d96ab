"""The pod of the installed chart, run by hand: what `kubectl apply` changes is served without a restart, what is bad is not."""
import pytest
import yaml
from harness import clients
from harness.waiting import eventually
from kube_chart import CHART, example, sets
from kube_objects import HOST, Balancer, apply, apply_certificate, apply_clients, connect, issue
from kube_pod import Pod
from kube_volume import MountFailed

RELOADED = "gateway_config_last_reload_success"
GENERATION = "gateway_config_generation"


@pytest.fixture
def edge(cluster, namespace, pki, image, origin):
    """The example of the edge chart, installed; only the upstream's port is the test's own."""
    apply_certificate(cluster, namespace, issue(pki, "first"))
    apply_clients(cluster, namespace, pki, [pki.revoked])
    cluster.helm("install", "gw", CHART, "-n", namespace, "-f", example("edge"), *sets({
        "config.upstreams.legacy.endpoints": [f"legacy-api.legacy.svc.cluster.local:{origin.port}"], "drain.announceSeconds": 1,
        "drain.finishSeconds": 5}))
    pod = Pod(cluster, namespace, "gw-mtls-gateway", image, {"legacy-api.legacy.svc.cluster.local": "NODE"})
    yield pod
    pod.close()


def served(pod, pki):
    """The serial number of the certificate that a new connection sees."""
    with connect(pod, pki) as connection:
        return connection.sock.getpeercert()["serialNumber"]


def status(pod, pki, cert="client"):
    with connect(pod, pki, cert) as connection:
        return connection.request(host=HOST).status


def refusal(pod, pki, cert):
    return clients.tls_error(pod.gateway.port("https"), HOST, pki, cert=getattr(pki, cert) if cert else None, host=pod.address)


def until_generation(pod, number):
    eventually(lambda: pod.gateway.metric(GENERATION) == number, f"generation {number} serves")
    assert pod.gateway.metric(RELOADED) == 1


def until_refused(pod):
    """The metric tells of the refused load; gives what the log says of it."""
    eventually(lambda: pod.gateway.metric(RELOADED) == 0, "a load was refused")
    return pod.gateway.output()


def test_the_pod_serves_as_it_was_declared(edge, pki, origin):
    edge.start().until_ready()
    now = edge.gateway.status()
    assert (now["Uid"], now["Gid"], now["CapEff"], now["NoNewPrivs"]) == (["65532"] * 4, ["65532"] * 4, ["0" * 16], ["1"])
    assert edge.gateway.probe("liveness")
    with connect(edge, pki) as connection:
        assert connection.request(host=HOST, target="/v1/orders").body == b"ok"
    assert origin.last().target == "/v1/orders" and origin.last().get("client-cert")
    assert refusal(edge, pki, None) == "tlsv13 alert certificate required"
    assert "revoked" in refusal(edge, pki, "revoked")
    asked = edge.gateway.exec(["/usr/bin/gatewayctl", "status"])
    assert asked.returncode == 0 and "api" in asked.stdout, asked.stderr
    assert "warning" not in edge.gateway.output()
    assert edge.gateway.exec(["/usr/bin/gatewayctl", "health"]).returncode == 0


def test_a_rotated_certificate_is_served_without_a_restart(edge, cluster, namespace, pki):
    edge.start().until_ready()
    second = issue(pki, "second")
    apply_certificate(cluster, namespace, second)
    assert edge.sync() == ["certificate-api"]
    until_generation(edge, 2)
    assert int(served(edge, pki), 16) == second.certificate.serial_number
    assert edge.gateway.metric("gateway_config_reloads_total", trigger="watch", result="reloaded") == 1


def test_a_new_crl_ends_a_client_that_is_connected(edge, cluster, namespace, pki):
    edge.start().until_ready()
    with connect(edge, pki, "bob") as bob, connect(edge, pki) as alice:
        assert bob.request(host=HOST).status == alice.request(host=HOST).status == 200
        apply_clients(cluster, namespace, pki, [pki.revoked, pki.bob])
        assert edge.sync() == ["trust-clients"]
        until_generation(edge, 2)
        assert bob.is_closed()
        assert alice.request(host=HOST).status == 200
    assert "revoked" in refusal(edge, pki, "bob")


def test_a_changed_config_is_served_and_a_bad_one_is_not(edge, cluster, namespace, pki):
    edge.start().until_ready()
    good = yaml.safe_load(cluster.get("configmap", "gw-mtls-gateway", namespace)["data"]["gateway.yaml"])

    def change(routes):
        good["virtual_hosts"][0]["routes"] = routes
        apply(cluster, namespace, "ConfigMap", "gw-mtls-gateway", {"gateway.yaml": yaml.safe_dump(good, width=200)})
        assert edge.sync() == ["config"]

    change([{"path": "/*", "respond": {"status": 203}}])
    until_generation(edge, 2)
    assert status(edge, pki) == 203

    change([{"path": "/*", "upstrem": "legacy"}])
    said = until_refused(edge)
    assert "/etc/gatewayd/config/gateway.yaml:" in said and "upstrem" in said and "upstream" in said
    assert status(edge, pki) == 203 and edge.gateway.probe("readiness"), "the old generation serves on"
    assert edge.gateway.metric(GENERATION) == 2

    change([{"path": "/*", "upstream": "legacy"}])
    until_generation(edge, 3)
    assert status(edge, pki) == 200


def test_a_secret_without_its_key_is_named_and_the_old_one_serves(edge, cluster, namespace, pki):
    edge.start().until_ready()
    cluster.kubectl("patch", "secret", "clients-ca", "-n", namespace, "--type=json", "-p", '[{"op": "remove", "path": "/data/ca.crl"}]')
    assert edge.sync() == ["trust-clients"]
    assert "/etc/gatewayd/trust/clients/ca.crl" in until_refused(edge)
    assert status(edge, pki) == 200 and "revoked" in refusal(edge, pki, "revoked")
    apply_clients(cluster, namespace, pki, [pki.revoked])
    edge.sync()
    until_generation(edge, 2)


def test_a_certificate_that_is_not_its_keys_is_refused(edge, cluster, namespace, pki):
    edge.start().until_ready()
    before, other = served(edge, pki), issue(pki, "other-key")
    apply(cluster, namespace, "Secret", "api-tls", {"tls.crt": issue(pki, "mixed").pem.read_text(), "tls.key": other.key.read_text()},
          type="kubernetes.io/tls")
    edge.sync()
    assert "/etc/gatewayd/certificates/api/tls.key" in until_refused(edge)
    assert served(edge, pki) == before


def test_a_pod_that_starts_without_its_ca_says_so_and_exits_78(edge, cluster, namespace):
    cluster.kubectl("delete", "secret", "clients-ca", "-n", namespace)
    edge.start()
    assert edge.gateway.process.wait(20) == 78
    assert "/etc/gatewayd/trust/clients/ca.crt" in edge.gateway.output()


def test_a_pod_whose_certificate_secret_is_missing_waits_for_it(edge, cluster, namespace, pki):
    cluster.kubectl("delete", "secret", "api-tls", "-n", namespace)
    with pytest.raises(MountFailed, match='secret "api-tls" not found'):
        edge.start()
    apply_certificate(cluster, namespace, issue(pki, "late"))
    edge.start().until_ready()
    assert status(edge, pki) == 200


def test_a_replaced_ca_admits_the_new_clients_and_ends_the_old(edge, cluster, namespace, pki):
    edge.start().until_ready()
    crl = pki.other.write_crl(pki.folder / "other-ca.crl")
    apply(cluster, namespace, "Secret", "clients-ca", {"ca.crt": pki.other.pem.read_text(), "ca.crl": crl.read_text()})
    with connect(edge, pki) as alice:
        assert alice.request(host=HOST).status == 200
        edge.sync()
        until_generation(edge, 2)
        assert alice.is_closed()
    assert status(edge, pki, "stranger") == 200
    assert "unknown ca" in refusal(edge, pki, "client")


def test_swaps_under_load_lose_no_request(edge, cluster, namespace, pki):
    edge.start().until_ready()
    balancer = Balancer(edge, pki)
    try:
        for generation in range(2, 6):
            so_far = len(balancer.done)
            apply_certificate(cluster, namespace, issue(pki, f"under-load-{generation}"))
            assert edge.sync() == ["certificate-api"]
            until_generation(edge, generation)
            eventually(lambda: len(balancer.done) > so_far + 20, "requests flow on")
    finally:
        balancer.stop()
    assert balancer.lost == [] and set(balancer.done) == {200}

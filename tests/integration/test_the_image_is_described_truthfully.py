"""What deploy/docker says, held to the rest of the repository; `./dev deploy-test image` builds and runs it."""
import re

import pytest
import yaml

from harness.gateway import ROOT, ctl

DOCKER = ROOT / "deploy/docker"
DOCKERFILE = (DOCKER / "Dockerfile").read_text()
COMPOSE = yaml.safe_load((DOCKER / "compose.yaml").read_text())


def test_the_version_in_the_label_is_the_project_s():
    version = re.search(r"project\(mtls_gateway VERSION (\S+)", (ROOT / "CMakeLists.txt").read_text())[1]
    assert re.findall(r"^ARG VERSION=(\S+)$", DOCKERFILE, re.MULTILINE) == [version]


def test_the_build_context_holds_what_the_dockerfile_copies_and_nothing_else():
    copied = set()
    for sources in re.findall(r"^COPY (?!--)(.*) \S+$", DOCKERFILE, re.MULTILINE):
        copied.update(sources.split())
    lines = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and not line.startswith("#")]
    assert lines[0] == "*" and {line.removeprefix("!") for line in lines[1:]} == copied
    assert all((ROOT / path).exists() for path in copied)


def test_the_probe_and_the_socket_are_the_same_everywhere():
    socket = re.search(r"GATEWAY_SOCKET=(\S+)", DOCKERFILE)[1]
    assert yaml.safe_load((DOCKER / "gateway.yaml").read_text())["admin"]["socket"] == socket
    probe = re.search(r"^HEALTHCHECK .*CMD (\[.*\])$", DOCKERFILE, re.MULTILINE)[1]
    assert COMPOSE["services"]["gateway"]["healthcheck"]["test"] == ["CMD", *yaml.safe_load(probe)]


@pytest.mark.parametrize("name", ["gateway", "pki"])
def test_our_services_have_no_rights(name):
    service = COMPOSE["services"][name]
    assert service["read_only"] is True and service["cap_drop"] == ["ALL"] and service["user"] == "65532:65532"
    assert service["security_opt"] == ["no-new-privileges:true"]


def test_only_the_gateway_reaches_the_legacy_api():
    services = COMPOSE["services"]
    legacy = services["legacy"]
    assert "ports" not in legacy and "network_mode" not in legacy
    assert all(COMPOSE["networks"][network]["internal"] for network in legacy["networks"])
    neighbours = {name for name, service in services.items() if set(service.get("networks", [])) & set(legacy["networks"])}
    assert neighbours == {"legacy", "gateway"}


def test_whoever_shows_what_the_metrics_say_is_on_loopback_only():
    for name in ("prometheus", "grafana"):
        assert all(port.startswith("127.0.0.1:") for port in COMPOSE["services"][name]["ports"])


def test_every_file_that_is_mounted_exists():
    for service in COMPOSE["services"].values():
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            assert source in COMPOSE["volumes"] or (DOCKER / source).exists(), source


def test_grafana_finds_prometheus_and_the_dashboard():
    grafana = {place: source for source, place, *_ in (volume.split(":") for volume in COMPOSE["services"]["grafana"]["volumes"])}
    provisioning = DOCKER / grafana["/etc/grafana/provisioning"]
    (datasource,) = [each for path in (provisioning / "datasources").iterdir() for each in yaml.safe_load(path.read_text())["datasources"]]
    assert datasource["url"] == "http://prometheus:9090" and "prometheus" in COMPOSE["services"]
    (provider,) = [each for path in (provisioning / "dashboards").iterdir() for each in yaml.safe_load(path.read_text())["providers"]]
    assert any(place.startswith(provider["options"]["path"] + "/") for place in grafana)


def test_the_gateway_s_config_is_right_but_for_the_certificates_that_it_waits_for(tmp_path):
    pki = tmp_path / "pki"
    assert ctl("pki", "init", str(pki), "--cn", "Demo CA").returncode == 0
    assert ctl("pki", "issue", str(pki), "server", "--server", "--dns", "api.localhost").returncode == 0
    config = tmp_path / "gateway.yaml"
    config.write_text((DOCKER / "gateway.yaml").read_text().replace("/var/lib/gatewayd/pki", str(pki)))
    checked = ctl("check", str(config))
    assert checked.returncode == 0 and ": ok, 0 warnings" in checked.stdout, checked.stdout + checked.stderr

"""The commands of deploy/docker/README.md, with podman in docker's place: one network namespace stands for the networks of compose."""
import json
import re
import shlex
import signal
import subprocess
from pathlib import Path

import compose
import pytest
from engine import MACHINE_FLAGS

from harness.waiting import eventually

README = (compose.FOLDER / "README.md").read_text()
NAMES = ("gateway", "legacy", "prometheus")


def commands(start):
    """The README's commands that begin so, without that beginning."""
    beginning = f"    {' '.join(start)} "
    return [shlex.split(line.removeprefix(beginning)) for line in README.splitlines() if line.startswith(beginning)]


class Network:
    """A network namespace with nothing but loopback, in which the names of the services are 127.0.0.1."""

    def __init__(self, folder):
        self.hosts = folder / "hosts"
        self.hosts.write_text(f"127.0.0.1 localhost {' '.join(NAMES)}\n")
        self.holder = subprocess.Popen(["unshare", "--net", "sh", "-c", "ip link set lo up && echo up && exec sleep infinity"],
                                       stdout=subprocess.PIPE, text=True)
        assert self.holder.stdout.readline() == "up\n"
        self.path = f"/proc/{self.holder.pid}/ns/net"
        self.flags = ["--network", f"ns:{self.path}", *(f"--add-host={name}:127.0.0.1" for name in NAMES)]
        self.children = []

    def command(self, *words):
        inside = f"mount --bind {shlex.quote(str(self.hosts))} /etc/hosts && exec {shlex.join(words)}"
        return ["nsenter", f"--net={self.path}", "unshare", "--mount", "sh", "-c", inside]

    def start(self, *words, log):
        with open(log, "wb") as out:
            self.children.append(subprocess.Popen(self.command(*words), stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT))

    def run(self, *words, **options):
        return subprocess.run(self.command(*words), capture_output=True, text=True, timeout=60, **options)

    def get(self, url):
        return self.run("curl", "-sS", "--max-time", "5", url).stdout

    def close(self):
        for child in [*self.children, self.holder]:
            child.send_signal(signal.SIGTERM)
            try:
                child.wait(15)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()


class Stack:
    def __init__(self, image, folder):
        self.engine, self.image, self.folder = image.engine, image, folder
        self.file = compose.read()
        self.services, self.volumes = self.file["services"], self.file["volumes"]
        self.remove_volumes()  # of a run that was killed
        self.network = Network(folder)
        self.gateway = None

    def flags(self, name):
        service = self.services[name]
        network = ["--network", "none"] if service.get("network_mode") == "none" else self.network.flags
        return [*MACHINE_FLAGS, *network, *compose.run_flags(service, self.volumes)]

    def run_pki(self, *arguments):
        return self.engine.call("run", "--rm", *self.flags("pki"), self.image.tag, *arguments)

    def start_gateway(self):
        self.gateway = self.engine.call("run", "--detach", *self.flags("gateway"), self.image.tag).stdout.strip()
        probe = self.services["gateway"]["healthcheck"]["test"]
        assert probe[0] == "CMD"
        eventually(lambda: self.engine.call("exec", self.gateway, *probe[1:], check=False).returncode == 0, "the gateway's probe succeeds")

    def start_legacy(self):
        """The host's nginx, with the mounted file where the image of nginx has it."""
        source = mounted(self.services["legacy"], "/etc/nginx/conf.d/default.conf")
        config = self.folder / "nginx.conf"
        config.write_text(f"daemon off; error_log stderr; pid {self.folder}/nginx.pid; events {{}}\n"
                          f"http {{ access_log off; include {source}; }}\n")
        self.network.start("nginx", "-c", str(config), "-p", str(self.folder), log=self.folder / "nginx.log")

    def start_prometheus(self):
        """The host's Prometheus, with the mounted files side by side as they are in the container."""
        folder = self.folder / "prometheus"
        folder.mkdir()
        for name in ("prometheus.yml", "alerts.yaml"):
            text = Path(mounted(self.services["prometheus"], f"/etc/prometheus/{name}")).read_text()
            (folder / name).write_text(text.replace("scrape_interval: 15s", "scrape_interval: 1s"))
        self.network.start("prometheus", f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data",
                           "--web.listen-address=127.0.0.1:9090", log=self.folder / "prometheus.log")

    def query(self, expression):
        answer = self.network.get(f"http://127.0.0.1:9090/api/v1/query?query={expression}")
        return json.loads(answer)["data"]["result"] if answer else []

    def close(self):
        if self.gateway:
            self.engine.call("rm", "--force", "--time", "5", self.gateway)
        self.network.close()
        self.remove_volumes()

    def remove_volumes(self):
        for volume in self.volumes:
            self.engine.call("volume", "rm", "--force", f"{compose.PROJECT}-{volume}")


def mounted(service, target):
    """The file on the host that is mounted there."""
    for entry in service["volumes"]:
        source, place = entry.split(":")[:2] if isinstance(entry, str) else (entry["source"], entry["target"])
        if place == target:
            return source
    raise AssertionError(f"nothing is mounted at {target}")


@pytest.fixture(scope="module")
def stack(image, tmp_path_factory):
    running = Stack(image, tmp_path_factory.mktemp("compose"))
    try:
        made = [running.run_pki(*arguments) for arguments in commands(["docker", "compose", "run", "--rm", "pki"])]
        assert len(made) == 3
        running.start_legacy()
        running.start_gateway()
        running.start_prometheus()
        ((source, target),) = commands(["docker", "compose", "cp"])
        running.engine.call("cp", source.replace("gateway:", f"{running.gateway}:"), str(running.folder / target))
        yield running
    finally:
        running.close()


def test_who_has_a_certificate_reaches_the_api_and_nobody_else(stack):
    known, unknown = commands(["curl"])
    served = stack.network.run("curl", "-sS", "--max-time", "10", *known, cwd=stack.folder)
    assert json.loads(served.stdout) == {"path": "/orders", "client": "CN=alice"}, served.stderr
    refused = stack.network.run("curl", "-sS", "--max-time", "10", *unknown, cwd=stack.folder)
    assert refused.returncode != 0 and refused.stdout == "" and "required" in refused.stderr, refused


def test_the_policy_of_the_config_decides(stack):
    stack.run_pki("issue", "/var/lib/gatewayd/pki", "mallory", "--client", "--dns", "mallory.elsewhere.example")
    stack.engine.call("cp", f"{stack.gateway}:/var/lib/gatewayd/pki/issued", str(stack.folder / "again"))
    answer = stack.network.run("curl", "-sS", "--max-time", "10", "--cacert", "pki/ca.pem", "--cert", "again/mallory.pem", "--key",
                               "again/mallory.key", "-o", "/dev/null", "-w", "%{http_code}", "https://api.localhost:8443/orders",
                               cwd=stack.folder)
    assert answer.stdout == "403", answer


def test_prometheus_scrapes_it_and_takes_the_rules(stack):
    eventually(lambda: [each["value"][1] for each in stack.query("up")] == ["1"], "Prometheus reaches the gateway by its name")
    eventually(lambda: stack.query("gateway_tls_handshakes_total"), "it has the gateway's metrics")
    groups = json.loads(stack.network.get("http://127.0.0.1:9090/api/v1/rules"))["data"]["groups"]
    assert groups and all(rule["health"] != "err" for group in groups for rule in group["rules"])


def test_a_stop_ends_well_in_its_time(stack):
    """Last: the other tests need the gateway. Compose waits so long before it kills; the drain must fit."""
    config = (compose.FOLDER / "gateway.yaml").read_text()
    drain = int(re.search(r"drain: (\d+)s", config)[1])
    assert int(stack.services["gateway"]["stop_grace_period"].removesuffix("s")) > drain
    stack.engine.call("stop", stack.gateway)
    assert json.loads(stack.engine.call("inspect", stack.gateway).stdout)[0]["State"]["ExitCode"] == 0

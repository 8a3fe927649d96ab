"""A real kube-apiserver with etcd on loopback: it stores, defaults and validates objects. No kubelet, no controllers, no scheduler."""
import json
import os
import secrets
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path

from harness.waiting import eventually

HERE = Path(__file__).resolve().parent
START = 60.0  # an apiserver on a busy machine


def tool(script):
    """What a script of this folder prints: a path. It may have to build it first."""
    return Path(subprocess.run([HERE / script], check=True, stdout=subprocess.PIPE, text=True).stdout.strip())


def free_ports(count):
    """Ports that are free now, all different."""
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in held]
    for each in held:
        each.close()
    return ports


class Failed(Exception):
    """A program ended with another status than 0; the text is what it wrote."""


class Tools:
    """helm and kubectl, with the kubeconfig of a cluster or without one."""

    def __init__(self, folder, kubeconfig=None):
        self.folder, self.home = folder, Path(tempfile.mkdtemp(prefix="kube-home-"))
        self.environment = {"PATH": os.environ["PATH"], "HOME": str(self.home), "KUBECONFIG": str(kubeconfig or "/dev/null")}

    def run(self, program, *arguments, stdin=None, timeout=120):
        done = subprocess.run([self.folder / program, *map(str, arguments)], input=stdin, capture_output=True, text=True,
                              env=self.environment, timeout=timeout)
        if done.returncode != 0:
            raise Failed(done.stderr + done.stdout)
        return done.stdout

    def helm(self, *arguments, **options):
        return self.run("helm", *arguments, **options)

    def kubectl(self, *arguments, **options):
        return self.run("kubectl", *arguments, **options)

    def get(self, kind, name, namespace):
        return json.loads(self.kubectl("get", kind, name, "-n", namespace, "-o", "json"))

    def names(self, kind, namespace):
        return sorted(self.kubectl("get", kind, "-n", namespace, "-o", "name").split())

    def close(self):
        shutil.rmtree(self.home, ignore_errors=True)


class Cluster(Tools):
    """Running from construction to close()."""

    def __init__(self, tools, apiserver):
        self.data = Path(tempfile.mkdtemp(prefix="kube-"))
        self.token, self.processes = secrets.token_hex(16), []
        self.port, self.etcd_port, self.peer_port = free_ports(3)
        super().__init__(tools, self.data / "kubeconfig")
        try:
            self._start_etcd()
            self._start_apiserver(apiserver)
        except BaseException:
            self.close()
            raise

    def _spawn(self, name, *command):
        with open(self.data / f"{name}.log", "wb") as log:
            self.processes.append(subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, cwd=self.data))

    def _start_etcd(self):
        client, peer = f"http://127.0.0.1:{self.etcd_port}", f"http://127.0.0.1:{self.peer_port}"
        self._spawn("etcd", "etcd", "--data-dir", str(self.data / "etcd"), "--listen-client-urls", client, "--advertise-client-urls",
                    client, "--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer, "--initial-cluster",
                    f"default={peer}", "--unsafe-no-fsync")

    def _start_apiserver(self, binary):
        (self.data / "tokens.csv").write_text(f'{self.token},operator,operator,"system:masters"\n')
        key, crt = self.data / "apiserver.key", self.data / "apiserver.crt"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=kube-apiserver", "-addext",
                        "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", crt], check=True, capture_output=True)
        self._spawn("apiserver", str(binary), "--etcd-servers", f"http://127.0.0.1:{self.etcd_port}", "--bind-address=127.0.0.1",
                    "--advertise-address=127.0.0.1", "--endpoint-reconciler-type=none", f"--secure-port={self.port}", "--insecure-port=0",
                    f"--tls-cert-file={crt}", f"--tls-private-key-file={key}", f"--cert-dir={self.data}",
                    f"--token-auth-file={self.data}/tokens.csv", "--authorization-mode=RBAC", "--anonymous-auth=false",
                    # There is no controller that would make the accounts and tokens which this plugin waits for.
                    "--disable-admission-plugins=ServiceAccount", "--service-cluster-ip-range=10.96.0.0/16",
                    "--service-account-issuer=https://kubernetes.default.svc", f"--service-account-key-file={key}",
                    f"--service-account-signing-key-file={key}")
        (self.data / "kubeconfig").write_text(json.dumps({
            "apiVersion": "v1", "kind": "Config", "current-context": "test",
            "clusters": [{"name": "test", "cluster": {"server": f"https://127.0.0.1:{self.port}", "certificate-authority": str(crt)}}],
            "users": [{"name": "test", "user": {"token": self.token}}],
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
        }))
        eventually(self._is_ready, "the apiserver is ready", START)

    def _is_ready(self):
        for process in self.processes:
            assert process.poll() is None, f"{process.args[0]} ended with {process.returncode}\n{self.logs()}"
        try:
            return self.kubectl("get", "--raw", "/readyz") == "ok" and self.kubectl("get", "namespace", "default")
        except Failed:
            return False

    def logs(self):
        return "\n".join(path.read_text(errors="replace")[-2000:] for path in sorted(self.data.glob("*.log")))

    def namespace(self):
        name = f"test-{secrets.token_hex(3)}"
        self.kubectl("create", "namespace", name)
        return name

    def close(self):
        for process in reversed(self.processes):
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        shutil.rmtree(self.data, ignore_errors=True)
        super().close()

"""One pod of a Deployment, run by hand from what the API server stores: a network namespace with an address of its own, the
declared volumes at the declared paths, a read-only root with nothing but the gateway, the declared user, probes and hooks.

What is not the kubelet's: cgroup limits, seccomp, the service network and DNS (names stand in the pod's hosts file)."""
import itertools
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import tempfile
import urllib.error
import urllib.request
from pathlib import Path

from harness.gateway import GATEWAYCTL, GATEWAYD
from harness.waiting import PATIENCE, eventually
from kube_volume import AtomicFolder, data_of, payload

NUMBERS = itertools.count()
SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def make_image(root):
    """The root of the gateway's image: both programs, the libraries that they load, and empty folders to mount on."""
    for source, target in ((GATEWAYD, "usr/sbin/gatewayd"), (GATEWAYCTL, "usr/bin/gatewayctl")):
        (root / target).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, root / target)
        libraries = subprocess.run(["ldd", source], check=True, capture_output=True, text=True).stdout
        for library in re.findall(r"(/\S+) \(0x", libraries):
            (root / library[1:]).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(library, root / library[1:])
    for folder in ("etc", "proc", "run", "dev", "tmp"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    for file in ("etc/hosts", "etc/resolv.conf", "dev/null"):
        (root / file).touch()
    (root / "etc/passwd").write_text("gatewayd:x:65532:65532::/:/sbin/nologin\n")
    return root


class Network:
    """A network namespace with one address, joined to the host's by a pair of interfaces."""

    def __init__(self):
        number = (os.getpid() * 8 + next(NUMBERS)) % 4096
        self.name, subnet = f"gwpod{number}", f"10.213.{number // 64}"
        self.node, self.address = f"{subnet}.{number % 64 * 4 + 1}", f"{subnet}.{number % 64 * 4 + 2}"
        self.link = f"gwn{number}"
        self._run("ip", "netns", "add", self.name)
        try:
            self._run("ip", "link", "add", self.link, "type", "veth", "peer", "name", "eth0", "netns", self.name)
            self._run("ip", "address", "add", f"{self.node}/30", "dev", self.link)
            self._run("ip", "link", "set", self.link, "up")
            for command in (f"address add {self.address}/30 dev eth0", "link set eth0 up", "link set lo up"):
                self._run("ip", "-n", self.name, *command.split())
        except BaseException:
            self.close()
            raise

    def _run(self, *command):
        subprocess.run(command, check=True, capture_output=True)

    def close(self):
        subprocess.run(["ip", "netns", "delete", self.name], check=False, capture_output=True)
        subprocess.run(["ip", "link", "delete", self.link], check=False, capture_output=True)


class Container:
    """One running container. `root` None: the machine's own root stands for its image."""

    def __init__(self, pod, spec, root):
        self.pod, self.spec, self.root = pod, spec, root
        self.out = pod.folder / f"{spec['name']}.out"
        security = spec.get("securityContext", {})
        self.user = security.get("runAsUser", 0)
        self.group = security.get("runAsGroup", self.user)
        command = [*spec.get("command", []), *spec.get("args", [])]
        script = "\n".join(["set -e", *self._mounts(), f"exec {shlex.join(self._entered(command))}"])
        with open(self.out, "ab") as out:
            self.process = subprocess.Popen(["ip", "netns", "exec", pod.network.name, "unshare", "--mount", "--propagation", "private",
                                             "sh", "-c", script],
                                            stdout=out, stderr=out, stdin=subprocess.DEVNULL, cwd="/", env=self._environment())

    def _environment(self):
        return {"PATH": SYSTEM_PATH, "HOSTNAME": self.pod.name} | {each["name"]: each["value"] for each in self.spec.get("env", [])}

    def _mounts(self):
        """Shell commands that lay the volumes over the image, in a mount namespace of the container's own."""
        if self.root is None:
            return []
        root = self.root
        lines = [f"mount --bind {root} {root}", f"mount -t proc proc {root}/proc", f"mount --bind /dev/null {root}/dev/null",
                 f"mount --bind {self.pod.folder}/hosts {root}/etc/hosts"]
        volumes = {volume["name"]: volume for volume in self.pod.spec["volumes"]}
        for mount in self.spec.get("volumeMounts", []):
            assert "subPath" not in mount, "the kubelet never updates a subPath mount"
            target = f"{root}{mount['mountPath']}"
            (root / mount["mountPath"][1:]).mkdir(parents=True, exist_ok=True)
            empty = volumes[mount["name"]].get("emptyDir")
            if empty is not None:
                size = empty["sizeLimit"].removesuffix("i")
                lines.append(f"mount -t tmpfs -o size={size},mode=2777,gid={self.pod.fs_group} tmpfs {target}")
            else:
                lines.append(f"mount --bind {self.pod.volumes[mount['name']].path} {target}")
            if mount.get("readOnly"):
                lines.append(f"mount -o remount,ro,bind {target}")
        if self.spec["securityContext"]["readOnlyRootFilesystem"]:
            lines.append(f"mount -o remount,ro,bind {root}")
        return lines

    def _entered(self, command):
        """The command as the container's user. Leaving root by setuid leaves every capability behind."""
        return ["setpriv", "--no-new-privs", "chroot", f"--userspec={self.user}:{self.group}", f"--groups={self.pod.fs_group}",
                str(self.root or "/"), *command]

    def exec(self, command, timeout=PATIENCE):
        """As `kubectl exec` and hooks do it: in the namespaces of the running container."""
        enter = ["nsenter", "--target", str(self.process.pid), "--mount", "--net", *self._entered(command)]
        return subprocess.run(enter, capture_output=True, text=True, timeout=timeout, env=self._environment(), stdin=subprocess.DEVNULL)

    def output(self):
        return self.out.read_text(errors="replace")

    def status(self):
        """/proc/PID/status as a mapping."""
        lines = Path(f"/proc/{self.process.pid}/status").read_text().splitlines()
        return {key: value.split() for key, _, value in (line.partition(":") for line in lines)}

    def port(self, name):
        return next(port["containerPort"] for port in self.spec["ports"] if port["name"] == name)

    def probe(self, kind):
        """What the kubelet would conclude from one probe: GET from outside to the pod's address, 200 to 399 is a success."""
        asked = self.spec[f"{kind}Probe"]
        return 200 <= self.get(asked["httpGet"]["port"], asked["httpGet"]["path"], asked.get("timeoutSeconds", 1))[0] < 400

    def get(self, port, path, timeout=PATIENCE):
        number = port if isinstance(port, int) else self.port(port)
        try:
            with urllib.request.urlopen(f"http://{self.pod.address}:{number}{path}", timeout=timeout) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError:
            return 0, ""

    def metric(self, name, **labels):
        """The sum of the series with these labels."""
        total = 0.0
        code, text = self.get("metrics", "/metrics")
        assert code == 200, f"/metrics: {code or 'no answer'}"
        for line in text.splitlines():
            match = re.match(rf"{name}(?:\{{(.*)\}})? (\S+)$", line)
            if match and labels.items() <= dict(re.findall(r'(\w+)="([^"]*)"', match[1] or "")).items():
                total += float(match[2])
        return total

    def stop(self, seconds):
        """preStop, then SIGTERM, all within the pod's grace. Gives the exit status; SIGKILL is an error here."""
        hook = self.spec.get("lifecycle", {}).get("preStop", {}).get("exec")
        result = self.exec(hook["command"], timeout=seconds) if hook else None
        assert result is None or result.returncode == 0, result.stdout + result.stderr
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(seconds)

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


class Pod:
    """`hosts`: names that the cluster's DNS would know, with their addresses; NODE stands for the machine itself."""

    def __init__(self, cluster, namespace, deployment, image, hosts=None):
        self.cluster, self.namespace, self.image = cluster, namespace, image
        template = cluster.get("deployment", deployment, namespace)["spec"]["template"]
        self.spec, self.name = template["spec"], f"{deployment}-0"
        self.fs_group = self.spec["securityContext"]["fsGroup"]
        self.folder = Path(tempfile.mkdtemp(prefix="gwpod-"))
        self.folder.chmod(0o755)
        self.network, self.containers, self.volumes = Network(), {}, {}
        self.address, self.node = self.network.address, self.network.node
        lines = {"localhost": "127.0.0.1", self.name: self.address} | (hosts or {})
        (self.folder / "hosts").write_text("".join(f"{address.replace('NODE', self.node)} {name}\n" for name, address in lines.items()))

    def _read(self, kind, name):
        found = self.cluster.kubectl("get", kind, name, "-n", self.namespace, "--ignore-not-found", "-o", "json")
        return data_of(json.loads(found)) if found else None

    def sync(self):
        """What the kubelet does about once a minute: brings the volumes up to date. Names of those that changed."""
        changed = []
        for volume in self.spec["volumes"]:
            if "emptyDir" in volume:
                continue
            files = payload(volume, self._read)
            if volume["name"] not in self.volumes:
                self.volumes[volume["name"]] = AtomicFolder(self.folder / "volumes" / volume["name"], self.fs_group)
            if self.volumes[volume["name"]].write(files):
                changed.append(volume["name"])
        return changed

    def start(self):
        self.sync()
        for spec in self.spec["containers"]:
            self.start_container(spec["name"])
        return self

    def start_container(self, name):
        spec = next(each for each in self.spec["containers"] if each["name"] == name)
        self.containers[name] = Container(self, spec, self.image if name == "gateway" else None)

    def until_ready(self):
        """Startup first, then readiness, as the kubelet would ask."""
        for kind in ("startup", "readiness"):
            eventually(lambda: self.gateway.process.poll() is not None or self.gateway.probe(kind), f"the {kind} probe succeeds")
            assert self.gateway.process.poll() is None, self.gateway.output()
        return self

    def listening(self):
        """(address, port) of every listening TCP socket in the pod."""
        command = ["ip", "netns", "exec", self.network.name, "ss", "-H", "-t", "-l", "-n"]
        lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
        return {(address, int(port)) for address, _, port in (line.split()[3].rpartition(":") for line in lines)}

    @property
    def gateway(self):
        return self.containers["gateway"]

    def close(self):
        for container in self.containers.values():
            container.close()
        self.network.close()
        shutil.rmtree(self.folder, ignore_errors=True)

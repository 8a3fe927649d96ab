"""Builds by buildah and runs by podman, in a store of their own: no daemon, no registry, nothing of the machine's containers."""
import json
import os
import re
import subprocess
from pathlib import Path

import yaml
from debian_root import CACHE, root_tarball

from harness.config import dump
from harness.gateway import ROOT
from harness.waiting import eventually, free_port

DOCKERFILE = ROOT / "deploy/docker/Dockerfile"
UID = 65532
# Layers of earlier builds save the next one minutes, until there are too many of them.
MAX_IMAGES = 80
RUN_FOLDER = "/run/gatewayd"
# What a container may have on a machine whose control groups and limits belong to somebody else.
MACHINE_FLAGS = ["--no-healthcheck", "--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1024:1024", "--log-driver", "k8s-file"]


def storage_driver():
    return "overlay" if re.search(r"\boverlay$", Path("/proc/filesystems").read_text(), re.MULTILINE) else "vfs"


class Engine:
    def __init__(self):
        assert os.geteuid() == 0, "images are built and run as root here"
        driver = storage_driver()
        # The database of the store remembers both folders: they stay.
        root, runroot = CACHE / f"containers-{driver}", CACHE / f"containers-{driver}-run"
        self.store = ["--root", str(root), "--runroot", str(runroot), "--storage-driver", driver]
        self.podman = ["podman", *self.store, "--cgroup-manager", "cgroupfs", "--runtime", "runc"]
        self.layers = ["--layers"] if driver == "overlay" else []  # vfs copies the whole root for each
        if len(self.call("images", "--all", "--quiet").stdout.split()) > MAX_IMAGES:
            self.call("rmi", "--all", "--force")

    def call(self, *arguments, check=True, **options):
        done = subprocess.run([*self.podman, *arguments], capture_output=True, text=True, timeout=120, **options)
        assert not check or done.returncode == 0, f"podman {' '.join(arguments)}: {done.stderr}"
        return done

    def base(self, release):
        """What debian:RELEASE-slim is to others."""
        tarball = root_tarball(release)
        tag = f"localhost/debian-base:{tarball.stem}"
        if self.call("image", "exists", tag, check=False).returncode:
            self.call("import", "--quiet", str(tarball), tag)
        return tag

    def build(self, release, tag, *, revision):
        """As `docker build` would; what is unchanged since the last run comes from the layers of that run."""
        command = ["buildah", *self.store, "bud", "--isolation", "chroot", "--format", "docker", *self.layers, "--pull-never",
                   "--build-arg", f"BASE={self.base(release)}", "--build-arg", f"REVISION={revision}", "-f", str(DOCKERFILE), "-t", tag,
                   str(ROOT)]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        assert done.returncode == 0, done.stdout[-8000:]
        return Image(self, tag)


class Image:
    def __init__(self, engine, tag):
        self.engine, self.tag = engine, tag

    def inspect(self):
        return json.loads(self.engine.call("image", "inspect", self.tag).stdout)[0]

    def unpack(self, folder):
        """Its files, as its only layers give them."""
        container = self.engine.call("create", self.tag).stdout.strip()
        try:
            archive = Path(folder) / "image.tar"
            self.engine.call("export", "-o", str(archive), container)
            subprocess.run(["tar", "-xpf", str(archive), "--numeric-owner", "-C", str(folder)], check=True)
            archive.unlink()
        finally:
            self.engine.call("rm", container)


class Container:
    """The image as an operator runs it: read-only root, no capabilities, one writable tmpfs, the config mounted read-only. The host's
    network, for there is no other here."""

    def __init__(self, image, folder, *, run_tmpfs=True, flags=(), command=()):
        self.engine, self.image, self.folder = image.engine, image, Path(folder)
        self.port, self.admin_port = free_port(), free_port()
        self.rights = ["--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges"]
        self.rights += ["--tmpfs", RUN_FOLDER] if run_tmpfs else []
        # podman's --read-only would bring a /run and a /tmp that can be written; Docker's does not.
        self.flags = ["--network", "host", *self.rights, "--read-only-tmpfs=false", "--volume", f"{self.folder}:/etc/gatewayd:ro"]
        self.flags += flags
        self.command = list(command)
        self.id = None

    def write(self, doc):
        """The config; a document gets this container's listener and admin part, a text is written as it is."""
        if not isinstance(doc, str):
            doc = {"listeners": [{"bind": f"127.0.0.1:{self.port}"}],
                   "admin": {"socket": f"{RUN_FOLDER}/gatewayd.sock", "metrics": f"127.0.0.1:{self.admin_port}"}, **doc}
            doc = dump(doc)
        temporary = self.folder / "gatewayd.yaml.new"
        temporary.write_text(doc)
        temporary.chmod(0o644)
        temporary.rename(self.folder / "gatewayd.yaml")
        return self

    def config(self):
        return yaml.safe_load((self.folder / "gatewayd.yaml").read_text())

    def spawn(self):
        self.id = self.engine.call("run", "--detach", *MACHINE_FLAGS, *self.flags, self.image.tag, *self.command).stdout.strip()
        return self

    def start(self):
        self.spawn()
        eventually(self.is_ready, "the container is ready")
        return self

    def is_ready(self):
        assert self.running(), f"it ended with {self.exit_code()}: {self.logs()}"
        return self.health().returncode == 0

    def health(self):
        """The image's own probe, inside."""
        probe = self.image.inspect()["Healthcheck"]["Test"]
        assert probe[0] == "CMD"
        return self.exec(*probe[1:])

    def exec(self, *command):
        return self.engine.call("exec", self.id, *command, check=False)

    def state(self):
        return json.loads(self.engine.call("inspect", self.id).stdout)[0]["State"]

    def running(self):
        return self.state()["Status"] == "running"

    def exit_code(self):
        return self.state()["ExitCode"]

    def pid(self):
        return self.state()["Pid"]

    def signal(self, name):
        self.engine.call("kill", "--signal", name, self.id)

    def wait(self):
        """The exit code, once it has ended by itself."""
        eventually(lambda: not self.running(), "the container ended")
        return self.exit_code()

    def logs(self):
        done = self.engine.call("logs", self.id)
        return done.stdout + done.stderr

    def remove(self):
        if self.id:
            self.engine.call("rm", "--force", "--time", "5", self.id)
            self.id = None

"""A Debian 13 with OpenSSL's pkcs11 provider and SoftHSM, and the gateway built in it. Programs run in it with this machine's network
and /tmp, so that the harness finds their sockets and logs."""
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from debian_root import CACHE, root_tarball

from harness.gateway import ROOT

MODULE = "/usr/lib/softhsm/libsofthsm2.so"
PIN = "246813"
PACKAGES = ("g++", "cmake", "ninja-build", "ccache", "pkg-config", "libuv1-dev", "libssl-dev", "libyaml-cpp-dev", "prometheus-cpp-dev",
            "libcli11-dev", "nlohmann-json3-dev", "libfmt-dev", "libre2-dev", "libllhttp-dev", "openssl", "pkcs11-provider", "softhsm2")
MINUTES = 60


class TokenRoot:
    def __init__(self, folder):
        self.folder = folder
        subprocess.run(["tar", "-xpf", str(root_tarball("trixie", PACKAGES)), "--numeric-owner", "-C", str(folder)], check=True)
        folder.chmod(0o755)
        for name in ("src", "ccache"):
            (folder / name).mkdir()
        self.ccache = CACHE / "ccache-trixie"
        self.ccache.mkdir(parents=True, exist_ok=True)

    def wrap(self, *more):
        """What stands before a command that runs in here. Its mounts end with it; it keeps its process id."""
        mounts = [("/tmp", "tmp"), ("/dev", "dev"), ("/proc", "proc"), (str(self.ccache), "ccache")]
        steps = [f"mount --bind {source} {self.folder}/{target}" for source, target in mounts]
        return ["unshare", "--mount", "--", "sh", "-c", " && ".join([*steps, 'exec "$@"']), "sh", "chroot", str(self.folder), *more]

    def run(self, *command, check=True, **options):
        return subprocess.run([*self.wrap(), *command], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=check, **options)

    def build(self):
        listed = subprocess.run(["git", "-C", str(ROOT), "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
                                capture_output=True, check=True).stdout
        for name in filter(None, listed.decode().split("\0")):
            if (ROOT / name).is_file():
                target = self.folder / "src" / name
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / name, target)
        environment = {"PATH": "/usr/bin:/bin:/usr/sbin:/sbin", "CCACHE_DIR": "/ccache", "LANG": "C.UTF-8"}
        launcher = [f"-DCMAKE_{language}_COMPILER_LAUNCHER=ccache" for language in ("C", "CXX")]
        for step in (["cmake", "-S", "/src", "-B", "/src/build", "-G", "Ninja", "-DCMAKE_BUILD_TYPE=RelWithDebInfo", "-DBUILD_TESTING=OFF", *launcher],
                     ["ninja", "-C", "/src/build", "-j", str(os.cpu_count()), "gatewayd", "gatewayctl"]):
            done = self.run(*step, check=False, env=environment, timeout=60 * MINUTES)
            assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]


class Token:
    """A SoftHSM of its own, with one initialised token."""

    def __init__(self, root, label="gateway"):
        self.root, self.label = root, label
        self.folder = Path(tempfile.mkdtemp(prefix="gw-token-"))
        self.store = self.folder / "tokens"
        self.store.mkdir()
        config = self.folder / "softhsm2.conf"
        config.write_text(f"directories.tokendir = {self.store}\nobjectstore.backend = file\nlog.level = ERROR\n")
        self.environment = {**os.environ, "SOFTHSM2_CONF": str(config)}
        self.pin = self.folder / "pin"
        self.pin.write_text(PIN + "\n")
        self.pin.chmod(0o600)
        self.util("--init-token", "--free", "--label", label, "--so-pin", "975310", "--pin", PIN)

    def util(self, *arguments):
        return self.root.run("softhsm2-util", *arguments, env=self.environment)

    def take(self, certificate, name, number):
        """The key of `certificate` moves into the token: no file has it any longer."""
        form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        moving = self.folder / "moving.key"
        moving.write_bytes(certificate.private_key.private_bytes(*form))
        self.util("--import", str(moving), "--token", self.label, "--label", name, "--id", f"{number:02X}", "--pin", PIN)
        moving.unlink()
        certificate.key.unlink(missing_ok=True)
        return self.uri(name)

    def uri(self, name):
        return f"pkcs11:token={self.label};object={name}"

    def remove(self):
        shutil.rmtree(self.folder, ignore_errors=True)

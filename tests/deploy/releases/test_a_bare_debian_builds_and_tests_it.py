"""`./dev test` on a Debian that has nothing but its essential packages: it installs what it needs, builds, and passes."""
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest
from debian_root import CACHE, RELEASES, root_tarball

from harness.gateway import ROOT

MINUTES = 60


def copy_sources(target):
    listed = subprocess.run(["git", "-C", str(ROOT), "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
                            capture_output=True, check=True).stdout
    for name in filter(None, listed.decode().split("\0")):
        source = ROOT / name
        if source.is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target / name)


@pytest.fixture(params=RELEASES)
def bare(request):
    """A root of the release with the sources in /src; what it compiles is kept for the next run."""
    with tempfile.TemporaryDirectory(prefix=f"gw-{request.param}-", dir=CACHE) as name:
        root = Path(name)
        subprocess.run(["tar", "-xpf", str(root_tarball(request.param)), "--numeric-owner", "-C", name], check=True)
        root.chmod(0o755)
        # As on every installed Debian.
        (root / "etc/hosts").write_text("127.0.0.1 localhost\n::1 localhost\n")
        copy_sources(root / "src")
        ccache = CACHE / f"ccache-{request.param}"
        ccache.mkdir(parents=True, exist_ok=True)
        # Its own init ends whatever a test leaves behind, and nothing of it is known to this machine's service manager.
        run = ["systemd-nspawn", "--quiet", "--register=no", "--keep-unit", "--as-pid2", "--pipe", "--directory", name, "--chdir=/src",
               f"--bind={ccache}:/var/cache/ccache", "--setenv=CCACHE_DIR=/var/cache/ccache", "--setenv=CI=true"]
        yield request.param, run


def test_dev_test_passes(bare):
    release, run = bare
    log = CACHE / f"dev-test-{release}.log"
    with open(log, "wb") as out:
        done = subprocess.run([*run, "./dev", "test"], stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT, timeout=MINUTES * 60)
    text = log.read_text(errors="replace")
    tally = re.findall(r"^(\d+) passed, (\d+) failed$", text, re.MULTILINE)
    print(f"{release}: {tally} ({log})")
    assert done.returncode == 0, text[-6000:]
    assert int(tally[-1][0]) > 1000 and tally[-1][1] == "0"
    versions = subprocess.run([*run, "build/bin/gatewayd", "--version"], capture_output=True, text=True, check=True).stdout
    print(versions)
    assert re.search(r"OpenSSL.* 3\.[05]\." if release == "bookworm" else r"OpenSSL.* 3\.5\.", versions), versions

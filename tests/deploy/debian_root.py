"""Root file systems of Debian releases, made by mmdebstrap from the archives this machine is configured for, kept between runs."""
import hashlib
import os
import subprocess
from pathlib import Path

RELEASES = ("bookworm", "trixie")
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "mtls-gateway"


def archives(release):
    """sources.list lines for `release`, from wherever this machine gets Debian and its security updates."""
    listed = subprocess.run(["apt-get", "indextargets", "--format", "$(ORIGIN)|$(LABEL)|$(REPO_URI)", "Created-By: Packages"],
                            capture_output=True, text=True, check=True).stdout.splitlines()
    uris = {}
    for line in listed:
        origin, label, uri = line.split("|")
        if origin == "Debian":
            uris.setdefault(label, uri)
    assert "Debian" in uris, f"no Debian archive is configured here: {listed}"
    lines = [f"deb {uris['Debian']} {release} main", f"deb {uris['Debian']} {release}-updates main"]
    if "Debian-Security" in uris:
        lines.append(f"deb {uris['Debian-Security']} {release}-security main")
    return lines


def root_tarball(release, packages=()):
    """A tar of a minimal `release` with `packages`."""
    key = hashlib.sha256("\n".join([*archives(release), *packages]).encode()).hexdigest()[:12]
    tarball = CACHE / f"root-{release}-{key}.tar"
    if not tarball.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        unfinished = tarball.with_suffix(f".{os.getpid()}.tar")
        include = [f"--include={','.join(packages)}"] if packages else []
        try:
            subprocess.run(["mmdebstrap", "--quiet", "--variant=minbase", *include, release, str(unfinished), *archives(release)],
                           check=True)
            unfinished.rename(tarball)
        finally:
            unfinished.unlink(missing_ok=True)
    return tarball

"""The image of each release, built once a run, and containers of it."""
import subprocess
import tempfile
from pathlib import Path

import pytest
from debian_root import RELEASES
from engine import UID, Container, Engine

from harness.config import document, respond, virtual_host
from harness.gateway import ROOT
from harness.origin import Origin
from harness.pki import Pki


def revision():
    done = subprocess.run(["git", "-C", str(ROOT), "rev-parse", "HEAD"], capture_output=True, text=True)
    return done.stdout.strip() or "unknown"


@pytest.fixture(scope="session")
def engine():
    return Engine()


@pytest.fixture(scope="session", params=RELEASES)
def image(request, engine):
    made = engine.build(request.param, f"localhost/mtls-gateway:{request.param}", revision=revision())
    made.release = request.param
    return made


@pytest.fixture(scope="session")
def files(image):
    """The image's root, unpacked."""
    with tempfile.TemporaryDirectory(prefix="gw-image-") as folder:
        image.unpack(folder)
        yield Path(folder)


@pytest.fixture
def mounted():
    """A folder as ConfigMaps and Secrets are mounted: /etc/gatewayd, readable by the gateway's user, with the PKI in it."""
    with tempfile.TemporaryDirectory(prefix="gw-etc-") as name:
        folder = Path(name)
        pki = Pki(folder)
        for path in folder.rglob("*"):
            path.chmod(0o640 if path.suffix == ".key" else 0o644)
        subprocess.run(["chown", "-R", f"0:{UID}", name], check=True)
        folder.chmod(0o750)
        yield folder, pki


@pytest.fixture
def container(image, mounted):
    """container(**options) makes one that is not started yet; all are removed at the test's end."""
    made = []

    def make(**options):
        made.append(Container(image, mounted[0], **options))
        return made[-1]

    yield make
    for each in made:
        each.remove()


@pytest.fixture
def pki(mounted):
    return mounted[1]


@pytest.fixture
def origin():
    started = []

    def start(handler=None):
        started.append(Origin(handler))
        return started[-1]

    yield start
    for each in started:
        each.stop()


def inside(pki, *hosts, **more):
    """A config document that names its files as the container sees them."""
    return relocate(document(pki, *hosts, **more), str(pki.folder), "/etc/gatewayd")


def relocate(value, before, after):
    if isinstance(value, dict):
        return {key: relocate(each, before, after) for key, each in value.items()}
    if isinstance(value, list):
        return [relocate(each, before, after) for each in value]
    return value.replace(before, after) if isinstance(value, str) else value


@pytest.fixture
def strict_host(pki):
    """strict_host(text="ok") is the config of one host that wants certificates and answers by itself."""
    return lambda text="ok", **more: inside(pki, virtual_host(pki, "strict", "strict", routes=[respond(text)]), **more)

"""Fixtures: one PKI a test process, a gateway and origins a test."""
import tempfile
from pathlib import Path

import pytest

from harness.config import document, respond, virtual_host
from harness.gateway import GATEWAYD, Gateway
from harness.origin import Origin
from harness.pki import Pki


def pytest_sessionstart(session):
    if not Path(GATEWAYD).exists():
        pytest.exit(f"{GATEWAYD} does not exist: run ./dev build, or set GATEWAYD_BIN", returncode=2)


@pytest.fixture(scope="session")
def pki():
    with tempfile.TemporaryDirectory(prefix="gw-pki-") as folder:
        yield Pki(Path(folder))


@pytest.fixture
def gateway():
    """gateway(document) starts one; all of a test's are stopped at its end and must end well."""
    started = []

    def start(doc, **options):
        started.append(Gateway(doc, **options))
        return started[-1].start()

    start.unstarted = lambda doc, **options: started.append(Gateway(doc, **options)) or started[-1]
    yield start
    for each in started:
        each.stop()


@pytest.fixture
def origin():
    """origin(handler) starts an upstream server."""
    started = []

    def start(handler=None, **options):
        started.append(Origin(handler, **options))
        return started[-1]

    yield start
    for each in started:
        each.stop()


@pytest.fixture
def open_host(pki, gateway, origin):
    """The plainest set-up: one host without client certificates before one origin. open_host(handler) -> gateway, origin."""

    def start(handler=None, *, host=None, **more):
        behind = origin(handler)
        return gateway(document(pki, virtual_host(pki, "open", **(host or {})), origins=[behind.address], **more)), behind

    return start


@pytest.fixture(scope="module")
def modes(pki):
    """One gateway with the three modes, shared by a file's tests: each host answers with its own name."""
    hosts = [virtual_host(pki, mode_name, mode, routes=[respond(mode_name)])
             for mode_name, mode in (("open", "off"), ("flexible", "optional"), ("strict", "strict"))]
    hosts.append(virtual_host(pki, "strict2", "strict", trust="others", routes=[respond("strict2")]))
    running = Gateway(document(pki, *hosts)).start()
    yield running
    running.stop()

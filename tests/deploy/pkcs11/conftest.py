"""One Debian 13 root a run, with the gateway built in it; a token and gateways a test."""
import tempfile
from pathlib import Path

import pytest
from debian_root import CACHE
from token_root import Token, TokenRoot

import harness.gateway
from harness.gateway import Gateway
from harness.pki import Pki


@pytest.fixture(scope="session")
def root():
    CACHE.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="gw-pkcs11-", dir=CACHE) as folder:
        made = TokenRoot(Path(folder))
        made.build()
        yield made


@pytest.fixture(scope="session")
def pki():
    with tempfile.TemporaryDirectory(prefix="gw-pki-") as folder:
        yield Pki(Path(folder))


@pytest.fixture
def token(root):
    made = Token(root)
    yield made
    made.remove()


@pytest.fixture
def gateway(root, token, monkeypatch):
    """gateway(document) starts one in the root, with the token; all of a test's are stopped at its end."""
    monkeypatch.setattr(harness.gateway, "GATEWAYD", "/src/build/bin/gatewayd")
    started = []

    def make(doc, environment=None):
        started.append(Gateway(doc, wrap=root.wrap(), environment={**token.environment, **(environment or {})}))
        return started[-1]

    make.started = lambda doc, **options: make(doc, **options).start()
    yield make
    for each in started:
        each.stop()

"""The package, and machines that it is installed in."""
import subprocess
from pathlib import Path

import pytest
from machine import Machine

from harness.gateway import ROOT


@pytest.fixture(scope="session")
def package():
    """The package of this tree."""
    done = subprocess.run([ROOT / "dev", "package"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return Path(done.stdout.splitlines()[-1])


@pytest.fixture(scope="session")
def machine_with_dependencies(package):
    """machine_with_dependencies() is a fresh booted machine that can install the package."""
    made = []

    def make():
        made.append(Machine())
        made[-1].fetch_for(package)
        return made[-1].boot()

    yield make
    for each in made:
        each.end()

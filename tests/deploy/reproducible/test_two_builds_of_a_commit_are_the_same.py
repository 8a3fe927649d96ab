"""The commit is built twice, in folders of other names and lengths, with another locale, time zone, home and umask, and without the
compiler's cache: the programs and the package are the same bytes."""
import hashlib
import os
import re
import subprocess

import pytest

from harness.gateway import ROOT

BUILDERS = {"a": {"TZ": "UTC", "LC_ALL": "C.UTF-8", "umask": 0o022},
            "another-builder/in/a/folder/far/down": {"TZ": "Asia/Kathmandu", "LC_ALL": "C", "umask": 0o077}}
SAME = ("build-package/bin/gatewayd", "build-package/bin/gatewayctl", "build-package/gatewayd.cdx.json")


def build(folder, builder):
    folder.mkdir(parents=True)
    subprocess.run(["git", "clone", "--quiet", "--no-hardlinks", ROOT, folder / "source"], check=True)
    home = folder / "home"
    home.mkdir()
    environment = {**os.environ, "HOME": str(home), "TZ": builder["TZ"], "LC_ALL": builder["LC_ALL"], "CCACHE_DISABLE": "1"}
    environment.pop("SOURCE_DATE_EPOCH", None)
    done = subprocess.run(["./dev", "package"], cwd=folder / "source", env=environment, umask=builder["umask"], capture_output=True, text=True)
    assert done.returncode == 0, (done.stdout + done.stderr)[-4000:]
    return folder / "source"


@pytest.fixture(scope="module")
def trees(tmp_path_factory):
    base = tmp_path_factory.mktemp("builds")
    return [build(base / name, builder) for name, builder in BUILDERS.items()]


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def package(tree):
    (found,) = (tree / "build-package").glob("*.deb")
    return found


@pytest.mark.parametrize("name", SAME)
def test_the_programs_and_their_bill_of_materials_are_the_same(trees, name):
    first, second = (digest(tree / name) for tree in trees)
    print(name, first)
    assert first == second


def test_the_packages_are_the_same(trees):
    first, second = map(package, trees)
    print(first.name, digest(first))
    assert first.name == second.name
    if digest(first) != digest(second):
        told = subprocess.run(["diffoscope", "--no-progress", "--max-report-size", "20000", first, second], capture_output=True, text=True)
        raise AssertionError(told.stdout)


def test_no_folder_of_the_builder_is_in_the_programs(trees):
    for tree in trees:
        for name in SAME:
            assert str(tree).encode() not in (tree / name).read_bytes(), name


def test_the_programs_tell_the_commit(trees):
    head = subprocess.run(["git", "-C", ROOT, "rev-parse", "HEAD"], capture_output=True, text=True, check=True).stdout.strip()
    told = subprocess.run([trees[0] / "build-package/bin/gatewayd", "--version"], capture_output=True, text=True, check=True).stdout
    assert head.startswith(re.search(r"\(commit ([0-9a-f]{12,}),", told)[1])

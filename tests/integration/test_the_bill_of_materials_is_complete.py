"""scripts/sbom.py: every library that the loader takes, with its package and digest; what is compiled in; the same bytes each time."""
import hashlib
import json
import os
import re
import subprocess

import pytest

from harness.gateway import GATEWAYCTL, GATEWAYD, ROOT

EPOCH = "1700000000"


def make(path):
    done = subprocess.run(["/usr/bin/python3", ROOT / "scripts/sbom.py", "--version", "1.2.3", "--commit", "abc", "--output", path, GATEWAYD,
                           GATEWAYCTL], capture_output=True, text=True, env={**os.environ, "SOURCE_DATE_EPOCH": EPOCH})
    assert done.returncode == 0, done.stderr
    return path.read_text()


@pytest.fixture(scope="module")
def text(tmp_path_factory):
    return make(tmp_path_factory.mktemp("sbom") / "bom.json")


@pytest.fixture(scope="module")
def bom(text):
    return json.loads(text)


def files_of(bom):
    return {file["name"]: file["hashes"][0] for each in bom["components"] for file in each.get("components", [])}


def test_it_holds_every_library_that_the_loader_takes_and_no_other(bom):
    loaded = set()
    for program in (GATEWAYD, GATEWAYCTL):
        told = subprocess.run(["ldd", program], capture_output=True, text=True, check=True).stdout
        loaded |= {os.path.realpath(path) for path in re.findall(r"(/\S+) \(0x", told)}
    listed = {os.path.realpath(name) for name in files_of(bom) if ".so" in name}
    assert len(loaded) > 8 and listed == loaded


def test_each_file_has_its_digest(bom):
    for name, digest in files_of(bom).items():
        with open(name, "rb") as file:
            assert digest == {"alg": "SHA-256", "content": hashlib.sha256(file.read()).hexdigest()}


def test_each_package_is_installed_in_that_version(bom):
    for each in bom["components"]:
        version = subprocess.run(["dpkg-query", "-W", "-f", "${Version}\n", each["name"]], capture_output=True, text=True).stdout.split()[0]
        assert each["version"] == version and each["purl"].startswith(f"pkg:deb/debian/{each['name']}@"), each


def test_it_names_what_is_compiled_in(bom):
    inside = {entry["value"] for each in bom["components"] for entry in each["properties"] if entry["name"] == "gateway:compiled-in"}
    shared = any("libllhttp.so" in name for name in files_of(bom))
    assert inside == {"CLI11", "nlohmann-json"} | (set() if shared else {"llhttp"})


def test_the_graph_is_closed_and_reaches_everything(bom):
    graph = {each["ref"]: each["dependsOn"] for each in bom["dependencies"]}
    refs = {each["bom-ref"] for each in bom["components"]}
    root = bom["metadata"]["component"]["bom-ref"]
    reached, waiting = set(), [root]
    while waiting:
        for ref in graph.get(waiting.pop(), []):
            if ref not in reached:
                reached.add(ref)
                waiting.append(ref)
    assert reached == refs and set(graph) <= refs | {root}


def test_it_is_a_function_of_what_is_there(bom, text, tmp_path):
    assert make(tmp_path / "again.json") == text
    assert (bom["bomFormat"], bom["specVersion"], bom["metadata"]["timestamp"]) == ("CycloneDX", "1.6", "2023-11-14T22:13:20Z")
    assert re.fullmatch(r"urn:uuid:[0-9a-f-]{36}", bom["serialNumber"])
    assert bom["metadata"]["component"]["version"] == "1.2.3"


def test_a_library_that_is_missing_is_an_error(tmp_path):
    broken = tmp_path / "program"
    with open(GATEWAYCTL, "rb") as file:
        # A soname of the same length that nothing has.
        broken.write_bytes(file.read().replace(b"libyaml-cpp.so.", b"libyamlXcpp.so."))
    done = subprocess.run(["/usr/bin/python3", ROOT / "scripts/sbom.py", "--version", "1", "--output", tmp_path / "out", broken],
                          capture_output=True, text=True)
    assert done.returncode == 1 and "libyamlXcpp.so." in done.stderr and not (tmp_path / "out").exists()

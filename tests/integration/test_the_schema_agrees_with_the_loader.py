"""conf/gateway.schema.json says of a config what the loader says of it, but for faults that no schema can see.

tests/fixtures/config holds cases, divided by lines of "---": in valid/ such that both take, in invalid/ such that the loader refuses for
exactly one reason. The schema refuses those as well, and at the same place, except where the case says "schema passes: KIND".
"""
import re
import subprocess

import pytest

from harness.gateway import GATEWAYCTL, ROOT, ctl
from harness.schema import SCHEMA, YAMLS, faults, jsonschema, objects, used_properties

FIXTURES = ROOT / "tests/fixtures/config"
# What a schema can't see. Each case that it passes is of one of these kinds.
KINDS = {
    "reference": "a name that another part of the config must have",
    "twice": "two parts of the config that must differ",
    "elsewhere": "what another part of the config, or the config's place, makes of it",
    "file": "what a file holds",
    "unit": "how much a number with a unit is",
    "address": "the bits of an address",
    "url": "the grammar of URLs",
    "normalised": "the normal form of a path",
    "expression": "the grammar of regular expressions",
    "environment": "the variables of the daemon's environment",
    "tls name": "which names this OpenSSL knows, and which are too weak",
    "spelling": "a number that was not written as the loader wants it: validators see its value only",
    "yaml": "YAML itself; editors say it without a schema",
}
# The plainest config, for what a case does not have.
BASE = {
    "listeners": "listeners: [{bind: 127.0.0.1:8080, protocol: http}]\n",
    "virtual_hosts": "virtual_hosts: [{name: plain, hosts: [plain.example.com], routes: [{path: /*, respond: echo}]}]\n",
}
ENVIRONMENT = {"NAME": "value", "EMPTY": ""}


class Case:
    def __init__(self, file, number, title, text):
        self.id = f"{file.stem}-{number}"
        alone = title.endswith("; stands alone")
        title = title.removesuffix("; stands alone")
        says, _, self.passes = title.partition("; schema passes: ")
        self.says = says.removeprefix("says: ")
        missing = [part for key, part in BASE.items() if not re.search(rf"^{key}:", text, re.M)]
        self.text = text if alone else text + "".join(missing)


def cases(folder):
    found = []
    for file in sorted((FIXTURES / folder).glob("*.yaml")):
        parts = re.split(r"^--- # (.*)\n", file.read_text(), flags=re.M)
        if len(parts) == 1:
            found.append(Case(file, 1, file.stem, parts[0]))
        found += [Case(file, i // 2 + 1, parts[i], parts[i + 1]) for i in range(1, len(parts), 2)]
    return found


VALID, INVALID = cases("valid"), cases("invalid")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with the files that the cases name."""
    made = tmp_path_factory.mktemp("config")
    for name, directory in (("Test CA", made / "pki"), ("Other CA", made / "pki/other")):
        assert ctl("pki", "init", str(directory), "--cn", name).returncode == 0
    for name in ("server", "other-server"):
        assert ctl("pki", "issue", str(made / "pki"), name, "--server", "--dns", "example.com", "--dns", "*.example.com").returncode == 0
    assert ctl("pki", "issue", str(made / "pki"), "rsa", "--server", "--dns", "example.com", "--key-type", "rsa-2048").returncode == 0
    (made / "pki/passphrase").write_text("correct horse\n")
    (made / "pki/passphrase").chmod(0o600)
    issued = made / "pki/issued"
    subprocess.run(["openssl", "pkcs8", "-topk8", "-v2", "aes-256-cbc", "-in", issued / "server.key", "-out", issued / "encrypted.key",
                    "-passout", f"file:{made / 'pki/passphrase'}"], check=True)
    for number, name in enumerate(("new", "old", "same-name")):
        (made / f"pki/{name}.ticket").write_bytes(bytes([min(number, 1)]) * 16 + bytes(range(number, number + 64)))
        (made / f"pki/{name}.ticket").chmod(0o600)
    return made


def loader_errors(folder, text):
    """(line, message) of each error; a line of None where the loader names none."""
    (folder / "gateway.yaml").write_text(text)
    done = subprocess.run([GATEWAYCTL, "check", "gateway.yaml"], cwd=folder, env=ENVIRONMENT, capture_output=True, text=True, timeout=60)
    errors = re.findall(r"^gateway\.yaml(?::(\d+):\d+)?: error: (.*)$", done.stderr, re.M)
    assert (done.returncode == 0) == (not errors), done.stderr
    return [(int(line) if line else None, message) for line, message in errors]


def test_the_schema_is_a_schema():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("case", VALID, ids=lambda case: case.id)
def test_what_the_loader_takes_the_schema_takes(case, folder):
    assert loader_errors(folder, case.text) == []
    for reader in YAMLS:
        assert faults(case.text, reader) == [], reader.__name__


@pytest.mark.parametrize("case", INVALID, ids=lambda case: case.id)
def test_what_the_loader_refuses_the_schema_refuses_at_the_same_place(case, folder):
    errors = loader_errors(folder, case.text)
    assert len(errors) == 1 and case.says in errors[0][1], errors
    for reader in YAMLS:
        found = faults(case.text, reader)
        if case.passes:
            assert found == [], f"{reader.__name__}: the schema sees this: take 'schema passes' away"
        else:
            assert found, f"{reader.__name__}: the schema takes it"
            line = errors[0][0]
            assert line is None or all(first <= line <= last for first, last, _ in found), (line, found)


def test_every_kind_of_fault_that_the_schema_passes_is_known_and_has_a_case():
    assert {case.passes for case in INVALID if case.passes} == set(KINDS)


def test_every_property_of_the_schema_is_in_a_config_that_both_take():
    used = set().union(*(used_properties(case.text) for case in VALID))
    missing = [(title, key) for title, each in objects().items() for key in each["properties"] if (title, key) not in used]
    assert missing == []


def test_every_property_has_a_description_for_editors():
    for title, each in objects().items():
        for key, value in each["properties"].items():
            target = SCHEMA["$defs"][value["$ref"].rpartition("/")[2]] if "$ref" in value else {}
            assert value.get("description") or target.get("description"), (title, key)


def test_every_definition_is_used():
    referred = set(re.findall(r'"#/\$defs/(\w+)"', str(SCHEMA).replace("'", '"')))
    assert referred == set(SCHEMA["$defs"])

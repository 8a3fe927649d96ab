"""docs/configuration.md has each key of each object, with its default; and what the documents show as a config is one."""
import re
import textwrap

import pytest
import yaml

from harness.gateway import ROOT, ctl
from harness.schema import SCHEMA, YAMLS, faults, objects

REFERENCE = (ROOT / "docs/configuration.md").read_text()
# Heading of the reference, number of the table below it, title of the object.
TABLES = [("Top level", 0, "the config"), ("`listeners[]`", 0, "a listener"), ("`trust.NAME`", 0, "a trust set"),
          ("`revocation`", 0, "revocation"), ("`ocsp`", 0, "ocsp"),
          ("`policies.NAME`", 0, "a policy"), ("`policies.NAME`", 1, "a rule"), ("`policies.NAME`", 2, "when"),
          ("`virtual_hosts[]`", 0, "a virtual host"), ("`tls`", 0, "tls"), ("`routes[]`", 0, "a route"), ("`forwarding`", 0, "forwarding"),
          ("`upstreams.NAME`", 0, "an upstream"), ("`timeouts`", 0, "timeouts"), ("`limits`", 0, "limits"),
          ("`access_log`", 0, "access_log"), ("`session`", 0, "session"), ("`admin`", 0, "admin")]
# Objects that are explained in the row of the key that holds them.
WITHIN = {"stapling": ("tls", "stapling"), "session of a virtual host": ("tls", "session"), "on_expired": ("revocation", "on_expired"),
          "headers": ("a route", "headers"), "respond": ("a route", "respond"),
          "pool": ("an upstream", "pool"), "health_check": ("an upstream", "health_check"),
          "an entry of certificates": ("tls", "certificates"), "passphrase": ("tls", "passphrase"), "pkcs11": ("the config", "pkcs11"),
          "timeouts of a route": ("a route", "timeouts"), "limits of a virtual host or route": ("a route", "limits")}
# A virtual host has these as a route has them; the reference says so below its table.
SHARED = {"identity_headers", "forwarding", "encoded_slashes", "require", "timeouts", "limits"}
CODE = re.compile(r"`([^`]+)`")


def sections():
    parts = re.split(r"^#+ (.*)\n", REFERENCE, flags=re.M)
    return dict(zip(parts[1::2], parts[2::2]))


def rows(heading, number):
    """The table's rows: cells by the first row's titles."""
    tables = re.findall(r"(?:^\|.*\n)+", sections()[heading], re.M)
    lines = [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in tables[number].splitlines()]
    return [dict(zip(lines[0], line)) for line in lines[2:]]


def keys_of(row):
    return CODE.findall(next(iter(row.values())))


def table_of(title):
    return next(rows(heading, number) for heading, number, name in TABLES if name == title)


@pytest.mark.parametrize("title", [title for _, _, title in TABLES])
def test_a_table_of_the_reference_has_the_keys_of_the_schema(title):
    written = [key for row in table_of(title) for key in keys_of(row)]
    assert len(written) == len(set(written))
    expected = set(objects()[title]["properties"])
    assert set(written) == (expected - SHARED if title == "a virtual host" else expected)


@pytest.mark.parametrize("title", WITHIN)
def test_what_is_explained_within_a_row_is_complete(title):
    parent, key = WITHIN[title]
    row = next(row for row in table_of(parent) if key in keys_of(row))
    assert set(objects()[title]["properties"]) <= set(CODE.findall(" ".join(row.values())))


def test_every_object_of_the_schema_is_looked_at_here():
    assert set(objects()) == {title for _, _, title in TABLES} | set(WITHIN) | {"timeouts of a virtual host"}
    own = re.search(r"^A virtual host may set its own (.*?), a route its own", REFERENCE, re.M | re.S)[1]
    assert set(CODE.findall(own)) == set(objects()["timeouts of a virtual host"]["properties"])
    below = sections()["`virtual_hosts[]`"]
    assert SHARED <= set(CODE.findall(below[below.rindex("\n|"):].partition("\n\n")[2]))


def text_of(default):
    return str(default).lower() if isinstance(default, bool) else str(default)


# Defaults that are no constant: they are taken from another key.
FROM_OTHERS = {("a listener", "name"): ["bind"], ("a virtual host", "name"): ["hosts"]}


@pytest.mark.parametrize("title", [title for _, _, title in TABLES])
def test_a_table_of_the_reference_has_the_defaults_of_the_schema(title):
    for row in table_of(title):
        for key in keys_of(row):
            schema = objects()[title]["properties"][key]
            if len(keys_of(row)) > 1:
                continue  # one row for two keys: both defaults stand in it as words
            said = CODE.findall(row.get("default", row.get("type, default", "").partition(";")[2]))
            assert said == ([text_of(schema["default"])] if "default" in schema else FROM_OTHERS.get((title, key), [])), (title, key)


# --- configs in the documents ----------------------------------------------------------------------------------------------------

DOCUMENTS = [path for path in [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("conf/*.md"), *ROOT.glob("deploy/**/*.md")]]
REST = {
    "listeners": "listeners: [{bind: 127.0.0.1:8443, name: rest}, {bind: 127.0.0.1:8080, protocol: http, name: plain}]\n",
    "virtual_hosts": "virtual_hosts: [{hosts: [rest], routes: [{path: /*, respond: echo}]}]\n",
}


def blocks():
    """(name, text, value) of each block of YAML that holds one document."""
    for path in DOCUMENTS:
        found = re.findall(r"^( *)```ya?ml[^\n]*\n(.*?)^\1```", path.read_text(), re.M | re.S)
        for number, (_, block) in enumerate(found, 1):
            text = textwrap.dedent(block)
            yield f"{path.relative_to(ROOT)}-{number}", text, None if "\n---\n" in text else yaml.safe_load(text)


def is_ours(value):
    """Whether it is a config or a part of one: every key at the top is one of ours."""
    return isinstance(value, dict) and bool(value) and set(value) <= set(SCHEMA["properties"])


CONFIGS = [(name, text) for name, text, value in blocks() if is_ours(value)]
# A chart's value `config`: its files are in a pod, so the schema alone looks at it.
VALUES = [(name, yaml.safe_dump(value["config"])) for name, _, value in blocks() if isinstance(value, dict) and is_ours(value.get("config"))]


def completed(text):
    return text + "".join(part for key, part in REST.items() if not re.search(rf"^{key}:", text, re.M))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """As the README makes it."""
    made = tmp_path_factory.mktemp("docs")
    assert ctl("pki", "init", "pki", "--cn", "My CA", cwd=made).returncode == 0
    for arguments in (["server", "--server", "--dns", "api.example.com"], ["alice", "--client", "--cn", "alice"]):
        assert ctl("pki", "issue", "pki", *arguments, cwd=made).returncode == 0
    return made


def test_the_readme_shows_a_config():
    assert any(name.startswith("README.md") for name, _ in CONFIGS)


@pytest.mark.parametrize("text", [pytest.param(text, id=name) for name, text in CONFIGS])
def test_a_config_in_the_documents_is_one(text, folder):
    (folder / "gateway.yaml").write_text(completed(text))
    result = ctl("check", "gateway.yaml", cwd=folder)
    assert result.returncode == 0, result.stderr
    for reader in YAMLS:
        assert faults(completed(text), reader) == []


@pytest.mark.parametrize("text", [pytest.param(text, id=name) for name, text in VALUES])
def test_a_config_within_the_values_of_a_chart_is_one_to_the_schema(text):
    assert faults(completed(text)) == []

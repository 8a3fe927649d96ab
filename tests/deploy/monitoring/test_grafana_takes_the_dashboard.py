"""What can be asked of Grafana without one: its editor's parser reads every query, and its types fit the JSON. Both come from npm."""
import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from harness.monitoring import dashboard, panels, rules
from real_prometheus import as_grafana_sends_it

SOURCE = Path(__file__).parent / "grafana-check"
COMPOSABLE = "@grafana/schema/dist/esm/raw/composable"
# For each kind of panel the types of its options and of its fields' custom part.
KINDS = {
    "timeseries": ("timeseries/panelcfg/x/TimeSeriesPanelCfg_types.gen", "Options", "GraphFieldConfig"),
    "stat": ("stat/panelcfg/x/StatPanelCfg_types.gen", "Options", None),
    "table": ("table/panelcfg/x/TablePanelCfg_types.gen", "Options", "TableFieldOptions"),
    "state-timeline": ("statetimeline/panelcfg/x/StateTimelinePanelCfg_types.gen", "Options", "LineConfig & FillConfig"),
}


@pytest.fixture(scope="module")
def checker():
    """The npm packages that package.json names, installed once into the cache."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "mtls-gateway/grafana-check"
    wanted = (SOURCE / "package.json").read_text()
    mark = cache / "installed.json"
    if not mark.exists() or mark.read_text() != wanted:
        shutil.rmtree(cache, ignore_errors=True)
        cache.mkdir(parents=True)
        (cache / "package.json").write_text(wanted)
        install = ["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts"]
        installed = subprocess.run(install, cwd=cache, capture_output=True, text=True, timeout=300)
        assert installed.returncode == 0, installed.stderr
        mark.write_text(wanted)
    for name in ("queries.mjs", "plain.ts", "tsconfig.json"):
        shutil.copy(SOURCE / name, cache)
    return cache


def parse(checker, queries):
    lines = "".join(json.dumps(as_grafana_sends_it(query)) + "\n" for query in queries)
    return subprocess.run(["node", "queries.mjs"], cwd=checker, input=lines, capture_output=True, text=True, timeout=60)


def type_check(checker, document):
    (checker / "dashboard.ts").write_text(as_typescript(document))
    return subprocess.run(["node_modules/.bin/tsc", "--project", "."], cwd=checker, capture_output=True, text=True, timeout=120)


def as_typescript(document):
    """The JSON as literals that must satisfy the types: an unknown key is an error then."""
    lines = ["import type * as schema from '@grafana/schema';", "import type { Plain } from './plain';"]
    for index, (module, _, _) in enumerate(KINDS.values()):
        lines.append(f"import type * as kind{index} from '{COMPOSABLE}/{module}';")
    about_import = {name: document[name] for name in ("__inputs", "__requires")}
    lines.append(f"({json.dumps(about_import)}) satisfies {{ __inputs: object[]; __requires: object[] }};")
    the_rest = {name: value for name, value in document.items() if name not in about_import}
    lines.append(f"({json.dumps(the_rest)}) satisfies Plain<schema.Dashboard>;")
    for panel in (each for each in document["panels"] if each["type"] != "row"):
        index = list(KINDS).index(panel["type"])
        _, options, custom = KINDS[panel["type"]]
        lines.append(f"({json.dumps(panel['options'])}) satisfies Partial<Plain<kind{index}.{options}>>;")
        if custom:
            types = " & ".join(f"schema.{each}" for each in custom.split(" & "))
            lines.append(f"({json.dumps(panel['fieldConfig']['defaults']['custom'])}) satisfies Plain<Partial<{types}>>;")
        for target in panel["targets"]:
            lines.append(f"({json.dumps(target['datasource'])}) satisfies Plain<schema.DataSourceRef>;")
    return "\n".join(lines) + "\n"


def first(document, kind):
    return next(panel for panel in document["panels"] if panel["type"] == kind)


def test_every_query_is_read_by_the_parser_of_grafanas_editor(checker):
    queries = [target["expr"] for panel in panels() for target in panel["targets"]] + [rule["expr"] for rule in rules()]
    parsed = parse(checker, queries)
    assert parsed.returncode == 0, parsed.stdout + parsed.stderr
    assert f"{len(queries)} queries, 0 broken" in parsed.stdout


def test_the_parser_notices_a_broken_query(checker):
    assert parse(checker, ["sum by (reason (rate(gateway_tls_handshakes_total[5m]))"]).returncode == 1


def test_the_json_fits_the_types_of_grafanas_schema(checker):
    checked = type_check(checker, dashboard())
    assert checked.returncode == 0, checked.stdout


@pytest.mark.parametrize("spoil", [
    lambda document: document.update(titel="x"),
    lambda document: document["panels"][1]["gridPos"].update(w="3"),
    lambda document: document["panels"][1]["options"].update(colorMode="values"),
    lambda document: first(document, "timeseries")["options"]["legend"].update(placement="left"),
], ids=["an unknown key", "a wrong type", "an unknown mode", "an unknown place"])
def test_the_types_notice_what_grafana_would_not_understand(checker, spoil):
    document = dashboard()
    spoil(document)
    assert type_check(checker, document).returncode != 0

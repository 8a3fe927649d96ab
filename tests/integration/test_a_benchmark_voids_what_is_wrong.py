"""`./dev bench` end to end, for a fraction of a second: it measures, and what did not happen as the scenario says is void. The page that
tells of it has commands that it takes, and a table that it wrote."""
import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from harness.gateway import GATEWAYD, ROOT

sys.path.insert(0, str(ROOT / "bench"))
import instructions  # noqa: E402
import page  # noqa: E402
import run as bench  # noqa: E402
from instructions import BASELINES, OPERATIONS, verdict  # noqa: E402
from measure import fault_of  # noqa: E402
from scenarios import SCENARIOS  # noqa: E402


PROGRAMS = Path(os.environ.get("GATEWAY_BENCH_PROGRAMS", Path(GATEWAYD).parent))
RUN_SECONDS = 120

built = pytest.mark.skipif(os.environ.get("GATEWAY_SANITIZED") or not (PROGRAMS / "bench_load").exists(),
                           reason="no bench_load beside gatewayd, or one with sanitizers")


def run(folder, *options):
    for name, binary in (("gatewayd", GATEWAYD), ("bench_load", PROGRAMS / "bench_load"), ("bench_origin", PROGRAMS / "bench_origin")):
        (folder / name).symlink_to(Path(binary).resolve())
    command = [sys.executable, str(ROOT / "bench/run.py"), "--programs", str(folder), "--gateways", "ours", "--scenarios", "ka_small,hs_full_ec",
               "--rounds", "1", "--warmup", "0", "--duration", "0.2", "--json", str(folder / "figures.json"), *options]
    return subprocess.run(command, capture_output=True, text=True, timeout=RUN_SECONDS)


@built
def test_a_run_tells_what_an_operation_costs(tmp_path):
    done = run(tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    figures = json.loads((tmp_path / "figures.json").read_text())
    for name in ("ka_small", "hs_full_ec"):
        figure, = figures["results"][name]["ours"]
        assert figure["value"] > 0 and figure["operations"] > 0 and f"| `{name}` |" in done.stdout
    assert figures["results"]["hs_full_ec"]["ours"][0]["resumed"] == 0


@built
def test_answers_that_are_not_200_void_the_run(tmp_path):
    done = run(tmp_path, "--origin-status", "500")
    assert done.returncode == 1 and "status 500" in done.stdout
    assert "| `ka_small` | void |" in done.stdout and "| `hs_full_ec` | void |" in done.stdout


def result(**changed):
    """What bench_load tells of a good second."""
    return {"operations": 1000, "seconds": 1.0, "per_second": 1000.0, "cpu_seconds": {"gateway": 0.5}, "handshakes": 0, "resumed": 0,
            "connections": 64, "failures": {}, **changed}


def fault(name, alive=True, **changed):
    return fault_of(result(**changed), name, SCENARIOS[name], {"rate": 1000, "mint": 5000}, SimpleNamespace(is_alive=lambda: alive))


@pytest.mark.parametrize("name, changed", [
    ("ka_small", {}), ("rate", {}), ("hs_full_ec", {"handshakes": 1000}), ("hs_new_ec", {"handshakes": 1000, "connections": 5000}),
    ("hs_resume_ec", {"handshakes": 1000, "resumed": 1000}), ("hs_full_ec", {"handshakes": 1030}),
])
def test_a_good_figure_counts(name, changed):
    assert fault(name, **changed) is None


@pytest.mark.parametrize("name, changed", [
    ("ka_small", {"failures": {"status 502": 1}}),
    ("ka_small", {"operations": 0}),
    ("ka_small", {"cpu_seconds": {}}),
    ("ka_small", {"alive": False}),
    ("ka_small", {"handshakes": 1}),
    ("hs_full_ec", {"handshakes": 500}),
    ("hs_full_ec", {"handshakes": 1000, "resumed": 1}),
    ("hs_resume_ec", {"handshakes": 1000, "resumed": 500}),
    ("hs_new_ec", {"handshakes": 1000, "connections": 5001}),
    ("rate", {"per_second": 900.0}),
])
def test_a_wrong_figure_is_void(name, changed):
    assert fault(name, **changed)


@pytest.mark.parametrize("now, passes, told", [
    (1000, True, "+0.0%"), (1020, True, "+2.0%"), (1021, False, "request: 1,021 instructions, baseline 1,000: +2.1%, more than 2% dearer"),
    (979, True, "Keep it: ./dev bench instructions --update"),
])
def test_more_instructions_than_the_baseline_allows_are_a_failure_and_fewer_are_not(now, passes, told):
    passed, text = verdict("request", 1000, now, 0.02)
    assert passed is passes and told in text


def test_every_counted_operation_has_a_tolerance_and_no_baseline_is_of_another():
    known = json.loads(BASELINES.read_text())
    assert set(known["tolerance"]) == set(OPERATIONS)
    assert known["baselines"] and all(each and set(each) <= set(OPERATIONS) for each in known["baselines"].values())


def commands():
    """The arguments of each `./dev bench` of the documents."""
    found = []
    for document in (page.PAGE, ROOT / "README.md"):
        shown = re.findall(r"^    (\./dev bench.*)$|`(\./dev bench[^`]*)`", document.read_text(), re.M)
        found += [shlex.split("".join(each), comments=True)[2:] for each in shown]
    return found


@pytest.mark.parametrize("words", commands(), ids=" ".join)
def test_every_command_of_the_page_is_one_that_is_taken(words):
    parsers = {"micro": None, "instructions": instructions.arguments}
    if not words or words[0] not in parsers:
        bench.arguments(words)
    elif parsers[words[0]]:
        parsers[words[0]](words[1:])


def test_the_commands_were_found():
    assert [] in commands() and ["micro"] in commands() and ["instructions", "--update"] in commands() and len(commands()) > 5


@pytest.mark.parametrize("words", [["--fast"], ["--scenarios", "ka_smal"], ["--gateways", "ours,apache"]])
def test_a_command_that_is_not_taken(words):
    with pytest.raises(SystemExit):
        bench.arguments(words)


def test_the_page_explains_every_scenario_and_has_a_figure_of_ours_for_each():
    table = page.part("the last table")
    told = page.PAGE.read_text().replace(table, "")
    for name in SCENARIOS:
        assert f"`{name}`" in told, name
        assert re.search(rf"^\| `{name}` \| [\d.,]+ \(|^\| `{name}` \| [\d.,]+ \|", table, re.M), name


def test_a_new_table_takes_the_place_of_the_last_one(tmp_path):
    begin, end = page.marks("table")
    written = tmp_path / "page.md"
    written.write_text(f"before\n{begin}old\n{end}after\n")
    for table in ("first\n", "second\n"):
        page.replace("table", table, written)
    assert written.read_text() == f"before\n{begin}\nsecond\n\n{end}after\n" and page.part("table", written) == "second\n"


def test_runs_are_told_side_by_side(tmp_path):
    for count, cost in enumerate((1.0, 3.0)):
        results = {"ka_small": {"ours": [{"value": cost}, {"value": 2 * cost}], "nginx": [{"value": 4.0}, {"value": 4.0}], "haproxy": [{"void": "late"}]}}
        (tmp_path / f"{count}.json").write_text(json.dumps({"results": results}))
    files = [tmp_path / "0.json", tmp_path / "1.json"]
    done = subprocess.run([sys.executable, ROOT / "bench/runs.py", *files], capture_output=True, text=True, check=True, timeout=20)
    assert done.stdout.splitlines()[0] == "| ours by nginx's | run 1 | run 2 |"
    assert done.stdout.splitlines()[2:] == ["| `ka_small` | 0.25–**0.38**–0.50 | 0.75–**1.12**–1.50 |"]


def test_the_instructions_of_the_page_are_those_of_the_baseline():
    tables = [instructions.table(*each) for each in json.loads(BASELINES.read_text())["baselines"].items()]
    assert page.part("instructions") in tables

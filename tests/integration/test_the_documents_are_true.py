"""What the Markdown claims and a program can check: reasons, commands with their options, links with their anchors, alerts."""
import re
import subprocess
from functools import cache

import pytest
import yaml

from harness.gateway import GATEWAYCTL, GATEWAYD, ROOT
from harness.handbook import (OPERATIONS, anchors, blocks, code_reasons, handshake_rows, headings, links, markdown_files, program_lines, prose,
                              reasons_explained, relative, request_statuses, slug, words)

KEPT_WORDS = {"rate_limited"}
ALERTS = ROOT / "deploy/prometheus/alerts.yaml"


def test_every_reason_of_the_code_is_explained_once_and_no_other():
    assert sorted(reasons_explained()) == sorted(code_reasons())


def test_every_reason_stands_in_a_table_unless_it_is_kept_for_later():
    assert set(handshake_rows()) | set(request_statuses()) == set(code_reasons()) - KEPT_WORDS


@pytest.mark.parametrize("word", sorted(KEPT_WORDS))
def test_a_word_that_is_kept_for_later_is_never_given(word):
    """Only lists of all reasons may name it."""
    lists = {"src/core/reason.h", "src/core/reason.cc", "src/proxy/local_reply.cc"}
    named = {relative(path) for path in (ROOT / "src").rglob("*.[ch]*") if re.search(rf"\b{word}\b", path.read_text())}
    assert named == lists


def test_the_metrics_page_lists_the_same_reasons():
    page = (ROOT / "docs/metrics.md").read_text()
    told = re.search(r"Handshakes: (.*?)\. Requests: (.*?)\.\n", page, re.DOTALL)
    assert set(words(told[1])) == set(handshake_rows())
    assert set(words(told[2])) == set(request_statuses()) - {"connection_limit"}


def quoted(path):
    return {word for _, line in prose(path) for word in words(line)}


def queries():
    """(document, query) of every promql block; a query begins at a line's beginning."""
    found = []
    for path in markdown_files():
        for block in blocks(path):
            if block.language == "promql":
                text = re.sub(r"(?m)^#.*\n", "", block.text)
                found += [(relative(path), query) for query in re.split(r"\n(?=\S)", text.strip())]
    return found


def test_every_query_of_a_document_parses_and_asks_for_metrics_that_there_are(tmp_path):
    rules = tmp_path / "rules.yaml"
    rules.write_text(yaml.safe_dump({"groups": [{"name": "docs", "rules": [
        {"record": f"doc:query:{number}", "expr": query} for number, (_, query) in enumerate(queries())]}]}))
    checked = subprocess.run(["promtool", "check", "rules", str(rules)], capture_output=True, text=True, timeout=60)
    assert checked.returncode == 0 and len(queries()) > 5, checked.stdout + checked.stderr
    there = quoted(ROOT / "docs/metrics.md")
    for document, query in queries():
        for name in re.findall(r"\bgateway_\w+", query):
            assert name in there or re.sub(r"_(bucket|sum|count)$", "", name) in there, f"{document}: {name}"


def test_every_metric_that_the_handbook_names_is_one():
    there = quoted(ROOT / "docs/metrics.md")
    named = {name for word in quoted(OPERATIONS) for name in re.findall(r"^(?:gateway|process)_\w+", word)}
    assert named and named <= there


@cache
def help_of(*command):
    done = subprocess.run([*command, "--help"], capture_output=True, text=True, timeout=20)
    return done.stdout if done.returncode == 0 else None


def subcommands(text):
    _, _, listed = text.partition("Subcommands:")
    return {line.split()[0] for line in listed.splitlines() if re.match(r"  \S", line)}


def fault_of(command):
    """What is wrong with a command line, as far as --help tells; placeholders in capitals and `...` stand for anything."""
    program = GATEWAYD if command[0].endswith("gatewayd") else GATEWAYCTL
    path, known = [program], help_of(program)
    value_follows = False
    for word in command[1:]:
        if value_follows:
            value_follows = False
        elif word.startswith("-"):
            name, has_value, _ = word.partition("=")
            match = re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])(?:,\S+)*( +[A-Z]+|=\S+)?", known + help_of(program))
            if name in ("--help", "-h"):
                continue
            if not match:
                return f"{' '.join(path[1:]) or program} has no option {name}"
            value_follows = bool(re.match(r" ?[A-Z]+|:|=", match[1].lstrip()) if match[1] else False) and not has_value
        elif word in subcommands(known):
            path.append(word)
            known = help_of(*path)
        elif subcommands(known) and word.islower() and word.isalpha():
            return f"no such subcommand: {word}"
    return None


@pytest.mark.parametrize("path", markdown_files(), ids=relative)
def test_every_command_line_of_a_document_is_one_that_the_programs_take(path):
    faults = [f"{relative(path)}:{line}: {fault}" for line, command in program_lines(path) if (fault := fault_of(command))]
    assert not faults, "\n".join(faults)


@pytest.mark.parametrize("command, good", [
    (["gatewayctl", "reload", "--timeout", "5s"], True), (["gatewayctl", "--json", "status"], True), (["gatewayctl", "pki", "crl", "DIR"], True),
    (["gatewayctl", "pki", "issue", "DIR", "NAME", "--client", "--dns", "a.example"], True), (["gatewayd", "--config", "gateway.yaml"], True),
    (["gatewayctl", "restart"], False), (["gatewayctl", "reload", "--hard"], False), (["gatewayctl", "pki", "renew"], False),
    (["gatewayd", "--daemonize"], False), (["gatewayctl", "status", "--dns", "a.example"], False),
])
def test_the_check_of_command_lines_itself(command, good):
    assert (fault_of(command) is None) == good


def test_commands_are_found_where_documents_have_them():
    found = [" ".join(command) for _, command in program_lines(ROOT / "README.md")]
    assert "gatewayd --config gateway.yaml" in found and "gatewayctl check gateway.yaml" in found


@pytest.mark.parametrize("path", markdown_files(), ids=relative)
def test_every_link_leads_somewhere(path):
    faults = []
    for line, target in links(path):
        file, _, anchor = target.partition("#")
        goal = (path.parent / file).resolve() if file else path
        if not goal.exists():
            faults.append(f"{relative(path)}:{line}: {file} does not exist")
        elif anchor and goal.suffix == ".md" and anchor not in anchors(goal):
            faults.append(f"{relative(path)}:{line}: {target}: no such heading")
    assert not faults, "\n".join(faults)


def alert_names():
    return re.findall(r"^\s*-?\s*alert:\s*(\w+)\s*$", ALERTS.read_text(), re.MULTILINE)


@pytest.mark.skipif(not ALERTS.exists(), reason="no alert rules in this tree")
def test_every_alert_has_its_section_and_every_runbook_leads_to_one():
    sections = {slug(heading) for _, heading in headings(OPERATIONS) if heading.lower().startswith("alert ")}
    assert alert_names() and sections == {f"alert-{name.lower()}" for name in alert_names()}
    runbooks = re.findall(r"operations\.md#([\w-]+)", ALERTS.read_text())
    assert set(runbooks) <= anchors(OPERATIONS) and len(runbooks) >= len(set(alert_names()))

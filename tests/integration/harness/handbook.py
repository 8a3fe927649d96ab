"""The project's Markdown as data: fenced blocks, headings with their anchors, links, tables."""
import re
import shlex
from dataclasses import dataclass
from pathlib import Path

from .gateway import ROOT

OPERATIONS = ROOT / "docs/operations.md"
FENCE = re.compile(r"^( *)(```+)\s*(.*?)\s*$")
# Folders that are made here, or that belong to nobody.
SKIPPED = {".git", "demo", "node_modules", ".pytest_cache", ".cache"}


@dataclass(frozen=True)
class Block:
    """A fenced block: its info string ("console", "yaml gateway.yaml"), its lines and where it begins."""

    info: str
    lines: tuple
    line: int

    @property
    def language(self):
        return self.info.split(" ")[0]

    @property
    def file(self):
        return self.info.partition(" ")[2].strip() or None

    @property
    def text(self):
        return "\n".join(self.lines) + "\n"


def markdown_files():
    return sorted(path for path in ROOT.rglob("*.md")
                  if not any(part in SKIPPED or part.startswith("build") for part in path.relative_to(ROOT).parts[:-1]))


def blocks(path):
    found, fence, started = [], None, 0
    info, lines = "", []
    for number, line in enumerate(path.read_text().splitlines(), 1):
        match = FENCE.match(line)
        if fence is None and match:
            fence, info, lines, started = match, match[3], [], number
        elif fence is not None and match and match[2] == fence[2] and not match[3]:
            found.append(Block(info, tuple(lines), started))
            fence = None
        elif fence is not None:
            lines.append(line.removeprefix(fence[1]))
    assert fence is None, f"{path}:{started}: a fenced block without an end"
    return found


def prose(path):
    """The lines outside of fenced blocks, with their numbers."""
    inside, found = False, []
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if FENCE.match(line):
            inside = not inside
        elif not inside:
            found.append((number, line))
    return found


def headings(path):
    return [(len(match[1]), match[2]) for _, line in prose(path) if (match := re.match(r"^(#+) +(.*?) *#*$", line))]


def slug(heading):
    """The anchor that forges give a heading."""
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).strip().lower()
    return re.sub(r"[^\w\- ]", "", text).replace(" ", "-")


def anchors(path):
    seen, found = {}, set()
    for _, heading in headings(path):
        name = slug(heading)
        count = seen.get(name, 0)
        seen[name] = count + 1
        found.add(f"{name}-{count}" if count else name)
    return found


def links(path):
    """(line, target) of every link to a file or an anchor of the project."""
    found = []
    for number, line in prose(path):
        for target in re.findall(r"\]\(([^)\s]+)\)", re.sub(r"`[^`]*`", "", line)):
            if not re.match(r"[a-z]+:", target):
                found.append((number, target))
    return found


def section(path, title):
    """The lines of the section under this heading, those of its subsections included."""
    lines, level = [], None
    for _, line in prose(path):
        match = re.match(r"^(#+) +(.*?)$", line)
        if match and level is not None and len(match[1]) <= level:
            break
        if level is not None:
            lines.append(line)
        if match and match[2] == title:
            level = len(match[1])
    assert level is not None, f"{path.name} has no section '{title}'"
    return lines


def table(lines):
    """The first table of these lines, as lists of cells; without its head."""
    rows = []
    for line in lines:
        if line.startswith("|"):
            rows.append([cell.strip() for cell in line.strip("|").split("|")])
        elif rows:
            break
    return rows[2:]


def words(cell):
    """What stands in code quotes, of links too."""
    return re.findall(r"`([^`]+)`", cell)


def handshake_rows():
    """reason -> {"1.3": alert, "1.2": alert, "detail": text or None}, as the handbook has it."""
    rows = table(section(OPERATIONS, "Refused handshakes"))
    return {words(row[0])[0]: {"1.3": words(row[1])[0], "1.2": words(row[2])[0], "detail": (words(row[3]) or [None])[0]} for row in rows}


def request_rows():
    return table(section(OPERATIONS, "Refused requests"))


def request_statuses():
    """reason -> set of statuses or words, as the handbook has it."""
    return {words(row[0])[0]: set(words(row[1])) for row in request_rows()}


def request_details():
    """reason -> details that the log gives."""
    return {words(row[0])[0]: words(row[2]) for row in request_rows()}


def reasons_explained():
    """The reasons that have an entry of their own."""
    return [word for level, heading in headings(OPERATIONS) if level == 4 for word in words(heading)]


def code_reasons():
    """The closed list of src/core/reason.cc, without `none`."""
    text = (ROOT / "src/core/reason.cc").read_text()
    found = re.findall(r'^\s+"([a-z_]+)",$', text, re.MULTILINE)
    assert found[0] == "none" and len(found) > 30
    return found[1:]


def program_lines(path):
    """(line, words) of each gatewayd or gatewayctl command in a code block or in code quotes."""
    found = []
    for block in blocks(path):
        for offset, line in enumerate(joined(block.lines), 1):
            for part in re.split(r"\|\||&&|[|;]", line):
                part = re.sub(r"^\s*(\$|#|ExecStart=|ExecReload=|(\w+=\S+ )+)\s*", "", part).strip()
                if re.match(r"(/usr/s?bin/)?gateway(d|ctl)( |$)", part):
                    found.append((block.line + offset, shell_words(part)))
    for number, line in prose(path):
        if match := re.match(r"^ {4,}(gateway(?:d|ctl) .*)$", line):
            found.append((number, shell_words(match[1])))
        for code in re.findall(r"`((?:gatewayd|gatewayctl) [^`]+)`", line):
            found.append((number, shell_words(code)))
    return found


def joined(lines):
    text = "\n".join(lines)
    return re.sub(r"\\\n\s*(> )?", " ", text).splitlines()


def shell_words(text):
    text = re.sub(r"\s(2?>>?|<)\s*\S+.*$", "", text.rstrip("& "))
    try:
        return shlex.split(text, comments=True)
    except ValueError:
        return text.split()


def relative(path):
    return Path(path).relative_to(ROOT).as_posix()

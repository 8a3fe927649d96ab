"""Every ```console block of the Markdown is typed into a shell, with the real programs, and must show what stands there. A block
```yaml NAME is that file. `...` stands for any text, alone on a line for any lines; times, serial numbers and ports are any."""
import contextlib
import os
import re
import select
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

import pytest

from harness.gateway import GATEWAYCTL, GATEWAYD
from harness.handbook import blocks, markdown_files, relative
from harness.waiting import PATIENCE, eventually, free_port

PORTS = ("8443", "8080", "9000", "9145")
# Whatever differs from one run to the next.
VARYING = [
    (re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z"), "<time>"),
    (re.compile(r"(\"?\b(?:pid|source_port|uptime_seconds)\b\"?:? *)\d+"), r"\1<number>"),
    (re.compile(r"\b[0-9A-Fa-f]{24,64}\b"), "<hex>"),
    (re.compile(r"\b\d+\.\d{6}\b"), "<seconds>"),
]


def with_console(path):
    return any(block.language == "console" for block in blocks(path))


def steps(block):
    """(command, expected lines) of a console block."""
    found = []
    for line in block.lines:
        if line.startswith("$ "):
            found.append([line[2:], []])
        elif line.startswith("> ") and found and not found[-1][1]:
            found[-1][0] += "\n" + line[2:]
        else:
            assert found, f"line {block.line}: a console block begins with '$ '"
            found[-1][1].append(line)
    return found


class Shell:
    """One bash for a whole document: what it exports and starts stays."""

    def __init__(self, folder):
        self.folder = folder
        programs = folder / ".bin"
        programs.mkdir()
        for name, binary in (("gatewayd", GATEWAYD), ("gatewayctl", GATEWAYCTL)):
            (programs / name).symlink_to(Path(binary).resolve())
        self.ports = {port: str(free_port()) for port in PORTS}
        environment = {"PATH": f"{programs}:/usr/bin:/bin:/usr/sbin:/sbin", "HOME": str(folder), "LC_ALL": "C.UTF-8", "TZ": "UTC"}
        environment.update({key: value for key, value in os.environ.items() if key.endswith("SAN_OPTIONS")})
        self.process = subprocess.Popen(["bash", "--noprofile", "--norc"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT, cwd=folder, env=environment, start_new_session=True)
        self.count = 0

    def here(self, text):
        """The document's ports become free ones."""
        return re.sub(r"(?<![\d.])(" + "|".join(self.ports) + r")(?!\d)", lambda match: self.ports[match[1]], text)

    def there(self, text):
        for port, real in self.ports.items():
            text = re.sub(rf"(?<!\d){real}(?!\d)", port, text)
        return text.replace(str(self.folder), "...")

    def run(self, command):
        self.count += 1
        mark = f"--- {self.count} ends ---"
        self.process.stdin.write(f"{self.here(command)}\necho; echo '{mark}'\n".encode())
        self.process.stdin.flush()
        output, end = b"", time.monotonic() + PATIENCE
        while not output.endswith(f"\n{mark}\n".encode()):
            ready, _, _ = select.select([self.process.stdout], [], [], max(0.0, end - time.monotonic()))
            data = os.read(self.process.stdout.fileno(), 65536) if ready else b""
            assert data, f"`{command}` did not end: {output.decode(errors='replace')}"
            output += data
        text = output.decode(errors="replace")[:-len(mark) - 2]
        if command.rstrip().endswith("&"):
            self.wait_for(command)
        return self.there(text).splitlines()

    def wait_for(self, command):
        if command.startswith("gatewayd "):
            eventually(lambda: self.run("gatewayctl health") == ["ready"], f"`{command}` is ready")
        for port in re.findall(r"\b(" + "|".join(PORTS) + r")\b", command):
            eventually(lambda: self.is_open(self.ports[port]), f"`{command}` listens")

    @staticmethod
    def is_open(port):
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", int(port))) == 0

    def stop(self):
        self.process.stdin.close()
        try:
            os.killpg(self.process.pid, signal.SIGTERM)
        except ProcessLookupError:
            pass
        self.process.wait(PATIENCE)
        self.process.stdout.close()


def normal(line):
    for pattern, name in VARYING:
        line = pattern.sub(name, line)
    return line.rstrip()


def matches(expected, got):
    """Lines against lines; both normal."""
    if not expected:
        return not got
    if expected[0] == "...":
        return any(matches(expected[1:], got[skip:]) for skip in range(len(got) + 1))
    pattern = ".*".join(re.escape(part) for part in expected[0].split("..."))
    return bool(got) and re.fullmatch(pattern, got[0]) is not None and matches(expected[1:], got[1:])


def fits(expected, got):
    return matches([normal(line) for line in expected], [normal(line) for line in got])


def shown(shell, command, expected):
    """What the command shows. A line of a log may come a moment after the answer that it is about, so whoever looks looks again."""
    seen = shell.run(command)

    def look():
        seen[:] = shell.run(command)
        return fits(expected, seen)

    if command.startswith(("grep ", "tail ")) and not fits(expected, seen):
        with contextlib.suppress(AssertionError):
            eventually(look, "as it stands there")
    return seen


@pytest.mark.parametrize("path", [path for path in markdown_files() if with_console(path)], ids=relative)
def test_the_examples_show_what_really_happens(path):
    with tempfile.TemporaryDirectory(prefix="gw-doc-") as folder:
        shell = Shell(Path(folder))
        try:
            for block in blocks(path):
                if block.file and block.language in ("yaml", "sh", "text"):
                    target = Path(folder) / block.file
                    target.parent.mkdir(parents=True, exist_ok=True)
                    target.write_text(shell.here(block.text))
                if block.language != "console":
                    continue
                for command, expected in steps(block):
                    while expected and not expected[-1]:
                        expected.pop()
                    got = shown(shell, command, expected)
                    assert fits(expected, got), (
                        f"{relative(path)}:{block.line}: $ {command}\n--- stands there\n" + "\n".join(expected) + "\n--- came\n" + "\n".join(got))
        finally:
            shell.stop()


@pytest.mark.parametrize("expected, got, good", [
    (["a", "..."], ["a"], True), (["a", "...", "d"], ["a", "b", "c", "d"], True), (["a", "...", "d"], ["a", "b"], False),
    (["a ... d"], ["a b c d"], True), (["a (b)"], ["a (b)"], True), (["a"], ["a", "b"], False), ([], ["a"], False), (["a"], [], False),
])
def test_the_comparison_itself(expected, got, good):
    assert matches(expected, got) == good

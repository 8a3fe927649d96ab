"""What the house rules say and a program can check. Prints each breach as FILE:LINE: text; exit status 1 if there is one."""
import re
import sys
from pathlib import Path

MAX_SOURCE_LINES = 400
MAX_FUNCTION_LINES = 70
MAX_COLUMNS = 140
# Files that may be longer, each with the reason.
LONG_FILES = {}

# A folder of src/ may include itself and these: links point downward only.
MAY_INCLUDE = {
    "core": set(),
    "policy": {"core"},
    "tls": {"core"},
    "proxy": {"core", "policy", "tls"},
    "fetch": {"core", "proxy"},
    "config": {"core", "policy", "tls", "proxy"},
    "pki": {"core"},
    "version": {"core", "tls"},
    "gatewayd": {"core", "policy", "tls", "proxy", "fetch", "config", "pki", "version"},
    "gatewayctl": {"core", "policy", "tls", "proxy", "config", "pki", "version"},
}

# (what it is, pattern, where it may stand)
ONLY_IN = [
    ("OpenSSL", re.compile(r"#include\s*<openssl/|\b(?:SSL|X509|EVP|BIO|OSSL)_[A-Za-z]\w*\s*\("), ("src/tls/", "src/pki/")),
    ("uv_close", re.compile(r"\buv_close\s*\("), ("src/core/uv_handle.h",)),
    ("CLI11", re.compile(r"#include\s*<CLI/"), ("src/gatewayd/main.cc", "src/gatewayctl/main.cc")),
    ("yaml-cpp", re.compile(r"#include\s*<yaml-cpp/"), ("src/config/",)),
    ("spdlog", re.compile(r"#include\s*<spdlog/"), ()),
    ("<format>", re.compile(r"#include\s*<format>"), ()),
]
HEAVY_IN_HEADERS = re.compile(r"#include\s*<(?:nlohmann/json\.hpp|CLI|yaml-cpp|spdlog)/")
# Nobody's machine, and no unfinished business.
FORBIDDEN = re.compile(r"/home/\w|/root/|/work/|/tmp/b-|\b(?:TODO|FIXME|XXX|HACK)\b")
TEXT_SUFFIXES = {".cc", ".h", ".py", ".md", ".yaml", ".yml", ".txt", ".cmake", ".sh", ".json", ".service", ""}
SKIPPED_FOLDERS = {".git", "demo", "__pycache__", ".pytest_cache", ".cache"}
EXAMPLE_PATH = re.compile(r"`((?:\./)?(?:bench|conf|docs|deploy|src|tests|cmake|scripts)/[\w./-]+)`|\]\(((?!https?:|#|mailto:)[^)#\s]+)[^)]*\)")
FUNCTION_START = re.compile(r"^[A-Za-z~].*\)\s*(?:const|noexcept|override|->\s*[\w:<>,&*\s]+|\s)*\{$")


class Tidy:
    def __init__(self, root):
        self.root = root
        self.breaches = []
        self.texts = {}

    def breach(self, path, line, text):
        self.breaches.append(f"{path}:{line}: {text}")

    def files(self, *suffixes):
        return {path: text for path, text in self.texts.items() if Path(path).suffix in suffixes}

    def read(self):
        for path in sorted(self.root.rglob("*")):
            relative = path.relative_to(self.root)
            if ".git" in relative.parts or any(part in SKIPPED_FOLDERS or part.startswith("build") for part in relative.parts[:-1]):
                continue
            if relative.as_posix().startswith("tests/fuzz/corpus/"):
                continue  # seeds are as odd as they must be
            if path.is_file() and not path.is_symlink() and path.suffix in TEXT_SUFFIXES:
                try:
                    self.texts[relative.as_posix()] = path.read_text()
                except UnicodeDecodeError:
                    continue  # a fuzz seed or a fixture

    def check_lengths(self):
        for path, text in self.files(".cc", ".h").items():
            lines = text.splitlines()
            if path.startswith("src/") and len(lines) > MAX_SOURCE_LINES and path not in LONG_FILES:
                self.breach(path, len(lines), f"longer than {MAX_SOURCE_LINES} lines: does it still have one subject?")
            for number, line in enumerate(lines, 1):
                if len(line) > MAX_COLUMNS:
                    self.breach(path, number, f"longer than {MAX_COLUMNS} columns")
            if path.startswith("src/"):
                self.check_functions(path, lines)

    def check_functions(self, path, lines):
        start = None
        for number, line in enumerate(lines, 1):
            if start is None and FUNCTION_START.match(line) and not line.startswith(("namespace", "class", "struct", "enum")):
                start = number
            elif start is not None and line.startswith("}"):
                if number - start > MAX_FUNCTION_LINES:
                    self.breach(path, start, f"a function of {number - start} lines, more than {MAX_FUNCTION_LINES}")
                start = None

    def check_includes(self):
        for path, text in self.files(".cc", ".h").items():
            parts = path.split("/")
            for number, line in enumerate(text.splitlines(), 1):
                if parts[0] == "src" and len(parts) > 2:
                    included = re.match(r'#include\s*"(\w+)/', line)
                    if included and included[1] != parts[1] and included[1] not in MAY_INCLUDE.get(parts[1], set()):
                        self.breach(path, number, f"{parts[1]} may not include {included[1]}/")
                    if path.endswith(".h") and HEAVY_IN_HEADERS.search(line):
                        self.breach(path, number, "a slow header in a header")
                    self.check_only_in(path, number, line)
            if path.endswith(".h") and "#pragma once" not in text:
                self.breach(path, 1, "no #pragma once")

    def check_only_in(self, path, number, line):
        code = line.split("//")[0]
        for name, pattern, places in ONLY_IN:
            if pattern.search(code) and not path.startswith(places or ("nowhere",)):
                self.breach(path, number, f"{name} stands only in {', '.join(places) or 'no file'}")

    def check_words(self):
        for path, text in self.texts.items():
            if path in ("tests/tidy/check.py", "LICENSE"):
                continue
            for number, line in enumerate(text.splitlines(), 1):
                if found := FORBIDDEN.search(line):
                    self.breach(path, number, f"'{found[0]}' has no place here")
                if line != line.rstrip() and not path.endswith(".md"):
                    self.breach(path, number, "white space at the end of the line")

    def check_examples(self):
        tests = "".join(text for path, text in self.texts.items() if path.startswith(("tests/", "scripts/")))
        for path in self.texts:
            if path.startswith("conf/") and path.endswith(".yaml") and Path(path).name not in tests:
                self.breach(path, 1, "no test runs this example")
        for path, text in self.files(".md").items():
            for number, line in enumerate(text.splitlines(), 1):
                for code, link in EXAMPLE_PATH.findall(line):
                    target = (self.root / code) if code else (self.root / path).parent / link
                    if not target.exists():
                        self.breach(path, number, f"{code or link} does not exist")

    def check_tests_are_built(self):
        for path in self.texts:
            if path.startswith("tests/unit/") and path.endswith("_test.cc"):
                folder = Path(path).parent.as_posix()
                if Path(path).name not in self.texts.get(f"{folder}/CMakeLists.txt", ""):
                    self.breach(path, 1, "not in its CMakeLists.txt, so it never runs")

    def run(self):
        self.read()
        for check in (self.check_lengths, self.check_includes, self.check_words, self.check_examples, self.check_tests_are_built):
            check()
        for line in self.breaches:
            print(line)
        print(f"{len(self.texts)} files, {len(self.breaches)} breaches")
        return 1 if self.breaches else 0


if __name__ == "__main__":
    sys.exit(Tidy(Path(sys.argv[1] if len(sys.argv) > 1 else ".").resolve()).run())

"""Takes each guard out, one after the other, and sees that the tests which hold it fail. `./dev guards [CASE...]`

Works on a copy of the tree in build-guards/. A case is proven if its tests pass as the code is and every one of them fails
without the guard. What a test says may change with the code: a guard that is not found, or a test that does not exist, is an error.
"""
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from guards import CASES  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]
WORK = ROOT / "build-guards"
TREE = WORK / "tree"
BUILD = TREE / "build"
UNIT = re.compile(r"^(\w+): (.+)$")
TEST_LIMIT = 180


def call(*arguments, **options):
    return subprocess.run([str(each) for each in arguments], capture_output=True, text=True, errors="replace", check=False,
                          **options)


def copy_tree():
    """Only what changed gets a new time: what is built stays built."""
    listed = call("git", "-C", ROOT, "ls-files", "-z", "--cached", "--others", "--exclude-standard").stdout.split("\0")
    files = {name for name in listed if name and (ROOT / name).is_file()}
    for name in files:
        source, target = ROOT / name, TREE / name
        if target.exists() and target.read_bytes() == source.read_bytes():
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, target)
    for path in TREE.rglob("*"):
        if path.is_file() and BUILD not in path.parents and str(path.relative_to(TREE)) not in files:
            path.unlink()


def build(targets):
    if not (BUILD / "build.ninja").exists():
        launcher = [f"-DCMAKE_{language}_COMPILER_LAUNCHER=ccache" for language in ("C", "CXX")]
        done = call("cmake", "-S", TREE, "-B", BUILD, "-G", "Ninja", *launcher)
        if done.returncode != 0:
            sys.exit(done.stdout + done.stderr)
    return call("ninja", "-C", BUILD, *sorted(targets))


def targets_of(cases):
    """What the tests need, and no more: linking is most of the time."""
    targets = set()
    for test in (test for case in cases for test in case.tests):
        match = UNIT.match(test)
        targets |= {f"test_{match[1]}"} if match else {"gatewayd", "gatewayctl"}
    return targets


def run_test(test):
    """True if it passed, False if it failed; an error of the test itself ends everything."""
    if match := UNIT.match(test):
        done = call(BUILD / "bin" / f"test_{match[1]}", f"-tc={match[2].replace(',', '?')}", timeout=TEST_LIMIT)
        ran = re.search(r"test cases:\s+(\d+)", done.stdout)
        if done.returncode >= 0 and (not ran or int(ran[1]) == 0):
            sys.exit(f"there is no unit test {test!r}\n{done.stdout}{done.stderr}")
        return done.returncode == 0
    environment = {**os.environ, "GATEWAYD_BIN": str(BUILD / "bin/gatewayd"), "GATEWAYCTL_BIN": str(BUILD / "bin/gatewayctl"),
                   "PYTHONDONTWRITEBYTECODE": "1"}
    done = call(sys.executable, "-m", "pytest", "-q", "-x", "-n", os.cpu_count() or 2, "-p", "no:cacheprovider",
                TREE / "tests/integration" / test, env=environment, cwd=TREE, timeout=TEST_LIMIT)
    # With -n, -x ends the workers, and pytest says "interrupted".
    if done.returncode not in (0, 1) and "stopping after 1 failures" not in done.stdout:
        sys.exit(f"pytest could not run {test}\n{done.stdout[-3000:]}{done.stderr[-3000:]}")
    return done.returncode == 0


def without_guard(case):
    """The files of the copy without the guard: {path: the text as it was}."""
    before = {}
    for edit in case.edits:
        path = TREE / edit.file
        text = path.read_text()
        before.setdefault(path, text)
        if text.count(edit.guard) != 1:
            sys.exit(f"{case.name}: the guard stands {text.count(edit.guard)} times in {edit.file}:\n{edit.guard}")
        path.write_text(text.replace(edit.guard, edit.without))
    return before


def prove(case):
    """"" if every test fails without the guard, else what is wrong."""
    before = without_guard(case)
    try:
        built = build(targets_of([case]))
        if built.returncode != 0:
            return "does not build without its guard:\n" + built.stdout[-2500:]
        survivors = []
        for test in case.tests:
            try:
                if run_test(test):
                    survivors.append(test)
            except subprocess.TimeoutExpired:
                pass  # it hangs: that is seen, too
        return f"passes without its guard: {', '.join(survivors)}" if survivors else ""
    finally:
        for path, text in before.items():
            path.write_text(text)


def main():
    wanted = sys.argv[1:]
    cases = [case for case in CASES if case.edits and (not wanted or any(word in case.name for word in wanted))]
    if not cases:
        sys.exit(f"no case with a guard has {' or '.join(wanted)} in its name")
    copy_tree()
    built = build(targets_of(cases))
    if built.returncode != 0:
        sys.exit(built.stdout[-4000:])
    for test in sorted({test for case in cases for test in case.tests}):
        if not run_test(test):
            sys.exit(f"fails with all guards in place: {test}")
    failed = 0
    for number, case in enumerate(cases, 1):
        begun = time.monotonic()
        wrong = prove(case)
        failed += bool(wrong)
        print(f"{number}/{len(cases)} {'FAILED' if wrong else 'proven'} {case.name} ({time.monotonic() - begun:.0f} s)"
              f"{': ' + wrong if wrong else ''}", flush=True)
    build(targets_of(cases))
    print(f"{len(cases) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

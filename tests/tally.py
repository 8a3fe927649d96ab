"""Adds up JUnit reports of ctest and pytest; the last line it prints is `N passed, N failed`.

A unit-test program counts as many as the test cases that doctest reports in it.
"""
import re
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

DOCTEST = re.compile(r"test cases:\s*(\d+)\s*\|\s*(\d+) passed\s*\|\s*(\d+) failed")


def tally_case(case):
    failed = any(case.find(tag) is not None for tag in ("failure", "error")) or case.get("status") == "fail"
    counts = DOCTEST.search(re.sub(r"\x1b\[[0-9;]*m", "", case.findtext("system-out") or ""))
    if not counts:
        return (0, 1) if failed else (1, 0)
    # A program can also fail after its last test case, e.g. by a leak.
    return int(counts[2]), max(int(counts[3]), int(failed))


def main(paths):
    passed, failed, failures = 0, 0, []
    for path in paths:
        if not Path(path).exists():
            failed += 1
            failures.append(f"{path}: no report")
            continue
        for case in ET.parse(path).getroot().iter("testcase"):
            if case.find("skipped") is not None:
                continue
            good, bad = tally_case(case)
            passed, failed = passed + good, failed + bad
            if bad:
                failures.append(f"{case.get('classname')}: {case.get('name')}")
    for failure in failures:
        print(f"FAILED {failure}")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

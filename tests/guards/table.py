"""Makes docs/published-bypasses.md from the list of guards. `--check` only says whether it is up to date."""
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from guards import CASES  # noqa: E402

PAGE = Path(__file__).resolve().parents[2] / "docs/published-bypasses.md"
HEAD = """# Published bypasses of gateways, and why they don't work here

What went wrong in nginx, HAProxy, Envoy, Traefik, Caddy and others where a client got in that should not have, what stops the same here, and
the tests that say so. `./dev guards` takes each guard out of the code, one after the other, and sees that its tests fail; those marked ○ are
held by a library, or by something that does not exist here, and have no guard of ours to take out.

This page is made by `tests/guards/table.py` from `tests/guards/guards.py`: change it there.

| published | what happened | what stops it here | tests |
| --- | --- | --- | --- |
"""


def page():
    rows = []
    for case in CASES:
        tests = "<br>".join(f"`{test}`" for test in case.tests)
        mark = "" if case.edits else " ○"
        rows.append(f"| {case.name}{mark} | {case.elsewhere} | {case.here} | {tests} |\n")
    return HEAD + "".join(rows)


def main():
    if sys.argv[1:] == ["--check"]:
        sys.exit(0 if PAGE.read_text() == page() else "docs/published-bypasses.md is not what tests/guards/table.py makes")
    PAGE.write_text(page())


if __name__ == "__main__":
    main()

"""docs/performance.md: what is measured takes the place of what was measured before, between two marks."""
from pathlib import Path

PAGE = Path(__file__).resolve().parent.parent / "docs/performance.md"


def marks(name):
    return f"<!-- {name}: begin -->\n", f"<!-- {name}: end -->\n"


def part(name, page=PAGE):
    begin, end = marks(name)
    return page.read_text().split(begin)[1].split(end)[0].strip("\n") + "\n"


def replace(name, text, page=PAGE):
    begin, end = marks(name)
    before, rest = page.read_text().split(begin)
    _, after = rest.split(end)
    page.write_text(f"{before}{begin}\n{text}\n{end}{after}")

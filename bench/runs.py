#!/usr/bin/env python3
"""Do several runs of `./dev bench --json FILE` tell the same? Ours by a peer's in each of them, as Markdown.

  bench/runs.py [--peer nginx] [--write-docs] FILE...
"""
import argparse
import json
from pathlib import Path

import page
from report import OURS, ratios, row, spread


def table(runs, peer):
    """A row for each scenario and gateway of ours, least–median–most of the rounds of each run."""
    lines = [row(f"ours by {peer}'s", *(f"run {count}" for count in range(1, len(runs) + 1))), "|" + " --- |" * (len(runs) + 1)]
    for name in runs[0]["results"]:
        for mine, what in OURS.items():
            cells = []
            for run in runs:
                per = run["results"].get(name, {})
                cells.append(spread(ratios(per.get(mine, []), per.get(peer, []))))
            if set(cells) != {"–"}:
                lines.append(row(f"`{name}`{what}", *cells))
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peer", default="nginx", help="nginx, nginx_notickets or haproxy (nginx)")
    parser.add_argument("--write-docs", action="store_true", help="put the table into docs/performance.md")
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE")
    args = parser.parse_args()
    text = table([json.loads(path.read_text()) for path in args.files], args.peer)
    print(text)
    if args.write_docs:
        page.replace("runs", text + "\n")


if __name__ == "__main__":
    main()

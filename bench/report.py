"""The measurements of a run as Markdown."""
from statistics import median

OURS = {"ours": "", "ours_tickets": ", sealed tickets"}
PEERS = ("nginx", "nginx_notickets", "haproxy", "before")


def number(value):
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def values(rounds):
    return [each["value"] for each in rounds if "value" in each]


def cell(rounds):
    """Median (least to most), or why there is no figure."""
    if any("void" in each for each in rounds):
        return "void"
    found = values(rounds)
    if not found:
        return "–"
    return number(median(found)) + (f" ({number(min(found))}–{number(max(found))})" if len(found) > 1 else "")


def ratios(ours, peer):
    """Ours by the peer's, of the same round each."""
    return sorted(mine["value"] / theirs["value"] for mine, theirs in zip(ours, peer) if "value" in mine and "value" in theirs)


def spread(found):
    return f"{found[0]:.2f}–**{median(found):.2f}**–{found[-1]:.2f}" if found else "–"


def row(*cells):
    return "| " + " | ".join(cells) + " |"


def cost_table(results, columns, title):
    lines = [row(title, *columns), "|" + " --- |" * (len(columns) + 1)]
    lines += [row(f"`{name}`", *(cell(per.get(column, [])) for column in columns)) for name, per in results.items()]
    return lines


def ratio_table(results, columns):
    peers = [column for column in columns if column in PEERS]
    mine = [column for column in columns if column in OURS]
    if not mine or not peers:
        return []
    lines = [row("ours by the peer's, least–**median**–most", *peers), "|" + " --- |" * (len(peers) + 1)]
    for name, per in results.items():
        for column in (column for column in mine if column in per):
            lines.append(row(f"`{name}`{OURS[column]}", *(spread(ratios(per[column], per.get(peer, []))) for peer in peers)))
    return lines


def second_table(results, columns):
    """Operations a second and the 99th percentile: they depend on what else the machine does."""
    lines = [row("operations/s; p99 in µs", *columns), "|" + " --- |" * (len(columns) + 1)]
    for name, per in results.items():
        cells = []
        for column in columns:
            good = [each for each in per.get(column, []) if "value" in each]
            cells.append(f"{number(median(each['per_second'] for each in good))}; {number(median(each['p99_us'] for each in good))}" if good
                         else "–")
        lines.append(row(f"`{name}`", *cells))
    return lines


def voids(results):
    return [f"- void: `{name}`, {column}, round {count}: {each['void']}" for name, per in results.items() for column, rounds in per.items()
            for count, each in enumerate(rounds, 1) if "void" in each]


def markdown(run):
    results = run["results"]
    seen = {column for per in results.values() for column in per}
    columns = [column for column in run["columns"] if column in seen]
    memory = {name: per for name, per in results.items() if name.startswith("idle")}
    cpu = {name: per for name, per in results.items() if name not in memory}
    lines = [f"- {key}: {value}" for key, value in run["about"].items()]
    if cpu:
        lines += ["", *cost_table(cpu, columns, "CPU µs an operation, median (least–most)")]
        if ratio := ratio_table(cpu, columns):
            lines += ["", *ratio]
        lines += ["", *second_table(cpu, columns)]
    if memory:
        lines += ["", *cost_table(memory, columns, f"KiB (PSS) a connection, {run['idle']:,} of them")]
        if ratio := ratio_table(memory, columns):
            lines += ["", *ratio]
    if faults := voids(results):
        lines += ["", *faults]
    return "\n".join(lines) + "\n"

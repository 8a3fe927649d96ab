"""Makes the man page gatewayd.yaml(5), in scdoc's language, from docs/configuration.md: every key stands in one place only.

    config_man.py docs/configuration.md > gatewayd.yaml.5.scd

It understands what that file uses: headings, paragraphs, lists, tables and fenced blocks; anything else is an error.
"""
import re
import sys
from pathlib import Path

PREAMBLE = """gatewayd.yaml(5) "" "mTLS gateway"

# NAME

gatewayd.yaml - the configuration of gatewayd

# DESCRIPTION

*/etc/gatewayd/gatewayd.yaml* unless *gatewayd* is given another one.
"""
POSTSCRIPT = """
# SEE ALSO

*gatewayd*(8), *gatewayctl*(1)

Examples are in /usr/share/doc/gatewayd/examples.
"""
SPAN = re.compile(r"``\s?(.+?)\s?``|`([^`]+)`|\*\*(.+?)\*\*|\[([^\]]+)\]\([^)]+\)")


def escape(text):
    return re.sub(r"([\\_*])", r"\\\1", text)


def inline(text):
    """Markdown's spans as scdoc's: code and strong are bold, a link is its text."""
    out, end = [], 0
    for match in SPAN.finditer(text):
        double, code, strong, link = match.groups()
        out.append(escape(text[end:match.start()]))
        bold = double or code or strong
        # A bold span must not touch a word: scdoc would take the asterisk for text.
        out.append(f"*{escape(bold)}*" if bold else inline(link))
        end = match.end()
    out.append(escape(text[end:]))
    return "".join(out)


def cells(line):
    parts = re.split(r"(?<!\\)\|", line.strip().strip("|"))
    return [part.strip().replace("\\|", "|") for part in parts]


def table(lines):
    """Each row is an entry: its first cell, then what the others say."""
    for line in lines[2:]:
        first, *others = cells(line)
        *facts, meaning = others
        facts = "; ".join(inline(fact) for fact in facts if fact)
        yield inline(first) + (f" ({facts})" if facts else "")
        yield "\t" + (inline(meaning) if meaning else "\\-")
        yield ""


def paragraph(lines):
    yield inline(" ".join(line.strip() for line in lines))
    yield ""


def bullets(lines):
    items = []
    for line in lines:
        if line.startswith("- "):
            items.append(line[2:])
        else:
            items[-1] += " " + line.strip()
    for item in items:
        yield "- " + inline(item)
    yield ""


def blocks(text):
    """The blocks of the file, each a list of lines; a fenced one keeps its empty lines."""
    block, fenced = [], False
    for line in text.splitlines():
        if line.startswith("```"):
            fenced = not fenced
        if line.strip() or fenced:
            block.append(line)
        elif block:
            yield block
            block = []
    if block:
        yield block


def convert(text):
    for lines in blocks(text):
        first = lines[0]
        if first.startswith("# "):
            continue
        if first.startswith("## "):
            yield from ("# " + first[3:].replace("`", ""), "")
        elif first.startswith("### "):
            yield from ("## " + first[4:].replace("`", ""), "")
        elif first.startswith("#"):
            raise ValueError(f"a heading that has no place in a man page: {first}")
        elif first.startswith("|"):
            yield from table(lines)
        elif first.startswith("- "):
            yield from bullets(lines)
        elif first.startswith("```"):
            yield from ("```", *lines[1:-1], "```", "")
        elif first.startswith(">") or re.match(r"\d+\. ", first):
            raise ValueError(f"neither a paragraph, a list, a table nor a fenced block: {first}")
        else:
            yield from paragraph(lines)


def main():
    text = Path(sys.argv[1]).read_text(encoding="utf-8")
    sys.stdout.reconfigure(encoding="utf-8")
    print(PREAMBLE + "\n" + "\n".join(convert(text)).rstrip() + "\n" + POSTSCRIPT.rstrip())


if __name__ == "__main__":
    main()

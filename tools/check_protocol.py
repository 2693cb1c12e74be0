#!/usr/bin/env python3
"""Holds docs/protocol.md against the table of messages in src/wire/types.h.

Every T-message has exactly one row, a table line that begins with its name and number, such as
"| Twalk 110 |", and no row names a message or a number that the code does not know.
Exits 1 with one line per offence.
"""
import pathlib
import re
import sys

ENUMERATOR = re.compile(r"^\s*(T[a-z]+)\s*=\s*(\d+),", re.MULTILINE)
ROW = re.compile(r"^\|\s*(T[a-z]+)\s+(\d+)\s*\|", re.MULTILINE)


def offences(root: pathlib.Path):
    code = dict(ENUMERATOR.findall((root / "src/wire/types.h").read_text()))
    rows = ROW.findall((root / "docs/protocol.md").read_text())
    if not code:
        yield "src/wire/types.h: no T-message found; has the table moved?"
    for name, number in code.items():
        count = sum(1 for row in rows if row[0] == name)
        if count != 1:
            yield f"docs/protocol.md: {name} {number} has {count} rows instead of one"
    for name, number in rows:
        if name not in code:
            yield f"docs/protocol.md: {name} is not in src/wire/types.h"
        elif code[name] != number:
            yield f"docs/protocol.md: {name} is {code[name]}, not {number}"


def main() -> int:
    found = list(offences(pathlib.Path(__file__).resolve().parent.parent))
    for line in found:
        print(line)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())

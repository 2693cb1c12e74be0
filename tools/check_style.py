#!/usr/bin/env python3
"""Holds the house rules that no compiler knows, over all C and C++ files that git tracks.

  TRY(       only as a statement or right after " = " (docs/adr/0001-errors-as-values.md).
  length     no file over 500 lines.
  names      no file called utils, helpers, common or misc.
  TODO       none is left.

Exits 1 with one line per offence.
"""
import pathlib
import re
import subprocess
import sys

MAX_LINES = 500
VAGUE = {"utils", "util", "helpers", "helper", "common", "misc"}
GOOD_TRY = re.compile(r"^\s*(TRY\(|[^;(]* = TRY\()")


def offences(root: pathlib.Path):
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.h", "*.cpp", "*.c"],
        cwd=root, check=True, capture_output=True, text=True).stdout.split()
    for name in listed:
        file = root / name
        if not file.exists():
            continue
        lines = file.read_text().splitlines()
        if len(lines) > MAX_LINES:
            yield f"{name}: {len(lines)} lines, more than {MAX_LINES}: split it"
        if file.stem in VAGUE:
            yield f"{name}: the name says nothing about what is in it"
        for number, line in enumerate(lines, 1):
            code = line.split("//")[0]
            if "TRY(" in code and "#define" not in code and not GOOD_TRY.match(code):
                yield f"{name}:{number}: TRY must be a whole statement or initialiser"
            if re.search(r"\b(TODO|FIXME|XXX)\b", line):
                yield f"{name}:{number}: unfinished"


def main() -> int:
    found = list(offences(pathlib.Path(__file__).resolve().parent.parent))
    for line in found:
        print(line)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())

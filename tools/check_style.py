#!/usr/bin/env python3
"""Holds the house rules that no compiler knows, over the files that git tracks or would.

In C and C++:
  TRY(       only as a statement or right after " = " (docs/adr/0001-errors-as-values.md).
  length     no file over 500 lines.
  names      no file called utils, helpers, common or misc.
  TODO       none is left.
In all text:
  places     no path of a developer's machine and no host of a package mirror.

Exits 1 with one line per offence.
"""
import pathlib
import re
import subprocess
import sys

MAX_LINES = 500
VAGUE = {"utils", "util", "helpers", "helper", "common", "misc"}
GOOD_TRY = re.compile(r"^\s*(TRY\(|[^;(]* = TRY\()")
PLACE = re.compile(r"(^|[^\w.])/(work|farm)/|://[\w.-]+/debian(-security)?([^a-z]|$)")


def tracked(root: pathlib.Path):
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=root, check=True, capture_output=True, text=True).stdout.split("\0")
    return [name for name in listed if name and (root / name).is_file()]


def offences(root: pathlib.Path):
    for name in tracked(root):
        file = root / name
        content = file.read_bytes()
        if b"\0" in content:
            continue
        lines = content.decode(errors="replace").splitlines()
        for number, line in enumerate(lines, 1):
            if PLACE.search(line):
                yield f"{name}:{number}: names a place that only one machine knows"
        if file.suffix not in (".h", ".cpp", ".c"):
            continue
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

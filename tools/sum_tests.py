#!/usr/bin/env python3
"""Adds up what ctest says of its runs, from the files that ctest --output-junit wrote.

  tools/sum_tests.py [--broken N] FILE...

Prints one line per file and then, alone on the last line, "N passed, N failed", with
", N skipped" if any.  --broken adds N failures that left no file (a build that broke, a lint
finding).  Exits 1 if anything failed or if not a single test ran.
"""
import pathlib
import sys
import xml.etree.ElementTree as xml


def counts(path: pathlib.Path):
    suite = xml.parse(path).getroot()
    total, failed = int(suite.get("tests")), int(suite.get("failures"))
    skipped = int(suite.get("skipped", 0)) + int(suite.get("disabled", 0))
    return total - failed - skipped, failed, skipped


def line(passed: int, failed: int, skipped: int) -> str:
    text = f"{passed} passed, {failed} failed"
    return f"{text}, {skipped} skipped" if skipped else text


def main() -> int:
    arguments = sys.argv[1:]
    broken = 0
    if arguments[:1] == ["--broken"]:
        broken = int(arguments[1])
        arguments = arguments[2:]
    total = [0, broken, 0]
    for name in arguments:
        path = pathlib.Path(name)
        found = counts(path)
        print(f"{path.stem}: {line(*found)}")
        total = [a + b for a, b in zip(total, found)]
    print(line(*total))
    return 1 if total[1] or not total[0] else 0


if __name__ == "__main__":
    sys.exit(main())

"""go-fuse's posixtest: what its authors require of every file system, parts of it after xfstests."""
import re

from compare import both
from report import finish
from suite import built, outcome

PROGRAM = built("posixtest", "go-fuse posixtest") / "posixtest"


def run(place):
    results = {}
    failed = ""
    for line in outcome([PROGRAM, "-test.v"], place, POSIXTEST_DIR=str(place))[1].splitlines():
        found = re.match(r"\s+--- (PASS|FAIL|SKIP): TestPosix/(\S+)", line)
        if found and found[1] != "SKIP":
            results[found[2]] = "" if found[1] == "PASS" else "failed: "
            failed = found[2] if found[1] == "FAIL" else ""
        elif failed and line.startswith("        "):
            results[failed] += line.strip() + " "
    return results


both("posixtest", run)
finish()

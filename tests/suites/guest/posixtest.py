"""go-fuse's posixtest: what its authors require of every file system, parts of it after xfstests."""
import os
import pathlib
import re
import subprocess

from compare import both
from report import finish, skip, version

PROGRAM = pathlib.Path("/opt/nineroot/posixtest/posixtest")
if not PROGRAM.exists():
    skip("the suites are not built; tests/suites/build makes them")
version("go-fuse posixtest, Linux " + os.uname().release)


def run(place):
    done = subprocess.run(
        [PROGRAM, "-test.v"],
        env={**os.environ, "POSIXTEST_DIR": str(place)},
        cwd=place,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        timeout=1200,
        check=False,
    )
    results = {}
    said = ""
    for line in done.stdout.splitlines():
        found = re.match(r"\s+--- (PASS|FAIL|SKIP): TestPosix/(\S+)", line)
        if found and found[1] != "SKIP":
            results[found[2]] = "" if found[1] == "PASS" else "failed: "
            said = found[2]
        elif said and results[said] and line.startswith("        "):
            results[said] += line.strip() + " "
    return results


both("posixtest", run)
finish()

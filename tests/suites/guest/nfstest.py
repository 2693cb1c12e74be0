"""nfstest_posix: the POSIX calls of NFS's own test suite, on a directory instead of a mount."""
import os
import pathlib
import re
import subprocess
import sys

from compare import both
from report import finish, skip, version

SUITE = pathlib.Path("/opt/nineroot/nfstest")
if not SUITE.exists():
    skip("the suites are not built; tests/suites/build makes them")
version("nfstest_posix, Linux " + os.uname().release)


# It captures the packets of NFS beside its tests; there are none here.
WITHOUT_PACKETS = f"""
import runpy, sys
import nfstest.test_util as util
util.TestUtil.trace_start = util.TestUtil.trace_stop = lambda *words, **more: None
sys.argv[0] = "nfstest_posix"
runpy.run_path("{SUITE}/nfstest_posix", run_name="__main__")
"""


def run(place):
    done = subprocess.run(
        [
            sys.executable,
            "-B",
            "-c",
            WITHOUT_PACKETS,
            "--server",
            "127.0.0.1",
            "--nomount",
            "--mtpoint",
            str(place),
            "--notty",
            "--verbose",
            "none",
        ],
        env={**os.environ, "PYTHONPATH": str(SUITE)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        timeout=2400,
        check=False,
    )
    results = {}
    group = ""
    for line in done.stdout.splitlines():
        line = re.sub(r"\x1b\[[0-9;]*m", "", line)
        title = re.match(r"\*\*\* (.*)", line)
        found = re.match(r"\s+(PASS|FAIL): (.*)", line)
        if title:
            group = title[1]
        elif found:
            # Names of files are chosen by the time of day.
            what = re.sub(r"nfstest_posix_\w+|\d{10,}", "X", found[2])
            results[f"{group}: {what.split(', ')[0]}"] = "" if found[1] == "PASS" else found[2]
    if not results:
        results["ran"] = done.stdout[-600:]
    return results


both("nfstest", run)
finish()

"""nfstest_posix: the POSIX calls of NFS's own test suite, on a directory instead of a mount."""
import re
import sys

from compare import both
from report import finish
from suite import built, outcome

SUITE = built("nfstest", "nfstest_posix")

# It captures the packets of NFS beside its tests; there are none here.
WITHOUT_PACKETS = f"""
import runpy, sys
import nfstest.test_util as util
util.TestUtil.trace_start = util.TestUtil.trace_stop = lambda *words, **more: None
sys.argv[0] = "nfstest_posix"
runpy.run_path("{SUITE}/nfstest_posix", run_name="__main__")
"""


def run(place):
    command = [sys.executable, "-B", "-c", WITHOUT_PACKETS, "--server", "127.0.0.1", "--nomount"]
    command += ["--mtpoint", place, "--notty", "--verbose", "none"]
    _, said = outcome(command, place, 2400, PYTHONPATH=str(SUITE))
    results = {}
    group = ""
    for line in said.splitlines():
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
        results["ran"] = said[-600:]
    return results


both("nfstest", run)
finish()

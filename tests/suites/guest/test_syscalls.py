"""libfuse's test_syscalls: system calls and their results, as libfuse judges its own file systems."""
import os
import pathlib
import re
import subprocess

from compare import both
from report import finish, skip, version

PROGRAM = pathlib.Path("/opt/nineroot/test_syscalls/test_syscalls")
if not PROGRAM.exists():
    skip("the suites are not built; tests/suites/build makes them")
version("libfuse test_syscalls, Linux " + os.uname().release)


def run(place):
    results = {}
    for words in ([], ["-u"]):
        done = subprocess.run(
            [PROGRAM, str(place), f":{place}", *words],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=1200,
            check=False,
        )
        label = "unlinked " if words else ""
        for line in done.stdout.splitlines():
            found = re.match(r"\s*(\d+ \[.*?\]) (.*)", line)
            if found and (found[2] != "OK" or label + found[1] not in results):
                results[label + found[1]] = "" if found[2] == "OK" else found[2]
        if done.returncode != 0 and not any(results.values()):
            results[f"{label}exit status"] = str(done.returncode) + done.stdout[-500:]
    return results


both("test_syscalls", run)
finish()

"""pjd-fstest, the suite of FreeBSD's and ZFS's POSIX regressions (as diod's source has it): 184 scripts, about 1,900 tests."""
import os
import pathlib
import subprocess

from compare import both
from report import finish, skip, version

SUITE = pathlib.Path("/opt/nineroot/fstest")
if not SUITE.exists():
    skip("the suites are not built; tests/suites/build makes them")
version("pjd-fstest, Linux " + os.uname().release)


def run(place):
    results = {}
    # The scripts find the program and their settings from their own path.
    (SUITE / "tests/conf").write_text('os=`uname`\nfs="ext3"\n')
    for script in sorted((SUITE / "tests").glob("*/*.t")):
        name = f"{script.parent.name}/{script.stem}"
        if script.parent.name == "chflags":
            continue
        done = subprocess.run(
            ["sh", str(script)],
            cwd=place,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=1200,
            check=False,
        )
        planned = 0
        for line in done.stdout.splitlines():
            words = line.split()
            if line.startswith("1.."):
                planned = int(words[0][3:])
            elif words[:1] == ["ok"]:
                results[f"{name} {words[1]}"] = ""
            elif words[:2] == ["not", "ok"]:
                results[f"{name} {words[2]}"] = "not ok"
        failed = [test for test, how in results.items() if how and test.startswith(name + " ")]
        print(f"{name} in {place}: {planned} tests{', failed: ' if failed else ''}{' '.join(failed)}", flush=True)
        ran = sum(test.startswith(name + " ") for test in results)
        if ran != planned:
            results[f"{name} all"] = f"{ran} tests of {planned} ran: {done.stderr[-300:]}"
    return results


both("fstest", run, is_long=True)
finish()

"""The tests of the attr and acl packages: what their tools say of xattrs and ACLs, line by line; ACLs need posixacl."""
import os
import pathlib
import re
import shutil
import subprocess

from compare import both
from report import client, finish, root_options, skip, version

SUITE = pathlib.Path("/opt/nineroot")
if not (SUITE / "attr").exists():
    skip("the suites are not built; tests/suites/build makes them")
version("tests of attr and acl, Linux " + os.uname().release)
TESTS = sorted((SUITE / "attr").glob("*.test")) + sorted((SUITE / "attr/root").glob("*.test"))
if "posixacl" in root_options():
    TESTS += [
        test
        for test in sorted((SUITE / "acl").glob("*.test")) + sorted((SUITE / "acl/root").glob("*.test"))
        # These two replace the C library's list of users by one built with acl.
        if test.stem not in ("setfacl-X", "misc")
    ]
else:
    client("the tests of acl need the mount option posixacl")


def run(place):
    results = {}
    # The tests work in a directory beside them, so they are copied to where they shall be tried.
    for suite in ("attr", "acl"):
        shutil.copytree(SUITE / suite, place / suite)
    for test in TESTS:
        suite, *rest = test.relative_to(SUITE).parts
        done = subprocess.run(
            [place / suite / "run", place.joinpath(suite, *rest)],
            cwd=place / suite,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=900,
            check=False,
            env={**os.environ, "LC_ALL": "C", "srcdir": str(place / suite)},
        )
        failed = re.findall(r"\[(\d+)\] \$ (.*?) -- failed", done.stdout)
        counted = re.search(r"(\d+) commands \((\d+) passed, (\d+) failed\)", done.stdout)
        name = f"{suite}/{test.stem}"
        results[name] = "" if done.returncode == 0 else done.stdout[-600:]
        for line, command in failed:
            results[f"{name} line {line}: {command}"] = "failed"
        if counted:
            print(f"{name} in {place}: {counted[0]}", flush=True)
    return results


both("attr_acl", run)
finish()

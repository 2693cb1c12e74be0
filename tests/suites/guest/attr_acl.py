"""The tests of the attr and acl packages: what their tools say of xattrs and ACLs, line by line; ACLs need posixacl."""
import re
import shutil

from compare import both
from report import client, finish, root_options
from suite import SUITES, built, outcome

built("attr", "tests of attr and acl")
TESTS = sorted((SUITES / "attr").glob("*.test")) + sorted((SUITES / "attr/root").glob("*.test"))
if "posixacl" in root_options():
    TESTS += [
        test
        for test in sorted((SUITES / "acl").glob("*.test")) + sorted((SUITES / "acl/root").glob("*.test"))
        # These two replace the C library's list of users by one built with acl.
        if test.stem not in ("setfacl-X", "misc")
    ]
else:
    client("the tests of acl need the mount option posixacl")


def run(place):
    results = {}
    # The tests work in a directory beside them, so they are copied to where they shall be tried.
    for suite in ("attr", "acl"):
        shutil.copytree(SUITES / suite, place / suite)
    for test in TESTS:
        suite, *rest = test.relative_to(SUITES).parts
        command = [place / suite / "run", place.joinpath(suite, *rest)]
        status, said = outcome(command, place / suite, 900, LC_ALL="C", srcdir=str(place / suite))
        failed = re.findall(r"\[(\d+)\] \$ (.*?) -- failed", said)
        counted = re.search(r"(\d+) commands \((\d+) passed, (\d+) failed\)", said)
        name = f"{suite}/{test.stem}"
        results[name] = "" if status == 0 else said[-600:]
        for line, command in failed:
            results[f"{name} line {line}: {command}"] = "failed"
        if counted:
            print(f"{name} in {place}: {counted[0]}", flush=True)
    return results


both("attr_acl", run)
finish()

"""The tests of Python's own standard library that are about files, with their files on the root."""
import os
import pathlib
import re
import sys

from compare import both
from report import attempt, finish, skip, version
from suite import outcome

if attempt("python3 -c 'import test.test_os, test.libregrtest'")[0] != 0:
    skip("Python's tests are not installed")
version("Python " + sys.version.split()[0])
MODULES = os.environ.get(
    "CPYTHON_MODULES",
    "test_os test_posix test_shutil test_tempfile test_mmap test_fcntl test_file test_fileio test_stat test_genericpath "
    "test_posixpath test_glob test_pathlib test_io test_largefile test_tarfile test_mailbox test_dbm_dumb",
).split()


def run(place):
    results = {}
    os.chmod(place, 0o777)
    library = pathlib.Path(os.__file__).parent / "test"
    for module in MODULES:
        if not (library / f"{module}.py").exists() and not (library / module).is_dir():
            continue
        command = [sys.executable, "-m", "test", "-v", "-u", "largefile", "--tempdir", place, module]
        status, said = outcome(command, place, 2400, TMPDIR=str(place))
        found = re.findall(r"^(\w+) \(([\w.]+)\).* \.\.\. (ok|FAIL|ERROR)$", said, re.MULTILINE)
        results.update({f"{where}.{name}": "" if how == "ok" else how for name, where, how in found})
        print(f"{module} in {place}: {len(found)} tests, exit status {status}", flush=True)
        told = re.findall(r"^(FAIL|ERROR): (\w+) \(([\w.]+)\)", said, re.MULTILINE)
        for kind, name, where in told:
            trace = said[said.find(f"{kind}: {name} ({where})") :]
            results[f"{where}.{name}"] = kind + ": " + trace.split("=====")[0].strip()[-300:].replace("\n", " | ")
        if not found or (status != 0 and not told):
            results[module] = f"exit status {status}: {said[-300:]}"
    return results


both("cpython", run, is_long=True)
finish()

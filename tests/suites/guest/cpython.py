"""The tests of Python's own standard library that are about files, with their files on the root."""
import os
import pathlib
import re
import subprocess
import sys

from compare import both
from report import attempt, finish, skip, version

if attempt("python3 -c 'import test.test_os, test.libregrtest'")[0] != 0:
    skip("Python's tests are not installed")
version("Python " + sys.version.split()[0])
MODULES = (
    "test_os test_posix test_shutil test_tempfile test_mmap test_fcntl test_file test_fileio test_stat test_genericpath "
    "test_posixpath test_glob test_pathlib test_largefile test_mailbox test_dbm_dumb"
).split()


def run(place):
    results = {}
    os.chmod(place, 0o777)
    for module in MODULES:
        if (
            not pathlib.Path(os.path.dirname(os.__file__), "test", module + ".py").exists()
            and not pathlib.Path(os.path.dirname(os.__file__), "test", module).is_dir()
        ):
            continue
        print(f"{module} in {place}", flush=True)
        done = subprocess.run(
            [sys.executable, "-m", "test", "-v", "-u", "largefile", "--tempdir", str(place), module],
            cwd=place,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=2400,
            env={**os.environ, "TMPDIR": str(place)},
            check=False,
        )
        for line in done.stdout.splitlines():
            found = re.match(r"(\w+) \(([\w.]+)\).* \.\.\. (ok|FAIL|ERROR)$", line)
            if found:
                results[f"{found[2]}.{found[1]}"] = "" if found[3] == "ok" else found[3]
        for kind, name, where in re.findall(r"^(FAIL|ERROR): (\w+) \(([\w.]+)\)", done.stdout, re.MULTILINE):
            trace = done.stdout[done.stdout.find(f"{kind}: {name} ({where})") :]
            results[f"{where}.{name}"] = kind + ": " + trace.split("=====")[0].strip()[-300:].replace("\n", " | ")
    return results


both("cpython", run, is_long=True)
finish()

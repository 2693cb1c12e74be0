"""What the checks in the guest share: facts that are counted, shell scripts, a place to write.
Exit status 0: all true; 1: something is not; 77: it could not be tried here, and why."""
import os
import pathlib
import shutil
import subprocess
import sys

failures = 0


def check(what, condition, detail=""):
    global failures
    print(
        f"{'ok' if condition else 'FAILED'}: {what}" + ("" if condition else f"  [{str(detail)[-1500:]}]"), flush=True
    )
    if not condition:
        failures += 1
    return condition


def check_equal(what, actual, expected):
    return check(what, actual == expected, f"{actual!r}, expected {expected!r}")


def client(what):
    """A difference that the guest's 9P client makes, before any server is asked."""
    print(f"client: {what}", flush=True)


def skip(reason):
    print(f"skipped: {reason}", flush=True)
    sys.exit(77)


def version(text):
    print(f"version: {text.strip()}", flush=True)


def finish():
    sys.exit(1 if failures else 0)


def attempt(script, user=None, timeout=1800, directory=None):
    """A shell script that may fail: (exit status, what it printed)."""
    command = ["bash", "-ec", script]
    if user:
        command = ["setpriv", "--reuid", user, "--regid", user, "--init-groups", "env", "HOME=/tmp", *command]
    result = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        timeout=timeout,
        cwd=directory,
        check=False,
    )
    return result.returncode, result.stdout.strip()


def sh(script, user=None, timeout=1800, directory=None):
    """The output of a shell script, which must succeed; the check cannot go on without it."""
    status, output = attempt(script, user, timeout, directory)
    if status != 0:
        check(f"runs: {script.strip()}", False, f"exit status {status}: {output}")
        finish()
    return output


def need(*programs):
    missing = [name for name in programs if shutil.which(name) is None]
    if missing:
        skip("not installed: " + ", ".join(missing))


def root_options():
    for line in pathlib.Path("/proc/mounts").read_text().splitlines():
        _, where, kind, options, *_ = line.split()
        if where == "/" and kind == "9p":
            return options.split(",")
    skip("the root is not 9p")


def cache_mode():
    """none, mmap or loose.  Linux 6.1 shows the mode's bare name, later ones cache=NUMBER."""
    options = root_options()
    shown = next(
        (word.removeprefix("cache=") for word in options if word.startswith("cache=") or word in ("mmap", "loose")),
        "none",
    )
    numbers = {"0": "none", "0x0": "none", "5": "mmap", "0x5": "mmap", "15": "loose", "0xf": "loose", "f": "loose"}
    return numbers.get(shown, shown)


def work_place(name):
    """An empty directory on the root, and its name says whose it is."""
    place = pathlib.Path("/var/tmp/software") / name
    # A check that gave up may have left something mounted in it.
    attempt(f"grep -o ' {place}/[^ ]*' /proc/mounts | tac | xargs -r umount -l")
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    os.chmod(place, 0o755)
    return place


def ordinary_user():
    """A user without any privilege."""
    if attempt("id tester")[0] != 0:
        sh("useradd --create-home --shell /bin/bash tester")
    return "tester"

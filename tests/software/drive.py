"""The host's side of tests/software: one machine, one boot, and in it one script after the other;
a table at the end.  What is checked is in the scripts, which run in the guest."""
import argparse
import importlib
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import time

import usermode

SCRIPTS = pathlib.Path(__file__).resolve().parent / "software"
FOLDERS = ("software", "suites")
SKIPPED = 77

# Where a script lies in the guest.
IN_GUEST = "opt/nineroot"
# How much some of them do: passed on to the guest.
SIZES = ("FSX_OPERATIONS", "FIO_SIZE", "STRESS_SECONDS", "CPYTHON_MODULES")

PACKAGES = """acl attr libcap2-bin sudo iputils-ping python3 sqlite3 git gcc make libc6-dev postgresql
  postgresql-contrib mariadb-server rsync borgbackup podman fuse-overlayfs slirp4netns uidmap stress-ng fio dbench
  strace busybox-static linux-headers-amd64 dkms v4l2loopback-dkms dpkg-dev bonnie++ e2fsprogs xfsprogs fuse3 zstd
  kmod libacl1-dev libattr1-dev""".split()
# What asks systemd or the network, which a guest of User Mode Linux has not.
NOT_IN_USERMODE = ("apt", "journald", "privileges")
MORE = {"bookworm": ["libpython3.11-testsuite"], "trixie": ["libpython3.13-testsuite"]}


def arguments():
    parser = argparse.ArgumentParser(prog="tests/software/run")
    parser.add_argument("--debian", default="trixie", help="the guest's suite: bookworm, trixie, sid")
    parser.add_argument("--cache", default="mmap", choices=("none", "mmap", "loose"))
    parser.add_argument("--fresh", action="store_true", help="make the machine anew")
    parser.add_argument("--uml", metavar="FILE", help="a User Mode Linux kernel, instead of QEMU and the tree's kernel")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("names", nargs="*")
    return parser.parse_args()


def scripts():
    return {
        path.stem: path
        for folder in FOLDERS
        for path in sorted((SCRIPTS / folder).glob("*.py"))
        if path.stem not in ("report", "compare", "suite")
    }


def chosen(names):
    every = scripts()
    picked = []
    for name in names or FOLDERS:
        if name in FOLDERS:
            picked += [stem for stem, path in every.items() if path.parent.name == name]
        elif name in every:
            picked.append(name)
        else:
            sys.exit(f"tests/software/run: no such check: {name}; see --list")
    return picked


def make_machine(guest, suite, is_fresh):
    guest.require(subprocess.run([guest.BIN / "get-qemu"], capture_output=True, check=False), "get-qemu")
    if guest.ROOT.exists() and is_fresh:
        guest.require(guest.nineroot("remove", "--yes", guest.MACHINE), "remove")
    if guest.ROOT.exists():
        return
    start = time.monotonic()
    packages = ",".join(PACKAGES + MORE.get(suite, []))
    guest.require(
        guest.nineroot("create", guest.MACHINE, "--from", f"debian:{suite}", "--include", packages, timeout=3600),
        "create",
    )
    print(f"created {guest.MACHINE} in {time.monotonic() - start:.0f} s", flush=True)
    # What packages start by themselves only takes the emulated guest's time; the checks start their own.
    for unit in ("mariadb.service", "postgresql.service", "podman*.service", "rpcbind.*", "nfs-*", "*.timer"):
        for link in (guest.ROOT / "etc/systemd/system").glob(f"*.wants/{unit}"):
            link.unlink()


def build_suites(home, is_wanted):
    """The suites' programs, made once; without them their checks say that they did not run."""
    target = home / "suites"
    if is_wanted and not (target / "complete").exists():
        with open(home / "suites.log", "wb") as log:
            made = subprocess.run(
                [SCRIPTS.parent / "build-suites", target],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                check=False,
            )
        if made.returncode != 0:
            print(f"the suites could not be built, see {home / 'suites.log'}", flush=True)
    return target


def copy_scripts(root, suites):
    target = root / IN_GUEST
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    if (suites / "complete").exists():
        shutil.copytree(suites, target, symlinks=True, dirs_exist_ok=True)
    if "NINEROOT_PJDFSTEST" in os.environ:
        shutil.copytree(os.environ["NINEROOT_PJDFSTEST"], target / "pjdfstest", symlinks=True)
    for folder in FOLDERS:
        for path in (SCRIPTS / folder).iterdir():
            shutil.copyfile(path, target / path.name)


def run_one(guest, name):
    """Output is shown as it comes and kept, for the version that the script tells."""
    start = time.monotonic()
    said = []
    process = subprocess.Popen(
        [
            guest.PROGRAM,
            "exec",
            guest.MACHINE,
            "--",
            "env",
            *(f"{size}={os.environ[size]}" for size in SIZES if size in os.environ),
            "timeout",
            "--kill-after=10",
            "5400",
            "python3",
            "-B",
            f"/{IN_GUEST}/{name}.py",
        ],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    for line in process.stdout:
        said.append(line.rstrip("\n"))
        print(f"  {name}: {said[-1]}", flush=True)
    return row(name, process.wait(), time.monotonic() - start, said)


def row(name, status, seconds, said):
    result = {0: "passed", SKIPPED: "skipped"}.get(status, "FAILED")
    version = next((line[9:] for line in said if line.startswith("version: ")), "")
    notes = [line for line in said if re.match("FAILED|skipped|client: |counts: ", line)]
    return {"name": name, "result": result, "version": version, "seconds": seconds, "notes": notes}


def table(rows, heading):
    print(f"\n{heading}")
    for row in rows:
        print(f"{row['result']:8} {row['name']:16} {row['seconds']:6.0f} s  {row['version']}")
        for note in row["notes"]:
            print(f"           {note}")
    count = {result: sum(row["result"] == result for row in rows) for result in ("passed", "FAILED", "skipped")}
    print(f"{count['passed']} passed, {count['FAILED']} failed, {count['skipped']} skipped")
    return 1 if count["FAILED"] else 0


def is_running(guest):
    listed = json.loads(guest.nineroot("list", "--json").stdout or b"[]")
    return any(m["name"] == guest.MACHINE and m["state"] == "running" for m in listed)


def run_all(guest, picked):
    told = guest.nineroot(
        "exec", guest.MACHINE, "--", "sh", "-c", "uname -r; grep ' / 9p' /proc/mounts"
    ).stdout.decode()
    kernel, _, mount = told.strip().partition("\n")
    rows = [run_one(guest, name) for name in picked]
    return table(rows, f"{guest.MACHINE}, Linux {kernel}, {mount}")


def run_in_usermode(guest, options, picked):
    left_out = [name for name in picked if name in NOT_IN_USERMODE]
    picked = [name for name in picked if name not in NOT_IN_USERMODE]
    sizes = {name: os.environ[name] for name in SIZES if name in os.environ}
    about, done = usermode.run_all(options.uml, guest.PROGRAM, guest.ROOT, options.cache, picked, sizes)
    rows = [row(*one) for one in done]
    rows += [row(name, SKIPPED, 0, ["skipped: it needs systemd or a network"]) for name in left_out]
    return table(rows, f"{guest.MACHINE}, User Mode Linux {about}")


def main():
    options = arguments()
    if options.list:
        print("\n".join(f"{path.parent.name}/{stem}" for stem, path in scripts().items()))
        return 0
    if options.names == ["dist_upgrade"]:
        importlib.import_module("dist_upgrade")  # all of it runs when it is loaded, as in the other guest tests
    picked = chosen(options.names)
    os.environ["NINEROOT_TEST_MACHINE"] = f"software-{options.debian}"
    import guest  # reads the machine's name when it is loaded

    make_machine(guest, options.debian, options.fresh)
    every = scripts()
    copy_scripts(guest.ROOT, build_suites(guest.HOME, any(every[name].parent.name == "suites" for name in picked)))
    if options.uml:
        return run_in_usermode(guest, options, picked)
    flags = ["--cache", options.cache, "--memory", "3G", "--cpus", "1"]
    if is_running(guest):
        print(f"{guest.MACHINE} runs already, as it was booted: it is used and left running", flush=True)
        return run_all(guest, picked)
    with guest.running(*flags) as machine:
        status = run_all(guest, picked)
        guest.nineroot("stop", guest.MACHINE)
        machine.wait_for_end()
    return status


sys.exit(main())

"""Judges what a suite found: each of its tests ran on the 9P root and on a local file system of the same guest.

A test that fails in both places is nobody's here.  One that fails on the root alone is the client's if
KNOWN has it, with the client behaviour that causes it (docs/compatibility.md has the same list for people);
otherwise it is ours, and fails the check."""
import json
import os
import pathlib
import re

from report import attempt, cache_mode, check, sh, work_place

ALL = ("none", "mmap", "loose")
TMPFILE = "v9fs has no O_TMPFILE: EOPNOTSUPP before any request"
FALLOCATE = "v9fs has no fallocate: EOPNOTSUPP before any request"
TIMES = "v9fs leaves s_time_gran at a second, and the kernel cuts times that a program sets by it"
# (suite, test by regular expression, cache modes, what the client does)
KNOWN = [
    ("test_syscalls", r".*create (and link )?tmpfile.*", ALL, TMPFILE),
    ("cpython", r".*\.UtimeTests\..*", ALL, TIMES),
    ("posixtest", "Fallocate", ALL, FALLOCATE),
]


def local_place():
    """A place on ext4 made for this, in memory; tmpfs where the guest has no ext4."""
    place = pathlib.Path("/run/local")
    if attempt(f"mountpoint -q {place}")[0] != 0:
        sh(f"mkdir -p {place} /run/image; mount -t tmpfs -o size=900m tmpfs /run/image")
        made, _ = attempt(
            f"modprobe loop || true; truncate -s 800M /run/image/ext4; mkfs.ext4 -q -O ^has_journal /run/image/ext4 && "
            f"mount -o loop,user_xattr,acl /run/image/ext4 {place}"
        )
        if made != 0:
            sh(f"mount -t tmpfs -o size=700m tmpfs {place}")
    print("compared with: " + sh(f"findmnt -n -o FSTYPE,OPTIONS {place}"), flush=True)
    return place


def both(suite, run, is_long=False):
    """`run(place)` gives {test: "" or how it failed}.  A long one is not asked of the local file system if nothing failed."""
    root = run(work_place("suite-" + suite))
    judge(suite, root, {} if is_long and not any(root.values()) else local_results(suite, run))


def local_results(suite, run):
    """Those of an earlier boot of the same kernel will do: the root's cache mode makes no difference to them."""
    kept = pathlib.Path(f"/var/cache/nineroot-suites/{suite}-{os.uname().release}.json")
    if not kept.exists():
        local = local_place() / suite
        sh(f"rm -rf {local}; mkdir -p {local}; chmod 755 {local}")
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_text(json.dumps(run(local)))
        sh(f"rm -rf {local}")
    return json.loads(kept.read_text())


def known_of(suite, test):
    return next(
        (
            why
            for name, pattern, modes, why in KNOWN
            if name == suite and cache_mode() in modes and re.fullmatch(pattern, test)
        ),
        None,
    )


def judge(suite, root, reference):
    passed, by_client, by_us, by_all = [], [], [], []
    for test in sorted(root.keys() | reference.keys()):
        failure = root.get(test, "did not run on the root")
        if not failure:
            passed.append(test)
        elif reference.get(test):
            by_all.append(test)
            print(f"fails on a local file system too: {test}: {failure}", flush=True)
        elif known_of(suite, test):
            by_client.append(test)
            print(f"client: {test}: {failure}: {known_of(suite, test)}", flush=True)
        else:
            by_us.append(test)
            check(f"{suite}: {test}", False, failure)
    check(f"{suite}: its tests ran", len(passed) > 0)
    print(
        f"counts: {suite}: {len(passed)} passed, {len(by_client)} failed by the client, {len(by_us)} failed by us"
        f" ({len(by_all)} fail on a local file system too)",
        flush=True,
    )

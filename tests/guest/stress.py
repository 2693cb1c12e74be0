"""Random operations on the root compared with an ext4, and data integrity under several processes, in
real guests: each kernel with each cache mode.  With NINEROOT_TEST_LONG many seeds, and sid's kernel.
"""
import contextlib
import os
import re
import signal
import subprocess
import time

from guest import BIN, PROGRAM, check, check_equal, finish
from kernel_tree import install, kernel_tree, output, release

LONG = bool(os.environ.get("NINEROOT_TEST_LONG"))
SUITES = ("bookworm", "trixie", "sid") if LONG else ("bookworm", "trixie")
CACHES = ("none", "mmap", "loose")
FIRST_SEED = int(os.environ.get("NINEROOT_STRESS_SEED", "1"))
SEEDS, OPERATIONS = (20, 4000) if LONG else (2, 400)
STEPS = 20000 if LONG else 800
PROGRAMS = ("fs_stress", "fs_integrity", "with_ext4")
SECONDS = 6 * 3600 if LONG else 900


def prepare(suite):
    tree = kernel_tree(suite)
    for name in ("bin", "model", "tested"):
        (tree / name).mkdir(exist_ok=True)
    for program in PROGRAMS:
        install(BIN / program, tree / "bin" / program)
    image = tree / "model.img"
    image.unlink(missing_ok=True)
    # Blocks as large as the host's: the limits of names and xattrs depend on them.
    output("/sbin/mkfs.ext4", "-q", "-b", "4096", "-I", "256", image, "64M")
    return tree


def start(tree, cache, *command):
    return subprocess.Popen([PROGRAM, "run", "--cpus", "1", "--memory", "768M", "--cache", cache, str(tree), "--",
                             *command], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                            text=True, errors="replace")


def run(tree, cache, *command):
    process = start(tree, cache, *command)
    try:
        text, _ = process.communicate(timeout=SECONDS)
    except subprocess.TimeoutExpired:
        process.terminate()
        text = process.communicate(timeout=60)[0] + f"\nno end after {SECONDS} s"
    return process.returncode, text


def random_operations(tree, cache):
    """Returns how many seeds and operations were equal."""
    status, text = run(tree, cache, "/bin/with_ext4", "/model.img", "/model", "/bin/fs_stress", "--cache", cache,
                       "--seed", str(FIRST_SEED), "--seeds", str(SEEDS), "--operations", str(OPERATIONS),
                       "/tested", "/model")
    equal = [int(number) for number in re.findall(r"^seed \d+: (\d+) operations, equal$", text, re.M)]
    check(f"{SEEDS} seeds on {release(tree)}, cache={cache}", status == 0 and len(equal) == SEEDS, text[-6000:])
    return len(equal), sum(equal)


def promises_kept(tree, text, seed):
    """Asks the host's files for what the guest was promised by fsync; returns the number of promises."""
    promises = tree.parent / f"promises-{os.getpid()}"
    promises.write_text(text)
    result = subprocess.run([BIN / "fs_integrity", "--check", promises, "--seed", str(seed),
                             tree / "tested/integrity"], capture_output=True, text=True, check=False)
    promises.unlink()
    check_equal(f"what fsync promised on {release(tree)} is on the host", result.returncode, 0)
    if result.returncode != 0:
        print(result.stdout[-3000:])
    return int((re.search(r"^(\d+) promises, ", result.stdout, re.M) or [0, 0])[1])


def integrity(tree, cache):
    status, text = run(tree, cache, "/bin/fs_integrity", "--cache", cache, "--seed", str(FIRST_SEED),
                       "--steps", str(STEPS), "/tested/integrity")
    check(f"data of 4 processes on {release(tree)}, cache={cache}", status == 0 and "done: " in text, text[-3000:])
    return promises_kept(tree, text, FIRST_SEED)


def qemu_of(process):
    """The process of the guest, a grandchild of what was started."""
    parents = {}
    for entry in os.listdir("/proc"):
        with contextlib.suppress(OSError, ValueError):
            parents[int(entry)] = int(open(f"/proc/{entry}/stat").read().rpartition(")")[2].split()[1])
    family = {process.pid}
    for _ in range(3):
        family |= {pid for pid, parent in parents.items() if parent in family}
    for pid in family:
        with contextlib.suppress(OSError):
            if b"\0-machine\0" in open(f"/proc/{pid}/cmdline", "rb").read():
                return pid
    return None


def sudden_death(tree, cache):
    """The guest is killed while it writes; what it was promised before is there."""
    seed = FIRST_SEED + 1000
    process = start(tree, cache, "/bin/fs_integrity", "--cache", cache, "--seed", str(seed), "--steps", "10000000",
                    "/tested/integrity")
    told = []
    for line in process.stdout:
        told.append(line)
        if sum(word.startswith("shared") for word in told) >= 8:
            break
    qemu = qemu_of(process)
    check("the guest writes until it is killed", qemu is not None and len(told) >= 8, "".join(told))
    if qemu is not None:
        os.kill(qemu, signal.SIGKILL)
    else:
        process.terminate()
    process.communicate(timeout=120)
    return promises_kept(tree, "".join(told), seed)


rows = []
for suite in SUITES:
    tree = prepare(suite)
    for cache in CACHES:
        began = time.monotonic()
        seeds, operations = random_operations(tree, cache)
        kept = integrity(tree, cache)
        if cache != "none":
            kept += sudden_death(tree, cache)
        rows.append((release(tree), cache, seeds, operations, kept, time.monotonic() - began))

print(f"{'kernel':<28}{'cache':<8}{'seeds':>6}{'operations':>12}{'promises kept':>15}{'seconds':>9}")
for kernel, cache, seeds, operations, kept, seconds in rows:
    print(f"{kernel:<28}{cache:<8}{seeds:>6}{operations:>12}{kept:>15}{seconds:>9.0f}")
finish()

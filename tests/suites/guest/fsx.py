"""fsx and fsstress, with which ext4 and XFS are judged: random reads, writes, truncates and mmaps of one file, checked
byte by byte; and random calls by several processes, after which the tree must still be listed and removed."""
import os
import pathlib
import subprocess

from compare import both
from report import cache_mode, finish, skip, version

SUITE = pathlib.Path("/opt/nineroot")
if not (SUITE / "fsx").exists():
    skip("the suites are not built; tests/suites/build makes them")
version("fsx, fsstress, Linux " + os.uname().release)
OPERATIONS = int(os.environ.get("FSX_OPERATIONS", "3000"))


def outcome(command, place, seconds=1800):
    done = subprocess.run(
        command,
        cwd=place,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        timeout=seconds,
        check=False,
    )
    return "" if done.returncode == 0 else f"exit status {done.returncode}: {done.stdout[-400:]}"


def run(place):
    results = {}
    # -F: no fallocate, -H: no holes punched; cache=none has no shared writable mmap (-W).
    no_mmap = ["-W"] if cache_mode() == "none" else []
    for seed in range(1, 5):
        results[f"fsx seed {seed}"] = outcome(
            [SUITE / "fsx/fsx", "-q", "-S", str(seed), "-N", str(OPERATIONS), "-F", "-H", *no_mmap, "file"], place
        )
        results[f"fsx seed {seed}, closed and opened again"] = outcome(
            [
                SUITE / "fsx/fsx",
                "-q",
                "-S",
                str(seed),
                "-c",
                "20",
                "-N",
                str(OPERATIONS // 3),
                "-F",
                "-H",
                *no_mmap,
                "again",
            ],
            place,
        )
    for seed in (1, 2):
        (place / "stress").mkdir(exist_ok=True)
        results[f"fsstress seed {seed}"] = outcome(
            [SUITE / "fsstress/fsstress", "-d", str(place / "stress"), "-n", "400", "-p", "4", "-s", str(seed)], place
        )
        results[f"fsstress seed {seed}: listed"] = outcome(["sh", "-c", "find stress -ls >/dev/null"], place)
        results[f"fsstress seed {seed}: removed"] = outcome(["rm", "-rf", "stress"], place)
    return results


both("fsx", run, is_long=True)
finish()

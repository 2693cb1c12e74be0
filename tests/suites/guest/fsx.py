"""fsx and fsstress, with which ext4 and XFS are judged: random reads, writes, truncates and mmaps of one file, checked
byte by byte; and random calls by several processes, after which the tree must still be listed and removed."""
import os

from compare import both
from report import cache_mode, finish
from suite import SUITES, built, outcome

built("fsx", "fsx, fsstress")
FSX = SUITES / "fsx/fsx"
FSSTRESS = SUITES / "fsstress/fsstress"
OPERATIONS = int(os.environ.get("FSX_OPERATIONS", "3000"))


def failure(command, place):
    status, said = outcome(command, place, 1800)
    return "" if status == 0 else f"exit status {status}: {said[-400:]}"


def run(place):
    results = {}
    # -F: no fallocate, -H: no holes punched; cache=none has no shared writable mmap (-W).
    flags = ["-F", "-H"] + (["-W"] if cache_mode() == "none" else [])
    for seed in map(str, range(1, 5)):
        once = [FSX, "-q", "-S", seed, "-N", str(OPERATIONS), *flags, "file"]
        results[f"fsx seed {seed}"] = failure(once, place)
        reopened = [FSX, "-q", "-S", seed, "-c", "20", "-N", str(OPERATIONS // 3), *flags, "again"]
        results[f"fsx seed {seed}, closed and opened again"] = failure(reopened, place)
    for seed in ("1", "2"):
        (place / "stress").mkdir(exist_ok=True)
        stress = [FSSTRESS, "-d", place / "stress", "-n", "400", "-p", "4", "-s", seed]
        results[f"fsstress seed {seed}"] = failure(stress, place)
        results[f"fsstress seed {seed}: listed"] = failure(["sh", "-c", "find stress -ls >/dev/null"], place)
        results[f"fsstress seed {seed}: removed"] = failure(["rm", "-rf", "stress"], place)
    return results


both("fsx", run, is_long=True)
finish()

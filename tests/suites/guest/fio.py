"""fio --verify: random and sequential writes by several jobs and engines, read back and compared by checksum."""
import os

from compare import both
from report import cache_mode, finish, need, sh, version
from suite import outcome

need("fio")
version(sh("fio --version"))
SIZE = os.environ.get("FIO_SIZE", "6m")
JOBS = {
    "sync random": ["--ioengine=psync", "--rw=randwrite", "--bs=4k"],
    "odd sizes": ["--ioengine=psync", "--rw=randwrite", "--bsrange=512-40000", "--bs_unaligned"],
    "vectors": ["--ioengine=pvsync2", "--rw=write", "--bs=64k"],
    "fsync": ["--ioengine=psync", "--rw=randwrite", "--bs=8k", "--fsync=8"],
    "O_SYNC": ["--ioengine=psync", "--rw=write", "--bs=16k", "--sync=1"],
    "O_DIRECT": ["--ioengine=psync", "--rw=randwrite", "--bs=4k", "--direct=1"],
    "O_DIRECT aio": ["--ioengine=libaio", "--iodepth=8", "--rw=randwrite", "--bs=16k", "--direct=1"],
    "mixed": ["--ioengine=psync", "--rw=randrw", "--bs=4k", "--direct=0", "--verify_backlog=64"],
    "io_uring": ["--ioengine=io_uring", "--iodepth=8", "--rw=randwrite", "--bs=4k"],
}
if cache_mode() != "none":
    JOBS["mmap"] = ["--ioengine=mmap", "--rw=randwrite", "--bs=4k"]


def run(place):
    results = {}
    words = ["fio", "--name=job", f"--directory={place}", f"--size={SIZE}", "--numjobs=3", "--verify=crc32c"]
    words += ["--verify_fatal=1", "--do_verify=1", "--fallocate=none", "--group_reporting", "--minimal"]
    for name, more in JOBS.items():
        status, said = outcome(words + more, place, 900)
        results[name] = "" if status == 0 else said[-400:]
        sh(f"rm -f {place}/job*")
    return results


both("fio", run)
finish()

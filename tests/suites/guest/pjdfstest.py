"""pjdfstest, from a checkout that the caller gives (NINEROOT_PJDFSTEST); Debian has no package of it."""
import os

from compare import both
from report import attempt, finish, skip, version
from suite import SUITES, script_results

SUITE = SUITES / "pjdfstest"
if not (SUITE / "tests").is_dir():
    skip("no checkout of pjdfstest was given: set NINEROOT_PJDFSTEST=DIRECTORY")
version("pjdfstest, Linux " + os.uname().release)
if not (SUITE / "pjdfstest").exists():
    # Its only program; what configure would find out is known for Linux.
    status, output = attempt(
        "gcc -O1 -D_GNU_SOURCE -DHAVE_SYS_MKDEV_H=0 -DHAVE_FSTATAT -DHAVE_OPENAT -DHAVE_FCHMODAT -DHAVE_FCHOWNAT "
        "-DHAVE_LINKAT -DHAVE_MKDIRAT -DHAVE_MKFIFOAT -DHAVE_MKNODAT -DHAVE_READLINKAT -DHAVE_RENAMEAT "
        "-DHAVE_SYMLINKAT -DHAVE_UNLINKAT -DHAVE_UTIMENSAT -DHAVE_POSIX_FALLOCATE -DHAVE_STRUCT_STAT_ST_ATIM "
        "-DHAVE_STRUCT_STAT_ST_CTIM -DHAVE_STRUCT_STAT_ST_MTIM -include sys/sysmacros.h -o pjdfstest pjdfstest.c",
        directory=SUITE,
    )
    if status != 0:
        skip("pjdfstest does not compile: build it before it is given; " + output[-300:])

both("pjdfstest", lambda place: script_results(SUITE / "tests", place), is_long=True)
finish()

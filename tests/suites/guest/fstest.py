"""pjd-fstest, the suite of FreeBSD's and ZFS's POSIX regressions (as diod's source has it): 184 scripts, about 1,900 tests."""
from compare import both
from report import finish
from suite import built, script_results

SUITE = built("fstest", "pjd-fstest")
# The scripts find the program and these settings from their own path.
(SUITE / "tests/conf").write_text('os=`uname`\nfs="ext3"\n')

# chflags is not Linux's.
both("fstest", lambda place: script_results(SUITE / "tests", place, but=("chflags",)), is_long=True)
finish()

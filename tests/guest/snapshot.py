"""Snapshots of a guest that runs, rollback and clones: on a clone of the machine, which is gone afterwards."""
import json
import os
import pathlib

os.environ["NINEROOT_TEST_MACHINE"] = "snapped"
from guest import HOME, MACHINE, ROOT, check, check_equal, finish, nineroot, require, running  # noqa: E402

DIRECTORY = HOME / "machines" / MACHINE

# Writes a number to one file, then to another, again and again: each write is one request (O_DIRECT has no page
# cache in between), and the second is never ahead of the first.
WRITER = """
mkdir -p /srv/order /home/order
cat > /root/writer <<'END'
#!/usr/bin/perl
use Fcntl;
sysopen(my $a, "/srv/order/first", O_WRONLY|O_CREAT|O_SYNC) or die;
sysopen(my $b, "/home/order/second", O_WRONLY|O_CREAT|O_SYNC) or die;
for (my $i = 1; ; ++$i) { for my $f ($a, $b) { sysseek($f, 0, 0); syswrite($f, sprintf("%010d", $i)); } }
END
chmod +x /root/writer
systemd-run --unit=writer /root/writer
until [ -s /home/order/second ]; do sleep 0.1; done
"""

HOOK = """
mkdir -p /etc/nineroot/freeze.d
cat > /etc/nineroot/freeze.d/mark <<'END'
#!/bin/sh
echo "$1" >> /root/hooks
END
chmod +x /etc/nineroot/freeze.d/mark
"""


def snapshot(*words):
    result = nineroot("snapshot", MACHINE, *words, "--json")
    report = json.loads(result.stdout) if result.stdout else {}
    return result, report


def copy_of(snapshot_name, data_set="/"):
    return DIRECTORY / "snapshots" / snapshot_name / data_set.replace("/", "@")


def of_a_guest_that_runs():
    with running() as machine:
        machine.shell("echo before > /root/mark; echo unsynced > /root/unsynced")
        result, report = snapshot("first")
        check_equal("a snapshot of a guest that runs", result.returncode, 0)
        check_equal("its level", report.get("level"), "synced")
        check("the guest waited", report.get("pause_us", 0) > 0)
        check_equal("what the guest had not synced is in it", (copy_of("first") / "root/unsynced").read_text(), "unsynced\n")
        result, _ = snapshot("app", "--require", "app")
        check_equal("no level is claimed that was not reached", result.returncode, 1)
        check("and nothing stays of it", not (DIRECTORY / "snapshots/app").exists())
        machine.shell(HOOK)
        result, report = snapshot("app", "--require", "app")
        check_equal("with a hook", (result.returncode, report.get("level")), (0, "app"))
        check_equal("it was run before and after", machine.shell("cat /root/hooks"), "freeze\nthaw")
        machine.shell(WRITER)
        for number in range(2):
            snapshot(f"order{number}", "--require", "crash")
            first = int((copy_of(f"order{number}") / "srv/order/first").read_text())
            second = int((copy_of(f"order{number}", "/home") / "order/second").read_text())
            check(f"order {number} is kept over the data sets", second in (first, first - 1), f"{first} {second}")
        check_equal("a rollback of a guest that runs is refused", nineroot("rollback", f"{MACHINE}@first", "--yes").returncode, 1)
        machine.shell("systemctl stop writer; echo after > /root/mark")
        require(nineroot("stop", MACHINE), "nineroot stop")
        machine.wait_for_end()


def of_a_guest_that_does_not_run():
    mark = ROOT / "root/mark"
    check_equal("before the rollback", mark.read_text(), "after\n")
    result = nineroot("rollback", f"{MACHINE}@first", "--dry-run", "--json")
    check_equal("a dry run names the data sets", json.loads(result.stdout)["data_sets"], ["/", "/home"])
    check_equal("and changes nothing", mark.read_text(), "after\n")
    require(nineroot("rollback", f"{MACHINE}@first", "--yes"), "nineroot rollback")
    check_equal("after it", mark.read_text(), "before\n")
    with running() as machine:
        check_equal("the guest boots on what was restored", machine.shell("cat /root/mark"), "before")
        require(nineroot("stop", MACHINE), "nineroot stop")
        machine.wait_for_end()
    require(nineroot("undo", MACHINE, "--yes"), "nineroot undo")
    check_equal("after the undo", mark.read_text(), "after\n")


def snapshots_are_kept():
    names = [one["name"] for one in json.loads(nineroot("snapshots", MACHINE, "--json").stdout)]
    check_equal("the snapshots are listed by time", names[:3], ["first", "app", "order0"])
    require(nineroot("hold", f"{MACHINE}@first"), "nineroot hold")
    check_equal("a held one is not removed", nineroot("remove", f"{MACHINE}@first").returncode, 1)
    require(nineroot("release", f"{MACHINE}@first"), "nineroot release")
    require(nineroot("remove", f"{MACHINE}@first"), "nineroot remove")
    check("it is gone", not pathlib.Path(copy_of("first")).exists())


nineroot("remove", MACHINE, "--yes")  # Of a run that was interrupted.
require(nineroot("clone", "debian", MACHINE), "nineroot clone")
require(nineroot("dataset", "add", MACHINE, "/home"), "nineroot dataset add")
of_a_guest_that_runs()
of_a_guest_that_does_not_run()
snapshots_are_kept()
require(nineroot("remove", MACHINE, "--yes"), "nineroot remove")
check("nothing is left of the machine", not DIRECTORY.exists())
finish()

"""A Debian 12 tree becomes Debian 13 by apt's full-upgrade, in the running guest; then it boots with the new kernel.

It takes an hour where KVM does not work.  With NINEROOT_UPGRADE_RESUME=1 the machine of a run that was cut short is
taken as it lies, as its owner would: dpkg configures what is left, and apt goes on."""
import json
import os
import time

os.environ["NINEROOT_TEST_MACHINE"] = "software-upgrade"
from guest import MACHINE, check, check_equal, finish, nineroot, require, running

FLAGS = ("--memory", "3G", "--cpus", "1", "--cache", os.environ.get("NINEROOT_UPGRADE_CACHE", "mmap"))
APT = (
    "DEBIAN_FRONTEND=noninteractive apt-get -q -y -o Dpkg::Options::=--force-confnew -o APT::Install-Recommends=false"
)


def exec_for_long(script):
    result = nineroot("exec", MACHINE, "--", "sh", "-ec", script, timeout=4 * 3600)
    text = result.stdout.decode(errors="replace") + result.stderr.decode(errors="replace")
    check(f"in the guest: {script}", result.returncode == 0, text[-3000:])
    return text.strip()


exists = any(m["name"] == MACHINE for m in json.loads(nineroot("list", "--json").stdout))
resumes = exists and "NINEROOT_UPGRADE_RESUME" in os.environ
if exists and not resumes:
    require(nineroot("remove", "--yes", MACHINE), "remove")
SOURCE = ("--from", "debian:bookworm", "--minimal", "--include", "iputils-ping,sudo")
if not resumes:
    require(nineroot("create", MACHINE, *SOURCE, timeout=1800), "create")
start = time.monotonic()
with running(*FLAGS) as machine:
    print("kernel: " + machine.shell("uname -r"), flush=True)
    if resumes:
        exec_for_long("dpkg --configure -a")
    else:
        check_equal("it is Debian 12", machine.shell(". /etc/os-release; echo $VERSION_ID"), "12")
    machine.shell("sed -i s/bookworm/trixie/g $(find /etc/apt -name '*.list' -o -name '*.sources')")
    exec_for_long(f"{APT} update")
    exec_for_long(f"{APT} full-upgrade")
    exec_for_long(f"{APT} autoremove --purge; {APT} clean")
    check_equal("dpkg --audit", machine.shell("dpkg --audit"), "")
    require(nineroot("stop", MACHINE), "stop")
    machine.wait_for_end()
print(f"upgraded after {time.monotonic() - start:.0f} s", flush=True)

with running(*FLAGS) as machine:
    check_equal("it is Debian 13", machine.shell(". /etc/os-release; echo $VERSION_ID"), "13")
    kernel = machine.shell("uname -r")
    check(f"on Debian 13's kernel: {kernel}", kernel.startswith("6.12"), kernel)
    check_equal(
        "no unit failed",
        machine.shell("systemctl is-system-running --wait >/dev/null; systemctl --failed --no-legend --plain"),
        "",
    )
    check_equal("apt-get check", machine.exec("apt-get", "-q", "check").returncode, 0)
    check_equal(
        "dpkg --verify finds no changed file",
        machine.shell("dpkg --verify | grep -E '^..5' | grep -v ' c ' || true"),
        "",
    )
    check_equal(
        "su and sudo are set-uid root", machine.shell("stat -c '%a %u' /usr/bin/su /usr/bin/sudo"), "4755 0\n4755 0"
    )
    check_equal(
        "an ordinary user pings",
        machine.shell(
            "setpriv --reuid 1234 --regid 1234 --clear-groups ping -c 1 -W 20 127.0.0.1 >/dev/null; echo $?"
        ),
        "0",
    )
    require(nineroot("stop", MACHINE), "stop")
    machine.wait_for_end()
finish()

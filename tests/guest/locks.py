"""`nineroot boot --shared`: a guest's locks and those of the host's programs exclude each other."""
import contextlib
import fcntl
import json
import signal
import struct
import subprocess
import time

from guest import BIN, PROGRAM, BOOT_SECONDS, check, check_equal, finish, nineroot
from kernel_tree import install, kernel_tree


@contextlib.contextmanager
def holding(how):
    """`lock_file` in the guest, which waits for the lock and has it when this begins."""
    process = subprocess.Popen([PROGRAM, "exec", str(tree), "--", "/lock_file", "/f", how, "wait"],
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        check_equal(f"the guest says of {how}", process.stdout.readline(), b"locked\n")
        yield process
    finally:
        process.stdin.close()
        process.wait(BOOT_SECONDS)


def guest_gets(how):
    return nineroot("exec", str(tree), "--", "/lock_file", "/f", how, "try").returncode


def host_gets(how):
    with open(tree / "f", "r+b") as file:
        try:
            if how == "flock":
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            else:
                fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, 10, 100)
            return True
        except BlockingIOError:
            return False


tree = kernel_tree("bookworm")
install(BIN / "lock_file", tree / "lock_file")
(tree / "f").write_bytes(b"")
check_equal("loose caching is refused", nineroot("boot", str(tree), "--shared", "--cache", "loose").returncode, 2)
boot = subprocess.Popen([PROGRAM, "boot", str(tree), "--shared", "--cpus", "1", "--memory", "512"],
                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
try:
    # `exec` waits for the agent, but not for a machine that is not there yet.
    while boot.poll() is None and "running" not in json.loads(nineroot("show", str(tree), "--json").stdout):
        time.sleep(0.2)
    mount = nineroot("exec", str(tree), "--", "/lock_file", "/f", "fcntl", "try")
    check_equal("a free lock is had at once", mount.returncode, 0)
    for how in ("fcntl", "flock"):
        with holding(how):
            check(f"the host sees the guest's {how} lock", not host_gets(how))
        check(f"and that it is gone ({how})", host_gets(how))
        with open(tree / "f", "r+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            fcntl.fcntl(file, fcntl.F_OFD_SETLK, struct.pack("hhqqi4x", fcntl.F_WRLCK, 0, 100, 10, 0))
            check_equal(f"the guest sees the host's {how} lock", guest_gets(how), 1)
        check_equal(f"and that it is gone ({how})", guest_gets(how), 0)
    # A guest that waits gets the lock after the host has let go of it.
    with open(tree / "f", "r+b") as file:
        fcntl.lockf(file, fcntl.LOCK_EX, 10, 100)
        waiting = subprocess.Popen([PROGRAM, "exec", str(tree), "--", "/lock_file", "/f", "fcntl", "wait"],
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        check("the guest waits", waiting.poll() is None)
    check_equal("and gets it in the end", waiting.stdout.readline(), b"locked\n")
    # The guest dies with the lock held.
    check("the host does not get it", not host_gets("fcntl"))
    boot.send_signal(signal.SIGTERM)
    boot.wait(BOOT_SECONDS)
    check("the dead guest's lock is gone", host_gets("fcntl"))
    waiting.stdin.close()
    waiting.wait(BOOT_SECONDS)
finally:
    if boot.poll() is None:
        boot.kill()
finish()

"""`nineroot boot --shared`: locks of guests on one tree and of the host's programs exclude each other."""
import contextlib
import fcntl
import json
import os
import signal
import struct
import subprocess
import time

from guest import BIN, PROGRAM, BOOT_SECONDS, check, check_equal, finish, nineroot
from kernel_tree import install, kernel_tree

KINDS = ("fcntl", "ofd", "flock")
tree = kernel_tree("bookworm")


class Guest:
    """`nineroot boot --shared` of the tree; `name` tells it from the other one."""

    def __init__(self, name=None):
        self.words = ["--name", name] if name else []
        self.process = subprocess.Popen([PROGRAM, "boot", str(tree), "--shared", "--cpus", "1", "--memory", "512",
                                         *self.words], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        # `exec` waits for the agent, but not for a machine that is not there yet.
        while self.process.poll() is None and "running" not in self.shown():
            time.sleep(0.2)
        check_equal(f"a free lock is had at once {self.words}", self.gets("fcntl"), True)

    def shown(self):
        return json.loads(nineroot("show", str(tree), "--json", *self.words).stdout)

    def lock_file(self, *words):
        return [PROGRAM, "exec", str(tree), *self.words, "--", "/lock_file", "/f", *words]

    def gets(self, how):
        return {0: True, 1: False}.get(nineroot(*self.lock_file(how, "try")[1:]).returncode)

    def start_waiting(self, how):
        return subprocess.Popen(self.lock_file(how, "wait"), stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    @contextlib.contextmanager
    def holding(self, how):
        """A program that has waited for the lock and has it when this begins."""
        process = self.start_waiting(how)
        try:
            check_equal(f"the guest says of {how}", process.stdout.readline(), b"locked\n")
            yield process
        finally:
            process.stdin.close()
            process.wait(BOOT_SECONDS)

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


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


def guest_and_host(guest):
    for how in KINDS:
        with guest.holding(how):
            check(f"the host sees the guest's {how} lock", not host_gets(how))
        check(f"and that it is gone ({how})", host_gets(how))
        with open(tree / "f", "r+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            fcntl.fcntl(file, fcntl.F_OFD_SETLK, struct.pack("hhqqi4x", fcntl.F_WRLCK, 0, 100, 10, 0))
            check_equal(f"the guest sees the host's {how} lock", guest.gets(how), False)
        check_equal(f"and that it is gone ({how})", guest.gets(how), True)
    # A guest that waits gets the lock after the host has let go of it.
    with open(tree / "f", "r+b") as file:
        fcntl.lockf(file, fcntl.LOCK_EX, 10, 100)
        waiting = guest.start_waiting("fcntl")
        check("the guest waits", waiting.poll() is None)
    check_equal("and gets it in the end", waiting.stdout.readline(), b"locked\n")
    waiting.stdin.close()
    waiting.wait(BOOT_SECONDS)


def what_is_refused():
    """While a guest without a name runs with --shared."""
    alone = nineroot("boot", str(tree))
    check_equal("a guest that does not share is refused", alone.returncode, 1)
    check("and told of --shared", b"--shared" in alone.stderr and b"already running" in alone.stderr, alone.stderr)
    again = nineroot("boot", str(tree), "--shared")
    check_equal("so is a second one without a name", again.returncode, 1)
    check("and told of --name", b"--name" in again.stderr, again.stderr)
    other = nineroot("exec", str(tree), "--name", "b", "--", "/lock_file")
    check_equal("a guest that is not there is not entered", other.returncode, 1)
    check("and the other one is named", b"leave --name out" in other.stderr, other.stderr)


def two_guests(one, two):
    check_equal("both are shown", one.shown().get("guests"), ["", "b"])
    for first, second in ((one, two), (two, one)):
        for how in KINDS:
            with first.holding(how):
                check_equal(f"the other guest sees the {how} lock of {first.words}", second.gets(how), False)
                check("and so does the host", not host_gets(how))
            check_equal(f"and that it is gone ({how})", second.gets(how), True)
    with one.holding("fcntl"):
        check_equal("an OFD lock of the other guest meets a lock of a process", two.gets("ofd"), False)


def death(how, two, kill):
    """The guest `one`, which has the lock, dies by `kill`; the other, which waits, gets it."""
    one = Guest()
    try:
        with one.holding(how) as holder:
            check_equal("the other guest does not get it", two.gets(how), False)
            waiting = two.start_waiting(how)
            check_equal("nor does the host", host_gets(how), False)
            check("the other guest waits", waiting.poll() is None)
            kill(one)
            check_equal(f"and gets the dead one's lock ({how}, {kill.__name__})", waiting.stdout.readline(),
                        b"locked\n")
            check_equal("alone", host_gets(how), False)
            waiting.stdin.close()
            waiting.wait(BOOT_SECONDS)
            holder.kill()
        check("what was killed ends its boot", one.process.wait(BOOT_SECONDS) != 0)
    finally:
        one.kill()
    check("the other runs on", two.gets(how))


def qemu(guest):
    os.kill(guest.shown()["running"]["qemu_pid"], signal.SIGKILL)


def server(guest):
    os.kill(guest.shown()["running"]["server_pid"], signal.SIGKILL)


def boot(guest):
    guest.process.kill()


install(BIN / "lock_file", tree / "lock_file")
(tree / "f").write_bytes(b"")
check_equal("loose caching is refused", nineroot("boot", str(tree), "--shared", "--cache", "loose").returncode, 2)
unshared = nineroot("boot", str(tree), "--name", "b")
check_equal("a name without --shared is refused", unshared.returncode, 2)
guests = []
try:
    guests.append(Guest())
    guest_and_host(guests[0])
    what_is_refused()
    guests.append(Guest("b"))
    two_guests(*guests)
    with guests[0].holding("flock"):
        guests[0].process.send_signal(signal.SIGTERM)
        guests[0].process.wait(BOOT_SECONDS)
    check("the lock of a guest that was told to end is gone", host_gets("flock"))
    for kind, kill in (("fcntl", qemu), ("flock", server), ("ofd", boot)):
        death(kind, guests[1], kill)
    check_equal("stop ends the guest with the name", nineroot("stop", str(tree), "--name", "b").returncode, 0)
    check_equal("and it alone was there", "running" in guests[1].shown(), False)
    guests[1].process.wait(BOOT_SECONDS)
finally:
    for guest in guests:
        guest.kill()
finish()

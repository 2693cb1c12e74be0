"""What the guest tests share: the program, a machine in the background, checks that are counted."""
import contextlib
import json
import os
import pathlib
import subprocess
import sys
import time

BIN = pathlib.Path(__file__).resolve().parent
HOME = pathlib.Path(os.environ["NINEROOT_HOME"])
PROGRAM = str(BIN / "nineroot")
MACHINE = os.environ.get("NINEROOT_TEST_MACHINE", "debian")
ROOT = HOME / "machines" / MACHINE / "root"
STOCK_QEMU = "/usr/bin/qemu-system-x86_64"
# Without KVM a whole Debian takes a minute or two to boot, more on a busy host.
BOOT_SECONDS = 600

failures = 0


def check(what, condition, detail=""):
    """One fact; all are looked at, and any that is false fails the test."""
    global failures
    print(f"{'ok' if condition else 'FAILED'}: {what}" + ("" if condition else f"  [{detail}]"), flush=True)
    if not condition:
        failures += 1


def check_equal(what, actual, expected):
    check(what, actual == expected, f"{actual!r}, expected {expected!r}")


def finish():
    sys.exit(1 if failures else 0)


def nineroot(*words, stdin=None, timeout=BOOT_SECONDS, env=None):
    """Runs the program to its end; bytes out."""
    return subprocess.run([PROGRAM, *words], input=stdin if stdin is not None else b"",
                          capture_output=True, timeout=timeout, env=env, check=False)


def require(result, what):
    if result.returncode != 0:
        print(f"FAILED: {what}: exit status {result.returncode}")
        print(result.stdout.decode(errors="replace"))
        print(result.stderr.decode(errors="replace"))
        sys.exit(1)
    return result


def xattr(path, name):
    try:
        return os.getxattr(path, name, follow_symlinks=False)
    except OSError as error:
        return error.strerror


class Running:
    """`nineroot boot` in the background, its console in a file."""

    def __init__(self, *flags):
        self.console = pathlib.Path(os.environ["NINEROOT_HOME"]) / f"console-{os.getpid()}.log"
        self.log = open(self.console, "wb")
        self.process = subprocess.Popen([PROGRAM, "boot", MACHINE, *flags], stdin=subprocess.DEVNULL,
                                        stdout=self.log, stderr=subprocess.STDOUT)
        self.started = time.monotonic()

    def console_text(self):
        return self.console.read_text(errors="replace")

    def wait_for_boot(self):
        """Until the guest has booted: the agent answers, and the guest's init is done."""
        deadline = time.monotonic() + BOOT_SECONDS
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                self.give_up("boot ended at once")
            # `exec` waits for the agent, but not for a machine that is not there yet.
            listed = json.loads(nineroot("list", "--json").stdout or b"[]")
            if any(m["name"] == MACHINE and m["state"] == "running" for m in listed):
                break
            time.sleep(1)
        result = self.exec("true")
        if result.returncode != 0:
            self.give_up("the agent does not answer: " + result.stderr.decode(errors="replace"))
        print(f"booted after {time.monotonic() - self.started:.0f} s", flush=True)

    def give_up(self, why):
        print(f"FAILED: {why}; the console's end:")
        print(self.console_text()[-4000:])
        self.end()
        sys.exit(1)

    def exec(self, *command, stdin=None, flags=()):
        return nineroot("exec", *flags, MACHINE, "--", *command, stdin=stdin)

    def shell(self, script):
        """The output of a shell script in the guest, which must succeed."""
        result = self.exec("sh", "-ec", script)
        if result.returncode != 0:
            check(f"in the guest: {script}", False,
                  result.stdout.decode(errors="replace") + result.stderr.decode(errors="replace"))
        return result.stdout.decode(errors="replace").strip()

    def wait_for_end(self, seconds=BOOT_SECONDS):
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            return None

    def end(self):
        if self.process.poll() is None:
            self.process.terminate()
            if self.wait_for_end(120) is None:
                self.process.kill()
        self.log.close()


@contextlib.contextmanager
def running(*flags):
    machine = Running(*flags)
    try:
        machine.wait_for_boot()
        yield machine
    finally:
        machine.end()
        with contextlib.suppress(FileNotFoundError):
            machine.console.unlink()

"""The servers that the guest's devices lead to, and what they cost."""
import os
import pathlib
import subprocess
import sys
import time

START_SECONDS = 20


def children(pid: int):
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        yield from map(int, (task / "children").read_text().split())


def cpu_nanoseconds(pid: int) -> int:
    """Of all threads, ended ones too, and of all processes below: a sandbox may have forked, tar is a
    child.  The kernel counts a process to the nanosecond (linux/posix-timers.h tells the clock of
    another one), and in ticks when it has ended."""
    clock = (~pid << 3) | 2
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    ended = (int(fields[13]) + int(fields[14])) * (10 ** 9 // os.sysconf("SC_CLK_TCK"))
    return time.clock_gettime_ns(clock) + ended + sum(map(cpu_nanoseconds, children(pid)))


class Server:
    """A process that listens at `socket`, pinned to `cpus`."""

    def __init__(self, words, socket: pathlib.Path, log: pathlib.Path, cpus):
        with log.open("wb") as output:
            self.process = subprocess.Popen(
                words, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
                preexec_fn=lambda: os.sched_setaffinity(0, cpus))
        end = time.monotonic() + START_SECONDS
        while not socket.exists():
            if self.process.poll() is not None or time.monotonic() > end:
                self.stop()
                raise RuntimeError(f"{words[0]} does not listen: {log.read_text(errors='replace')}")
            time.sleep(0.01)

    def cpu(self) -> int:
        return cpu_nanoseconds(self.process.pid)

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            sys.exit("bench: a server did not end")


def nineroot_words(program: str, directory, socket, tag: str) -> list:
    return [program, "serve", directory, "--vhost-user", socket, "--tag", tag]


def virtiofsd_words(command: list, directory, socket, tag: str, policy: str) -> list:
    """As its manual starts it for a user without root."""
    words = [*command, "--shared-dir", directory, "--socket-path", socket, "--tag", tag,
             "--cache", policy, "--log-level", "error"]
    if os.geteuid() == 0:
        return words
    return ["unshare", "-r", "--map-auto", "--", *words, "--sandbox", "chroot"]

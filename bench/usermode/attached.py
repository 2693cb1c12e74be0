"""A tool that looks at a server during one step: perf, strace, whatever takes a process id."""
import shlex
import signal
import subprocess
import time

from . import servers

ATTACH_SECONDS = 1  # perf and strace say nothing when they have begun.


def innermost(pid: int) -> int:
    """The process that serves: a sandbox's parent only waits for it."""
    below = list(servers.children(pid))
    return innermost(below[-1]) if below else pid


class Attached:
    """Runs `command` with PID and PLACE replaced, from when `step` is ready until it is done."""

    def __init__(self, step: str, command: str):
        self.step = step
        self.command = command
        self.running = None
        self.has_seen_step = False

    def turn(self, step: str, place: str, places):
        if step != self.step or place not in places.servers:
            return
        if self.running:
            self.running.send_signal(signal.SIGINT)
            self.running.wait()
            self.running = None
            return
        self.has_seen_step = True
        pid = innermost(places.servers[place].process.pid)
        words = shlex.split(self.command.replace("PID", str(pid)).replace("PLACE", place))
        self.running = subprocess.Popen(words, stdin=subprocess.DEVNULL)
        time.sleep(ATTACH_SECONDS)

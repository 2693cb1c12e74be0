"""A kernel tree that is booted with programs/coherence_probe.cpp in it, and `refresh --watch` beside it."""
import json
import os
import pathlib
import select
import shutil
import subprocess
import sys
import time

from guest import BIN, BOOT_SECONDS, PROGRAM, check, check_equal, finish, nineroot
from kernel_tree import install, kernel_tree

# A guest that has not answered by then hangs; under emulation on a busy host a second is long.
PATIENCE = 60


def probed_tree(suite, *directories):
    """The suite's tree with the probe in it and, below srv, these directories, empty."""
    tree = kernel_tree(suite)
    install(BIN / "coherence_probe", tree / "coherence_probe")
    shutil.rmtree(tree / "srv", ignore_errors=True)
    for name in ("marks", *directories):
        (tree / "srv" / name).mkdir(parents=True)
    return tree


class ProbedGuest:
    """A booted kernel tree with the probe running in it."""

    def __init__(self, tree, cache):
        self.tree = tree
        self.log = open(tree.parent / f"console-{os.getpid()}.log", "wb")
        self.boot = subprocess.Popen([PROGRAM, "boot", str(tree), "--cache", cache, "--cpus", "1", "--memory", "512"],
                                     stdin=subprocess.DEVNULL, stdout=self.log, stderr=subprocess.STDOUT)
        deadline = time.monotonic() + BOOT_SECONDS
        # `exec` waits for the agent, but not for a machine that is not there yet.
        while "running" not in json.loads(nineroot("show", str(tree), "--json").stdout or b"{}"):
            if self.boot.poll() is not None or time.monotonic() > deadline:
                sys.exit(f"FAILED: boot: {pathlib.Path(self.log.name).read_text(errors='replace')[-2000:]}")
            time.sleep(0.2)
        self.probe = subprocess.Popen([PROGRAM, "exec", str(tree), "--", "/coherence_probe"],
                                      stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.ask("look", "/", patience=BOOT_SECONDS)

    def ask(self, *words, patience=PATIENCE):
        self.probe.stdin.write(" ".join(words).encode() + b"\n")
        self.probe.stdin.flush()
        if not select.select([self.probe.stdout], [], [], patience)[0]:
            check(f"the guest does not hang at {words}", False)
            finish()
        return self.probe.stdout.readline().decode().rstrip("\n")

    def end(self):
        self.probe.kill()
        self.boot.terminate()
        self.boot.wait(BOOT_SECONDS)
        self.log.close()


def watch_directory(guest, path):
    """By inotify.  Without it open, a client that caches no names forgets that it is watched."""
    guest.ask("hold", path, path)
    guest.ask("watch", path)


class Watch:
    """`refresh --watch` beside a guest."""

    latencies = []  # Seconds, of all.

    def __init__(self, guest):
        self.guest = guest
        self.process = subprocess.Popen([PROGRAM, "refresh", str(guest.tree), "--watch", "--json"],
                                        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
        started = json.loads(self.process.stdout.readline())
        check("the watch says that it watches", started["event"] == "watching" and started["directories"] > 10, started)
        self.count = 0
        watch_directory(guest, "/srv/marks")

    def settle(self):
        """Until all changes before this have reached the guest: two that come after them have."""
        for _ in range(2):
            self.count += 1
            start = time.monotonic()
            (self.guest.tree / f"srv/marks/{os.getpid()}-{self.count}").touch()
            while f"{os.getpid()}-{self.count}:CREATE" not in self.guest.ask("events", "/srv/marks"):
                if time.monotonic() > start + PATIENCE:
                    self.process.terminate()
                    check("a change under --watch reaches the guest", False, self.process.stdout.read())
                    finish()
            self.latencies.append(time.monotonic() - start)

    def end(self):
        self.process.terminate()
        check_equal("a watch that is told to end does so well", self.process.wait(PATIENCE), 0)

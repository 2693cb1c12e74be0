"""The checks on a tree under User Mode Linux: its kernel is a program of this host, so they take minutes where QEMU
without KVM takes hours.  The root comes by vhost-user from the same server.  What such a guest lacks, systemd and a
network, drive.py leaves out; where the kernel comes from is the caller's affair."""
import contextlib
import os
import pathlib
import signal
import subprocess
import tempfile
import time

INIT = """
mount -t proc proc /proc; mount -t sysfs sysfs /sys; mount -t devtmpfs devtmpfs /dev
mkdir -p /dev/pts /dev/shm; mount -t devpts devpts /dev/pts; mount -t tmpfs tmpfs /dev/shm; mount -t tmpfs tmpfs /run
mount -t cgroup2 cgroup2 /sys/fs/cgroup; ln -s /proc/self/fd /dev/fd
hostname localhost; export HOSTNAME=localhost; ip link set lo up; mkdir -p /run/lock
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8
echo "@kernel $(uname -r), $(grep ' / 9p' /proc/mounts)"
IFS=,
for name in $checks; do
  echo "@begin $name"
  timeout --kill-after=10 5400 python3 -B /opt/nineroot/$name.py </dev/null 2>&1
  echo "@end $name $?"
done
sync; echo "@done"; sleep 3600
"""


@contextlib.contextmanager
def served(program, root, socket, log):
    """The server, until the end; its last words if it did not come."""
    with open(log, "wb") as output:
        server = subprocess.Popen(
            [program, "serve", root, "--vhost-user", socket],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        end = time.monotonic() + 20
        while not socket.exists():
            if server.poll() is not None or time.monotonic() > end:
                raise SystemExit(
                    "FAILED: the server does not listen: " + pathlib.Path(log).read_text(errors="replace")
                )
            time.sleep(0.05)
        yield
    finally:
        server.terminate()
        server.wait(60)


def lines(kernel, program, root, cache, words):
    """What a guest with this root says, line by line, until it has ended."""
    with tempfile.TemporaryDirectory(prefix="nineroot-usermode-") as directory:
        socket = pathlib.Path(directory) / "socket"
        with served(program, root, socket, pathlib.Path(directory) / "server.log"):
            # Its memory is a file; where TMPDIR points may be a disk.
            surroundings = {key: value for key, value in os.environ.items() if key not in ("TMP", "TEMP", "TMPDIR")}
            guest = subprocess.Popen(
                [
                    kernel,
                    "mem=3G",
                    f"virtio_uml.device={socket}:9",
                    "root=root",
                    "rootfstype=9p",
                    "rw",
                    "quiet",
                    "rootflags=trans=virtio,version=9p2000.L,access=client,posixacl,msize=512000,cache=" + cache,
                    "con0=fd:0,fd:1",
                    "con=null",
                            "init=/bin/sh",
                    *words,
                    "--",
                    "/opt/nineroot/usermode-init",
                ],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                env=surroundings,
                start_new_session=True,
            )
            try:
                # Its power is cut when all is done and synced: a device that holds the root cannot be shut down.
                for line in guest.stdout:
                    if line.startswith("@done"):
                        break
                    yield line.rstrip("\r\n")
            finally:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(guest.pid, signal.SIGKILL)
                guest.wait()
            print((pathlib.Path(directory) / "server.log").read_text(errors="replace"), end="", flush=True)


def run_all(kernel, program, root, cache, names, sizes):
    """(what the guest's kernel and root are, [(name, exit status, seconds, [line])]): one guest, one check after the other."""
    (root / "opt/nineroot/usermode-init").write_text(INIT)
    words = [f"checks={','.join(names)}", *(f"{name}={value}" for name, value in sizes.items())]
    about, done, said, name, start = "a kernel that said nothing", [], [], None, 0
    for line in lines(kernel, program, root, cache, words):
        kind, _, rest = line.partition(" ")
        if kind == "@kernel":
            about = rest
        elif kind == "@begin":
            name, said, start = rest, [], time.monotonic()
        elif kind == "@end":
            done.append((name, int(rest.split()[1]), time.monotonic() - start, said))
            name = None
        elif name:
            said.append(line)
            print(f"  {name}: {line}", flush=True)
        else:
            print(f"  {line}", flush=True)
    if name:
        done.append((name, -1, time.monotonic() - start, said + ["FAILED: the guest ended in the middle of it"]))
    missing = set(names) - {name for name, *_ in done}
    return about, done + [(name, -1, 0, ["FAILED: the guest did not come to it"]) for name in sorted(missing)]

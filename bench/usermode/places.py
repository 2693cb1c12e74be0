"""Where a guest works: one place per variant, each on a fresh directory, image or memory, with the
servers behind them."""
import pathlib
import subprocess

from . import relay, servers

P9, FS = 9, 26  # Virtio device types.
NINEROOT = {"nineroot-mmap": "mmap", "nineroot-loose": "loose"}
VIRTIOFSD = {"virtiofsd-auto": "auto", "virtiofsd-always": "always"}
LOCAL = ("tmpfs", "ext4", "hostfs")
DISK_SIZE = 1 << 30
P9_OPTIONS = "trans=virtio,version=9p2000.L,access=client,msize=512000,posixacl,cache="


class Places:
    """All places of one round.  `stop` ends what it started."""

    def __init__(self, base: pathlib.Path, cpus):
        self.base = base
        self.cpus = cpus
        self.devices = []
        self.servers = {}
        self.mounts = {}
        self.disk = base / "disk"
        for name in ("at", "data", "log"):
            (base / name).mkdir()
        # On ext4 each directory in it goes to a block group of its own, away from the inodes that
        # others have freed.
        subprocess.run(["chattr", "+T", base / "data"], stderr=subprocess.DEVNULL, check=False)

    def directory(self, name: str) -> pathlib.Path:
        path = self.base / "data" / name
        path.mkdir()
        return path

    def add_local(self):
        with self.disk.open("wb") as file:
            file.truncate(DISK_SIZE)
        subprocess.run(["/sbin/mkfs.ext4", "-q", "-F", self.disk], check=True)
        self.mounts["tmpfs"] = ("tmpfs", "tmpfs", "-")
        self.mounts["ext4"] = ("ext4", "/dev/ubda", "-")
        self.mounts["hostfs"] = ("hostfs", "none", self.directory("hostfs"))

    def add_nineroot(self, name: str, program: str):
        socket = self.base / f"{name}.sock"
        words = servers.nineroot_words(program, self.directory(name), socket, name)
        self.start(name, words, socket)
        self.devices.append((socket, P9))
        self.mounts[name] = ("9p", name, P9_OPTIONS + NINEROOT[name])

    def add_virtiofsd(self, name: str, command: list):
        socket, front = self.base / f"{name}.sock", self.base / f"{name}.front"
        words = servers.virtiofsd_words(command, self.directory(name), socket, name, VIRTIOFSD[name])
        self.start(name, words, socket)
        relay.start(str(front), str(socket))
        self.devices.append((front, FS))
        self.mounts[name] = ("virtiofs", name, "-")

    def start(self, name: str, words: list, socket: pathlib.Path):
        log = self.base / "log" / name
        self.servers[name] = servers.Server(words, socket, log, self.cpus)

    def cpu(self, name: str) -> int:
        return self.servers[name].cpu() if name in self.servers else 0

    def job(self, order) -> list:
        """Lines that mount the places and name them, in the order of `order`."""
        lines = []
        for name in order:
            kind, source, options = self.mounts[name]
            at = self.base / "at" / name
            at.mkdir()
            lines += [f"mount {kind} {source} {at} {options}", f"place {name} {at}"]
        return lines

    def stop(self):
        for server in self.servers.values():
            server.stop()

"""Where a guest works: one place per variant, each a fresh copy of the system, with its server."""
import pathlib
import subprocess

from usermode import servers

from .machine import P9_OPTIONS, Machine
from .system import System, in_user_namespace

CACHES = {"nineroot-mmap": "mmap", "nineroot-loose": "loose", "qemu-mmap": "mmap",
          "qemu-loose": "loose", "virtiofsd-auto": "auto", "virtiofsd-always": "always", "ext4": ""}


def kind_of(name: str) -> str:
    return name.partition("-")[0]


class Places:
    """The copies, which last as long as the benchmark; `Served` is a guest's view of them."""

    def __init__(self, base: pathlib.Path, system: System, names: list):
        self.base, self.system, self.names = base, system, names
        for name in ("data", "log"):
            (base / name).mkdir()
        # On ext4 each directory in it goes to a block group of its own, away from the inodes that
        # others have freed.
        subprocess.run(["chattr", "+T", base / "data"], stderr=subprocess.DEVNULL, check=False)
        self.disk = base / "data" / "ext4"
        for name in names:
            print(f"  copying the system for {name}", flush=True)
            self.copy(name)

    def directory(self, name: str) -> pathlib.Path:
        return self.base / "data" / name

    def copy(self, name: str):
        if kind_of(name) == "ext4":
            subprocess.run(["cp", "--reflink=auto", "--sparse=always", self.system.disk, self.disk],
                           check=True)
            return
        words = ["cp", "-a", "--reflink=auto"]
        if kind_of(name) == "virtiofsd":
            words = in_user_namespace(*words, self.system.tree_owned)
        else:
            words += [self.system.tree_mapped]
        subprocess.run([*words, self.directory(name)], check=True)

    def remove(self):
        subprocess.run(in_user_namespace("rm", "-rf", self.base / "data"), check=False)


class Served:
    """The servers of one guest, which `stop` ends."""

    def __init__(self, base: pathlib.Path, found: dict):
        self.base, self.found = base, found
        self.servers = {}

    def add(self, machine: Machine, name: str, directory: pathlib.Path):
        kind, socket = kind_of(name), self.base / f"{name}.sock"
        if kind == "nineroot":
            self.start(name, servers.nineroot_words(self.found["nineroot"], directory, socket, name),
                       socket)
            machine.add_nineroot(name, socket)
        elif kind == "qemu":
            machine.add_qemu_9pfs(name, directory)
        elif kind == "virtiofsd":
            self.start(name, servers.virtiofsd_words(self.found["virtiofsd"], directory, socket, name,
                                                     CACHES[name]), socket)
            machine.add_virtiofsd(name, socket)

    def start(self, name: str, words: list, socket: pathlib.Path):
        socket.unlink(missing_ok=True)
        self.servers[name] = servers.Server(words, socket, self.base / "log" / name, self.found["cpus"])

    def cpu(self, name: str) -> int:
        return self.servers[name].cpu() if name in self.servers else 0

    def stop(self):
        for server in self.servers.values():
            server.stop()


def mount_words(name: str) -> tuple:
    """(type, source, options) for mount(8)."""
    kind = kind_of(name)
    if kind == "ext4":
        return "ext4", "/dev/vda", "-"
    if kind == "virtiofsd":
        return "virtiofs", name, "-"
    return "9p", name, P9_OPTIONS + CACHES[name]

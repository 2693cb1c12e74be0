"""A Debian system, made once and kept in the user's cache: as a tar, and in the three forms that file
servers and disks need.  All hold the same files; nothing is changed after they are made."""
import pathlib
import shutil
import subprocess

from usermode import cache
from usermode.virtiofsd import mirror

from . import mapped

RELEASE = "trixie"  # Its kernel is 6.12.
PACKAGES = "linux-image-amd64,systemd-sysv,udev,kmod,gcc,libc6-dev,git"
MODULES = "9p\\n9pnet_virtio\\nvirtiofs\\next4\\n"  # Beside what its initramfs has anyway.
DISK_MIB = 3072
# What a bench disk has at /srv/start takes over there.
INIT = "#!/bin/sh\\nmount -o ro -L bench /srv && exec /srv/start\\n"


def in_user_namespace(*words) -> list:
    """With the caller's subordinate ids, as whose a tree's owners are kept."""
    return ["unshare", "-r", "--map-auto", "--", *map(str, words)]


def bootstrap(archive: pathlib.Path, log: pathlib.Path):
    modules = "usr/share/initramfs-tools/modules.d"
    hooks = {"essential": f'mkdir -p "$1/{modules}"; printf "{MODULES}" >"$1/{modules}/bench"',
             "customize": f"printf '{INIT}' >\"$1/usr/sbin/bench-init\"; "
                          'chmod 755 "$1/usr/sbin/bench-init"'}
    cache.run(["mmdebstrap", "--mode=unshare", "--variant=apt", f"--include={PACKAGES}",
               *(f"--dpkgopt=path-exclude=/usr/share/{name}/*" for name in ("doc", "man", "locale")),
               *(f"--{when}-hook={command}" for when, command in hooks.items()),
               RELEASE, archive, *filter(None, [mirror()])], log)


class System:
    """Paths: `archive`, `tree_mapped` (owners in user.virtfs.* xattrs), `tree_owned` (owners of a user
    namespace), `disk` (an ext4 image), `kernel`, `initrd`; `release` of the kernel."""

    def __init__(self, base: pathlib.Path):
        self.archive = base / "system.tar"
        self.tree_mapped, self.tree_owned = base / "mapped", base / "owned"
        self.disk = base / "disk.ext4"
        self.kernel, self.initrd = base / "vmlinuz", base / "initrd"

    @property
    def release(self) -> str:
        return next((self.tree_owned / "usr/lib/modules").iterdir()).name


def make_owned(system: System, tree: pathlib.Path, log: pathlib.Path):
    tree.mkdir()
    cache.run(in_user_namespace("tar", "-x", "-C", tree, "--exclude=./dev/*", "-f", system.archive), log)


def make_disk(system: System, disk: pathlib.Path, log: pathlib.Path):
    cache.run(in_user_namespace("/sbin/mke2fs", "-q", "-F", "-t", "ext4", "-L", "system", "-d",
                                system.tree_owned, disk, f"{DISK_MIB}M"), log)


def copy_boot_files(system: System, log: pathlib.Path):
    boot = system.tree_mapped / "boot"
    shutil.copyfile(next(boot.glob("vmlinuz-*")), system.kernel)
    shutil.copyfile(next(boot.glob("initrd.img-*")), system.initrd)


def get() -> System:
    """Makes what is not there; each part appears whole or not at all."""
    cache.need("mmdebstrap", "newuidmap", package="mmdebstrap uidmap")
    base = cache.directory("guest")
    system, log = System(base), base / "system.log"

    def once(path: pathlib.Path, what: str, make):
        if not path.exists():
            print(f"making {what} of Debian {RELEASE} once", flush=True)
            unfinished = path.with_name("." + path.name)
            subprocess.run(in_user_namespace("rm", "-rf", unfinished), check=True)
            make(unfinished)
            unfinished.rename(path)

    once(system.archive, "a system", lambda path: bootstrap(path, log))
    once(system.tree_owned, "a tree for virtiofsd", lambda path: make_owned(system, path, log))
    once(system.tree_mapped, "a tree for 9P", lambda path: mapped.unpack(system.archive, path))
    once(system.disk, "a disk", lambda path: make_disk(system, path, log))
    if not system.initrd.exists():
        copy_boot_files(system, log)
    return system

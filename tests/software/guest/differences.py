"""What Linux's 9P client does not let through: each is asked on the root and on a local file system of the same
guest.  The evidence of docs/compatibility.md: a call that works where the document says it does not fails this, too."""
import ctypes
import errno
import fcntl
import mmap
import os
import select

from compare import local_place
from report import attempt, cache_mode, check_equal, client, finish, sh, version, work_place

version("Linux " + os.uname().release)
LIBC = ctypes.CDLL(None, use_errno=True)
AT_FDCWD = -100


def answer(call, *words):
    try:
        result = call(*words)
    except OSError as error:
        return errno.errorcode[error.errno].replace("ENOTSUP", "EOPNOTSUPP")
    return "works" if result is None else result


def of_libc(name, *words):
    if getattr(LIBC, name)(*words) < 0:
        raise OSError(ctypes.get_errno(), name)


def opened(place, name="file", flags=os.O_RDWR | os.O_CREAT, size=0):
    descriptor = os.open(place / name, flags, 0o644)
    os.ftruncate(descriptor, size)
    return descriptor


def tmpfile(place):
    os.close(os.open(place, os.O_TMPFILE | os.O_RDWR, 0o600))


def fallocate(mode):
    def call(place):
        descriptor = opened(place, size=65536)
        try:
            of_libc("fallocate", descriptor, mode, ctypes.c_long(0), ctypes.c_long(8192))
        finally:
            os.close(descriptor)

    return call


def posix_fallocate(place):
    descriptor = opened(place, "allocated")
    os.posix_fallocate(descriptor, 0, 100000)
    return f"{os.fstat(descriptor).st_size} bytes"


def holes(place):
    descriptor = opened(place, "holes", size=1 << 20)
    os.pwrite(descriptor, b"x", 700000)
    return "seen" if os.lseek(descriptor, 0, os.SEEK_DATA) > 0 else "not seen: one piece of data"


def renameat2(flag):
    def call(place):
        for name in ("from", "to"):
            (place / name).write_text(name)
        if flag == 1:
            (place / "to").unlink()
        of_libc("renameat2", AT_FDCWD, bytes(place / "from"), AT_FDCWD, bytes(place / "to"), flag)

    return call


def copy_range(place):
    source, target = opened(place, "source"), opened(place, "target")
    os.write(source, b"x" * 10000)
    return f"{os.copy_file_range(source, target, 10000, 0, 0)} bytes"


def clone(place):
    source, target = opened(place, "source"), opened(place, "cloned")
    fcntl.ioctl(target, 0x40049409, source)


def shared_map(place):
    descriptor = opened(place, "mapped", size=8192)
    with mmap.mmap(descriptor, 8192) as mapped:
        mapped[0:4] = b"data"
        mapped.flush()
    return "works" if os.pread(descriptor, 4, 0) == b"data" else "other data"


def private_map(place):
    descriptor = opened(place, "mapped", size=8192)
    with mmap.mmap(descriptor, 8192, flags=mmap.MAP_PRIVATE) as mapped:
        mapped[0:4] = b"data"


def get_flags(place):
    descriptor = opened(place)
    fcntl.ioctl(descriptor, 0x80086601, b"\0" * 8)


def handle(place):
    buffer = ctypes.create_string_buffer(136)
    ctypes.c_uint.from_buffer(buffer).value = 128
    of_libc("name_to_handle_at", AT_FDCWD, bytes(place), buffer, ctypes.byref(ctypes.c_int()), 0)


def birth_time(place):
    opened(place, "born")
    return "told" if sh(f"stat -c %W {place}/born") not in ("0", "-") else "not told"


def lease(place):
    descriptor = os.open(place / "leased", os.O_RDONLY | os.O_CREAT)
    fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_RDLCK)


def direct(place):
    descriptor = os.open(place / "direct", os.O_RDWR | os.O_CREAT | os.O_DIRECT)
    with mmap.mmap(-1, 8192) as buffer:
        return f"{os.writev(descriptor, [buffer])} bytes"


def read_time(place):
    path = place / "read"
    path.write_text("x")
    os.utime(path, (1, 1))
    path.read_text()
    return "kept up" if path.stat().st_atime > 1 else "not kept up"


def set_time(place):
    path = place / "timed"
    path.write_text("x")
    os.utime(path, ns=(1, 1_000_000_001_123_456_789))
    return f"{path.stat().st_mtime_ns % 10**9} ns"


def own_time(place):
    return (
        "kept up"
        if any(int(sh(f"rm -f {place}/t; echo > {place}/t; stat -c %.9Y {place}/t").split(".")[1]) for _ in range(3))
        else "whole seconds"
    )


def acl_after_chmod(place):
    """An ACL that says what the mode says is dropped by local file systems."""
    os.makedirs(place / "acl", exist_ok=True)
    descriptor = os.open(place / "acl", os.O_RDONLY)
    entries = bytes.fromhex("0200000001000700ffffffff04000500ffffffff20000500ffffffff")
    os.setxattr(place / "acl", "system.posix_acl_access", entries)
    before = len(os.listxattr(place / "acl"))
    os.fchmod(descriptor, 0o750)
    return f"{before} before, {len(os.listxattr(place / 'acl'))} after"


def own_inotify(place):
    descriptor = LIBC.inotify_init()
    LIBC.inotify_add_watch(descriptor, bytes(place), 0x100)
    (place / "noticed").write_text("")
    return "fires" if select.select([descriptor], [], [], 5)[0] else "silent"


def linked_back(place):
    descriptor = opened(place, "gone")
    os.unlink(place / "gone")
    of_libc("linkat", AT_FDCWD, f"/proc/self/fd/{descriptor}".encode(), AT_FDCWD, bytes(place / "back"), 0x400)


def swap_file(place):
    return (
        attempt(
            f"dd if=/dev/zero of={place}/swap bs=1M count=2 status=none; chmod 600 {place}/swap; mkswap -q {place}/swap; "
            f"swapon {place}/swap && swapoff {place}/swap"
        )[0]
        == 0
        and "works"
        or "refused"
    )


none = cache_mode() == "none"
OLD = os.uname().release.startswith("6.1.")
QUESTIONS = [
    ("O_TMPFILE", tmpfile, "EOPNOTSUPP"),
    ("fallocate", fallocate(0), "EOPNOTSUPP"),
    ("fallocate(FALLOC_FL_PUNCH_HOLE)", fallocate(3), "EOPNOTSUPP"),
    ("posix_fallocate", posix_fallocate, "100000 bytes"),
    ("SEEK_DATA over a hole", holes, "not seen: one piece of data"),
    ("renameat2(RENAME_NOREPLACE)", renameat2(1), "EINVAL"),
    ("renameat2(RENAME_EXCHANGE)", renameat2(2), "EINVAL"),
    ("renameat2(RENAME_WHITEOUT)", renameat2(4), "EINVAL"),
    ("copy_file_range", copy_range, "10000 bytes"),
    ("FICLONE", clone, "EOPNOTSUPP"),
    ("mmap(MAP_SHARED), writable", shared_map, "EINVAL" if none else "works"),
    ("mmap(MAP_PRIVATE)", private_map, "works"),
    ("FS_IOC_GETFLAGS (lsattr)", get_flags, "ENOTTY"),
    ("name_to_handle_at", handle, "EOPNOTSUPP"),
    ("statx: birth time", birth_time, "not told"),
    ("F_SETLEASE", lease, "EINVAL"),
    ("O_DIRECT", direct, "8192 bytes"),
    ("atime after a read (relatime)", read_time, "kept up"),
    ("utimensat: nanoseconds", set_time, "0 ns"),
    ("nanoseconds of a write's time", own_time, "whole seconds" if cache_mode() == "loose" else "kept up"),
    ("an ACL equal to the mode, then fchmod", acl_after_chmod, f"0 before, {0 if OLD else 1} after"),
    ("inotify of the guest's own changes", own_inotify, "fires"),
    ("linkat of an unlinked file", linked_back, "ENOENT"),
    ("swap file", swap_file, "refused"),
]
root, local = work_place("differences"), local_place() / "differences"
sh(f"rm -rf {local}; mkdir {local}")
for name, ask, expected in QUESTIONS:
    here, there = answer(ask, root), answer(ask, local)
    check_equal(f"{name}: a local file system says {there!r}, the root", here, expected)
    if here != there:
        client(f"{name}: {here}; local: {there}")
finish()

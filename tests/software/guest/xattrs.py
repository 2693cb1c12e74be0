"""Extended attributes of every namespace that reaches the server: SELinux labels, trusted.*, long values and names."""
import errno
import os

from report import attempt, check, check_equal, client, finish, root_options, sh, version, work_place

version("Linux " + os.uname().release)
place = work_place("xattrs")
sh("echo x > file; mkdir dir; ln -s file link; mknod node c 1 3; mkfifo fifo", directory=place)


def outcome(action, *words, **more):
    try:
        return action(*words, **more)
    except OSError as error:
        return errno.errorcode[error.errno]


LABEL = b"system_u:object_r:shadow_t:s0\0"
for name in ("file", "dir", "link", "node", "fifo"):
    path = place / name
    check_equal(
        f"an SELinux label on {name}",
        outcome(os.setxattr, path, "security.selinux", LABEL, follow_symlinks=False),
        None,
    )
    check_equal(
        f"is read back from {name}", outcome(os.getxattr, path, "security.selinux", follow_symlinks=False), LABEL
    )
    check_equal(f"trusted.* on {name}", outcome(os.setxattr, path, "trusted.note", b"t", follow_symlinks=False), None)
    check_equal(
        f"both are listed for {name}",
        sorted(outcome(os.listxattr, path, follow_symlinks=False)),
        ["security.selinux", "trusted.note"],
    )
    outcome(os.removexattr, path, "trusted.note", follow_symlinks=False)
    check_equal(f"removed from {name}", outcome(os.getxattr, path, "trusted.note", follow_symlinks=False), "ENODATA")
for name in ("link", "node", "fifo"):
    check_equal(
        f"user.* on {name} is refused as by every file system",
        outcome(os.setxattr, place / name, "user.a", b"", follow_symlinks=False),
        "EPERM",
    )

path = place / "file"
check_equal("XATTR_REPLACE of none", outcome(os.setxattr, path, "user.a", b"1", os.XATTR_REPLACE), "ENODATA")
check_equal("XATTR_CREATE", outcome(os.setxattr, path, "user.a", b"1", os.XATTR_CREATE), None)
check_equal("XATTR_CREATE again", outcome(os.setxattr, path, "user.a", b"1", os.XATTR_CREATE), "EEXIST")
check_equal(
    "an empty value",
    (outcome(os.setxattr, path, "user.empty", b""), outcome(os.getxattr, path, "user.empty")),
    (None, b""),
)
name = "user." + "n" * 250
check_equal(
    "a name of 255 bytes", (outcome(os.setxattr, path, name, b"v"), outcome(os.getxattr, path, name)), (None, b"v")
)
check_equal("one of 256 is too long", outcome(os.setxattr, path, name + "n", b"v"), "ERANGE")
outcome(os.removexattr, path, name)
largest = 0
for size in (1000, 2000, 3000, 4000, 8000, 16000, 32000, 65000, 65536):
    said = outcome(os.setxattr, path, "user.long", b"v" * size)
    if said is None:
        check_equal(f"{size} bytes are read back", outcome(os.getxattr, path, "user.long"), b"v" * size)
        largest = size
    else:
        check(f"{size} bytes: a clear error", said in ("ENOSPC", "E2BIG"), said)
        print(f"a value of {size} bytes: {said}")
check("values of 2,000 bytes at least", largest >= 2000)
check_equal(
    "65,537 bytes are too much for every file system", outcome(os.setxattr, path, "user.long", b"v" * 65537), "E2BIG"
)
check("the last value that fitted is whole", outcome(os.getxattr, path, "user.long") == b"v" * largest)
outcome(os.removexattr, path, "user.long")
check_equal("what is left", sorted(os.listxattr(path)), ["security.selinux", "user.a", "user.empty"])

status, output = attempt(
    "setfacl -m u:4321:rwx file && getfacl -cn file | grep 4321 && setfacl -d -m g:77:rx dir && mkdir dir/sub && "
    "getfacl -cn dir/sub | grep default:group:77",
    directory=place,
)
if "posixacl" in root_options():
    check("ACLs are set, shown and inherited", status == 0, output)
else:
    client("POSIX ACLs: EOPNOTSUPP unless mounted with posixacl (see `nineroot boot --posix-acl`)")
finish()

"""rsync -aHAX there and back: every attribute of every kind of file survives, on the root and off it."""
import os
import pathlib

from report import attempt, check, check_equal, client, finish, need, root_options, sh, version, work_place

need("rsync", "setfacl", "setfattr", "setcap")
version(sh("rsync --version | head -n1 | tr -s ' '"))
place = work_place("rsync")
tree = place / "tree"
tree.mkdir()
sh(
    r"""
umask 022
mkdir -p a/b/c empty; head -c 300000 /dev/urandom > a/file; : > a/none; printf x > a/b/c/one
truncate -s 50M a/sparse; printf end | dd of=a/sparse bs=1 seek=52000000 conv=notrunc status=none
ln a/file a/b/hard; ln a/file hard2; ln -s ../a/file a/link; ln -s /nowhere/at/all dangling; ln -s a/b dirlink
mknod chr c 4 65; mknod blk b 259 70000; mkfifo fifo; python3 -c "import socket; socket.socket(socket.AF_UNIX).bind('socket')"
chown 1234:5678 a/file; chown -h 7:8 a/link; chown 65533:65534 fifo; chmod 4751 a/b/c/one; chmod 2775 a/b; chmod 1777 empty; chmod 0 a/none
touch -d '1999-12-31 23:59:59.123456789' a/file; touch -h -d '2001-02-03 04:05:06.987654321' a/link; touch -d '2038-01-19 03:14:08.5' empty
cp /bin/true a/cap; setcap cap_net_raw,cap_sys_chroot+ep a/cap
setfattr -n user.note -v hello a/file; setfattr -n user.empty -v '' a/file; setfattr -n trusted.t -v secret a/b
setfattr -n security.selinux -v system_u:object_r:etc_t:s0 a/b/c/one
cp a/none "$(printf 'odd\nname\001\377')"; mkdir $(printf 'n%.0s' $(seq 255))
""",
    directory=tree,
)
acl = attempt("setfacl -m u:4321:rwx,g:99:r a/file; setfacl -d -m u:55:rx a/b", directory=tree)
if acl[0] != 0:
    check("setfacl is only refused without the mount option posixacl", "posixacl" not in root_options(), acl[1])
    client("POSIX ACLs need the mount option posixacl; without it v9fs answers EOPNOTSUPP by itself")

scratch = pathlib.Path("/run/rsync-back")
sh(f"umount {scratch} 2>/dev/null || true; mkdir -p {scratch}; mount -t tmpfs -o mode=755,huge=never tmpfs {scratch}")
local_is_able = attempt(f"setfattr -n user.x -v y {scratch}")[0] == 0


def copy(source, target):
    sh(f"rsync -aHAXS --numeric-ids --delete {source}/ {target}/")
    same(source, target)


def same(source, target):
    difference = sh(f"rsync -aHAXn --numeric-ids --checksum --delete --itemize-changes {source}/ {target}/")
    check_equal(f"{target} is {source}", difference, "")
    for left in sorted(pathlib.Path(source).rglob("*")):
        right = pathlib.Path(target) / left.relative_to(source)
        a, b = left.lstat(), right.lstat()
        facts = ("st_mode", "st_uid", "st_gid", "st_nlink", "st_rdev")
        check_equal(
            f"{right.relative_to(target)!r} is as it was",
            [getattr(b, f) for f in facts],
            [getattr(a, f) for f in facts],
        )
        # v9fs keeps the kernel's default granularity of one second for times that programs set.
        check_equal("and its time, to the second", b.st_mtime_ns // 10**9, a.st_mtime_ns // 10**9)
        check_equal("and its attributes", attributes(right), attributes(left))


def attributes(path):
    every = {
        name: os.getxattr(path, name, follow_symlinks=False) for name in os.listxattr(path, follow_symlinks=False)
    }
    # An ACL of three entries says what the mode says.  v9fs takes it for none when it is set, but a chmod writes it again.
    return {name: value for name, value in every.items() if (name, len(value)) != ("system.posix_acl_access", 28)}


copy(tree, place / "again")
if local_is_able:
    copy(tree, scratch)
    sh(f"rm -rf {place}/back; mkdir {place}/back")
    copy(scratch, place / "back")
    same(tree, place / "back")
else:
    print("tmpfs of this kernel has no user xattrs: there and back on the root alone")
    copy(place / "again", place / "back")
    same(tree, place / "back")
sh(f"umount {scratch}")
check_equal("getcap agrees", sh(f"getcap {place}/back/a/cap"), f"{place}/back/a/cap cap_net_raw,cap_sys_chroot=ep")
sh(f"rm -rf {place}")
finish()

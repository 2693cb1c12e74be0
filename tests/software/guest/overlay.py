"""overlayfs in the guest with lower, upper and work on the root: mounted where the client allows it, then whiteouts, copy-up,
opaque directories, and what lies in the upper directory."""
import os
import stat

from report import attempt, cache_mode, check, check_equal, client, finish, sh, version, work_place

version("Linux " + os.uname().release)
place = work_place("overlay")
sh(
    """
mkdir lower upper work merged
mkdir -p lower/dir/sub lower/full lower/gone lower/empty; echo one > lower/file; echo two > lower/dir/sub/deep; echo x > lower/full/x; echo y > lower/full/y
chown 12:34 lower/file; setfattr -n user.note -v kept lower/file; ln lower/file lower/hard; ln -s file lower/link; echo z > lower/gone/z
mknod whiteout c 0 0
""",
    directory=place,
)
check_equal(
    "a whiteout can be made",
    stat.S_ISCHR(os.lstat(place / "whiteout").st_mode) and os.lstat(place / "whiteout").st_rdev,
    0,
)
sh(
    "setfattr -n trusted.overlay.opaque -v y upper; getfattr -n trusted.overlay.opaque upper; setfattr -x trusted.overlay.opaque upper",
    directory=place,
)

lower_only = attempt(
    "mount -t overlay overlay -o lowerdir=lower:upper merged && cat merged/dir/sub/deep && umount merged",
    directory=place,
)
check_equal("the root as lower", lower_only, (0, "two"))
sh(
    f"mkdir -p /run/upper; mount -t tmpfs tmpfs /run/upper; mkdir /run/upper/u /run/upper/w; "
    f"mount -t overlay overlay -o lowerdir={place}/lower,upperdir=/run/upper/u,workdir=/run/upper/w {place}/merged; "
    f"echo more >> {place}/merged/file; rm {place}/merged/dir/sub/deep; umount {place}/merged; umount /run/upper"
)
check_equal(
    "writes to an upper elsewhere leave the lower as it was",
    sh("cat lower/file lower/dir/sub/deep", directory=place),
    "one\ntwo",
)

# An ext4 image on the root has all that containers want, in every mode with a shared writable mmap or without.
sh(
    "truncate -s 200M image; mkfs.ext4 -q image; mkdir ext4; mount -o loop image ext4; mkdir ext4/upper ext4/work; "
    "mount -t overlay overlay -o lowerdir=lower,upperdir=ext4/upper,workdir=ext4/work merged; "
    "rm -r merged/gone merged/dir; mkdir merged/gone; umount merged; umount ext4; e2fsck -fn image >/dev/null 2>&1",
    directory=place,
)
check("an upper in an ext4 image on the root takes everything", True)

status, output = attempt(
    "mount -t overlay overlay -o lowerdir=lower,upperdir=upper,workdir=work merged", directory=place
)
if cache_mode() == "loose":
    check("loose: an upper directory on the root is refused", status != 0, output)
    client(
        "overlayfs takes no upper on cache=loose: v9fs revalidates dentries, so it counts as remote, and renameat2 flags are missing"
    )
    finish()
check_equal("the root as upper", (status, output), (0, ""))
sh(
    """
cd merged
echo more >> file; rm dir/sub/deep; echo made > made; mknod node c 4 65
chmod 4711 hard; chown 99:98 full/x; rm full/y; ln file hard2; truncate -s 1 full/x; rmdir empty
mkdir new; echo x > new/x; mv new newer; rm -r newer; mkdir new
""",
    directory=place,
)
check_equal(
    "copied up, with its attributes",
    sh("stat -c '%u:%g' merged/file; getfattr --only-values -n user.note merged/file", directory=place),
    "12:34\nkept",
)
check_equal("appended", sh("cat merged/file", directory=place), "one\nmore")
check_equal(
    "the lower is as it was", sh("cat lower/file lower/dir/sub/deep lower/full/y", directory=place), "one\ntwo\ny"
)
for path in ("dir/sub/deep", "full/y", "empty"):
    node = os.lstat(place / "upper" / path)
    check(f"a whiteout covers {path}", stat.S_ISCHR(node.st_mode) and node.st_rdev == 0)
    check(f"and {path} is not seen", not os.path.lexists(place / "merged" / path))
status, output = attempt("ln -s elsewhere symlink", directory=place / "merged")
if status != 0:
    check("a symlink that cannot be made is EIO", "Input/output error" in output, output)
    client("overlayfs, making a symlink: EIO, v9fs (until 7.2) leaves the dentry of a new symlink without an inode")
    sh(
        "umount merged; rm upper/symlink; "
        "mount -t overlay overlay -o lowerdir=lower,upperdir=upper,workdir=work merged",
        directory=place,
    )
for what, script in (
    ("removing a directory of the lower that the upper has too", "rm -r gone"),
    ("making a directory where one of the lower was", "mkdir empty"),
    ("renaming a file of the lower", "python3 -c 'import os; os.rename(\"link\", \"renamed\")'"),
):
    status, output = attempt(script, directory=place / "merged")
    check(f"{what} is refused with EINVAL", status != 0 and "Invalid argument" in output, output)
    client(f"overlayfs, {what} ({script}): EINVAL, it takes flags of renameat2, which v9fs refuses")
status, output = attempt("mv merged/dir merged/dir2", directory=place)
check(
    "mv copies a merged directory, and cannot remove the first",
    status != 0 and sh("ls merged/dir2", directory=place) == "sub",
    output,
)
before = sh("cd merged; find . | sort | xargs stat -c '%n %a %u:%g %s %F'", directory=place)
sh("umount merged; mount -t overlay overlay -o lowerdir=lower,upperdir=upper,workdir=work merged", directory=place)
ignoring_sizes = lambda text: sorted(line for line in text.splitlines() if not line.endswith("directory"))
check_equal(
    "mounted again it is the same",
    ignoring_sizes(sh("cd merged; find . | sort | xargs stat -c '%n %a %u:%g %s %F'", directory=place)),
    ignoring_sizes(before),
)
sh("umount merged", directory=place)

finish()

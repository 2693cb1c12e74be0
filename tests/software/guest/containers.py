"""podman: an image made from nothing, built in layers with deletions, run, committed; with storage on the root by the
drivers vfs and overlay (as podman itself chooses: the kernel's or fuse-overlayfs), and on an ext4 image of the root."""
from report import attempt, check, check_equal, client, finish, need, sh, version, work_place

need("podman", "busybox", "mkfs.ext4")
version(sh("podman --version"))
place = work_place("containers")
sh(
    """
mkdir -p rootfs/bin rootfs/etc rootfs/data/old/deep rootfs/tmp; cp $(command -v busybox) rootfs/bin/busybox
for tool in sh cat ls rm mv id stat touch mkdir ln echo chmod chown grep; do ln -s busybox rootfs/bin/$tool; done
echo 'root:x:0:0::/:/bin/sh' > rootfs/etc/passwd; echo old > rootfs/data/old/file; echo gone > rootfs/data/gone
echo x > rootfs/data/old/deep/x; tar -C rootfs -cf base.tar .
cat > Containerfile <<EOF
FROM localhost/base
RUN rm /data/gone && mv /data/old/file /data/moved && echo new > /data/new
RUN rm -r /data/old && mkdir /data/later && chown 12:34 /data/new && chmod 4750 /data/new
CMD ["/bin/sh", "-c", "ls /data; stat -c %u:%g:%a /data/new; id -u"]
EOF
""",
    directory=place,
)


def try_driver(driver, store):
    """The whole way with one storage driver; what its file system says it is, or the engine's complaint."""
    podman = (
        f"podman --root {store} --runroot /run/software-{store.parent.name}-{store.name} --storage-driver {driver}"
    )
    status, output = attempt(f"{podman} import -q base.tar localhost/base", directory=place)
    if status != 0:
        return output
    # No network: images cannot be pulled, and the containers need none.
    run = f"{podman} run --network none --cgroups=disabled"
    sh(f"{podman} --cgroup-manager cgroupfs build --network none -q -t built .", directory=place)
    label = f"{driver} in {store.name}"
    check_equal(
        f"{label}: what the image holds",
        sh(f"{run} --rm built", directory=place).split(),
        ["later", "moved", "new", "12:34:4750", "0"],
    )
    mount = sh(
        f"{run} --name kept built /bin/sh -c 'rm /data/new; echo kept > /tmp/kept; grep \" / \" /proc/mounts'",
        directory=place,
    )
    changed = sh(f"{podman} diff kept | grep -v ' /etc'", directory=place).splitlines()
    check_equal(
        f"{label}: what a container changed", sorted(changed), ["A /tmp/kept", "C /data", "C /tmp", "D /data/new"]
    )
    sh(f"{podman} commit -q kept committed", directory=place)
    check_equal(
        f"{label}: a committed layer",
        sh(f"{run} --rm committed /bin/sh -c 'cat /tmp/kept; ls /data'", directory=place).split(),
        ["kept", "later", "moved"],
    )
    sh(f"{podman} rm -af; {podman} rmi -af; rm -rf {store}")
    return mount.split()[0]


used = try_driver("overlay", place / "root")
check(
    "podman finds that the kernel's overlayfs lacks something on the root, and takes fuse-overlayfs",
    used == "fuse-overlayfs",
    used,
)
client(
    "podman's own probe removes a merged directory: EINVAL for want of RENAME_EXCHANGE (none, mmap), no mount at all (loose)"
)
check_equal("vfs on the root", try_driver("vfs", place / "plain").split("/")[0] != "", True)
sh("truncate -s 400M image; mkfs.ext4 -q image; mkdir ext4; mount -o loop image ext4", directory=place)
check_equal(
    "the kernel's overlayfs on an ext4 image that is a file of the root",
    try_driver("overlay", place / "ext4/store"),
    "overlay",
)
sh("umount ext4; e2fsck -fn image >/dev/null 2>&1", directory=place)
finish()

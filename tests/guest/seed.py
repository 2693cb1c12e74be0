"""The seed's own way: plain QEMU with its own 9P server and the guest's own initrd boots the tree,
and what it writes there is right for us; then ours writes, and QEMU's server shows the same."""
import pathlib
import re
import subprocess
import time

from guest import BOOT_SECONDS, HOME, MACHINE, ROOT, STOCK_QEMU, check, check_equal, finish, nineroot, require

MAKE = ("rm -rf /srv/DIR; mkdir /srv/DIR; cd /srv/DIR; echo x > file; chown 1234:5678 file; chmod 4751 file; "
        "mknod chr c 4 65; mknod blk b 259 70000; mkfifo fifo; ln -s ../target link; ln file hard; "
        "mkdir -m 2775 dir; chown 7:8 dir; setfacl -m u:99:r file")
LOOK = ("cd /srv/DIR; stat -c '%n %u %g %f %t %T %h' * | sort; readlink link; getfacl -cnp file")


def newest(pattern):
    return sorted((ROOT / "boot").glob(pattern))[-1]


def in_plain_qemu(script):
    """Boots with the seed's command, runs a script on the console, powers off; what it printed."""
    command = [
        STOCK_QEMU, "-machine", "pc,accel=tcg,usb=off,dump-guest-core=off", "-cpu", "max", "-m", "2048",
        "-smp", "2", "-rtc", "base=utc", "-boot", "strict=on",
        "-kernel", str(newest("vmlinuz-*")), "-initrd", str(newest("initrd.img-*")),
        "-append", "root=fsRoot rw rootfstype=9p rootflags=trans=virtio,version=9p2000.L,msize=5000000,"
                   "cache=mmap,posixacl console=ttyS0",
        "-fsdev", f"local,security_model=mapped,multidevs=remap,id=fsdev-fsRoot,path={ROOT}",
        "-device", "virtio-9p-pci,id=fsRoot,fsdev=fsdev-fsRoot,mount_tag=fsRoot",
        "-sandbox", "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny", "-nographic"]
    log = HOME / "seed-console.log"
    with open(log, "wb") as out:
        qemu = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=out, stderr=subprocess.STDOUT)
        try:
            deadline = time.monotonic() + BOOT_SECONDS
            while not re.search(r"root@\S+:~#", log.read_text(errors="replace")):
                if time.monotonic() > deadline or qemu.poll() is not None:
                    print(log.read_text(errors="replace")[-3000:])
                    check("the seed's command boots to a shell", False)
                    finish()
                time.sleep(1)
            # Script and output are files of the tree: the kernel writes on the console too.
            (ROOT / "root/script").write_text(script)
            qemu.stdin.write(b"sh /root/script >/root/output 2>&1; poweroff\n")
            qemu.stdin.flush()
            qemu.wait(BOOT_SECONDS)
        finally:
            if qemu.poll() is None:
                qemu.kill()
    output = ROOT / "root/output"
    check("the script ran in the plain guest", output.exists(), log.read_text(errors="replace")[-1000:])
    text = output.read_text() if output.exists() else ""
    for name in ("script", "output"):
        (ROOT / "root" / name).unlink(missing_ok=True)
    return text


def in_ours(script):
    return require(nineroot("run", MACHINE, "--", "sh", "-ec", script), "run").stdout.decode()


made_by_us = in_ours(f"{MAKE}; {LOOK}".replace("DIR", "ours"))
plain = in_plain_qemu("\n".join([MAKE, LOOK, "echo ====", LOOK.replace("DIR", "ours")]).replace("DIR", "qemu"))
made_by_qemu, _, ours_seen_by_qemu = plain.partition("====\n")
check_equal("QEMU's server shows what ours wrote", ours_seen_by_qemu, made_by_us)
check_equal("both made the same", made_by_qemu, made_by_us)
check_equal("ours shows what QEMU's server wrote", in_ours(LOOK.replace("DIR", "qemu")), made_by_qemu)
check("the files are there", pathlib.Path(ROOT / "srv/qemu/link").read_bytes() == b"../target")
finish()

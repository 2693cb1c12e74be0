"""What is true of a guest on its directory, whatever carries the 9P."""
import os
import shutil
import stat
import time

from guest import BIN, BOOT_SECONDS, MACHINE, ROOT, check, check_equal, nineroot, xattr

UNLINKED = r"""
use strict; use Fcntl ':mode';
for my $dir ('/tmp', '/var/tmp', '/root') {
  my $path = "$dir/unlinked.$$";
  open(my $file, '+>', $path) or die "open $path: $!";
  syswrite($file, 'x' x 10000) == 10000 or die "write: $!";
  unlink($path) or die "unlink: $!";
  my @stat = stat($file) or die "fstat after unlink in $dir: $!";
  die "size $stat[7]" unless $stat[7] == 10000;
  die "nlink $stat[3]" unless $stat[3] == 0;
  truncate($file, 5000) or die "ftruncate after unlink in $dir: $!";
  chmod(0751, $file) or die "fchmod after unlink in $dir: $!";
  @stat = stat($file);
  die "after ftruncate $stat[7]" unless $stat[7] == 5000;
  die "after fchmod $stat[2]" unless S_IMODE($stat[2]) == 0751;
  open(my $again, '+<', "/proc/self/fd/" . fileno($file)) or die "reopen in $dir: $!";
  sysseek($again, 0, 0); sysread($again, my $data, 20000) == 5000 or die "read again: $!";
}
print "all good";
"""

PACKAGE = r"""
rm -rf /tmp/pkg && mkdir -p /tmp/pkg/DEBIAN /tmp/pkg/usr/share/nineroot-test
printf 'Package: nineroot-test\nVersion: 1\nArchitecture: all\nMaintainer: t <t@example.org>\nDescription: test\n' > /tmp/pkg/DEBIAN/control
echo installed > /tmp/pkg/usr/share/nineroot-test/file
dpkg-deb --build /tmp/pkg /tmp/nineroot-test.deb >/dev/null
"""


def both_sides(machine):
    mount = machine.shell("cat /proc/mounts | grep ' / '")
    check("the root is 9p", " / 9p rw" in mount, mount)
    (ROOT / "srv/from-host").write_text("made on the host\n")
    check_equal("the guest sees the host's file", machine.shell("cat /srv/from-host"), "made on the host")
    (ROOT / "srv/from-host").write_text("changed on the host, and longer\n")
    check_equal("the guest sees the host's change", machine.shell("cat /srv/from-host"),
                "changed on the host, and longer")
    machine.shell("echo 'made in the guest' > /srv/from-guest; mkdir -p /srv/dir; mv /srv/from-guest /srv/dir/moved")
    check_equal("the host sees the guest's file", (ROOT / "srv/dir/moved").read_text(), "made in the guest\n")
    (ROOT / "srv/from-host").unlink()
    check_equal("the host's removal is seen", machine.shell("test -e /srv/from-host || echo gone"), "gone")
    machine.shell("rm -r /srv/dir")
    check("the guest's removal is seen", not (ROOT / "srv/dir").exists())


def attributes(machine):
    """Owners, modes, nodes and links as the guest set them, and as they lie on the host."""
    machine.shell("rm -rf /srv/attr; mkdir /srv/attr; cd /srv/attr; umask 022; "
                  "echo x > file; chown 1234:5678 file; chmod 4751 file; "
                  "mknod chr c 4 65; mknod blk b 259 70000; mkfifo fifo; ln -s ../target/of/link link; "
                  "chmod 660 chr; mkdir -m 1777 sticky; ln file hard; "
                  "setfacl -m u:4321:rwx file; setcap cap_net_raw+ep hard; setfattr -n user.note -v hello file")
    base = ROOT / "srv/attr"
    little = lambda value, size=4: value.to_bytes(size, "little")
    check_equal("uid on the host", xattr(base / "file", "user.virtfs.uid"), little(1234))
    check_equal("gid on the host", xattr(base / "file", "user.virtfs.gid"), little(5678))
    check_equal("device mode on the host", xattr(base / "chr", "user.virtfs.mode"), little(stat.S_IFCHR | 0o660))
    check_equal("device number on the host", xattr(base / "chr", "user.virtfs.rdev"), little(os.makedev(4, 65), 8))
    check_equal("block device on the host", xattr(base / "blk", "user.virtfs.rdev"), little(os.makedev(259, 70000), 8))
    check_equal("symlink on the host", (base / "link").read_bytes(), b"../target/of/link")
    check("a regular file on the host", stat.S_ISREG((base / "chr").lstat().st_mode))
    check_equal("hard link", (base / "file").stat().st_ino, (base / "hard").stat().st_ino)
    check("ACL on the host", isinstance(xattr(base / "file", "user.virtfs.system.posix_acl_access"), bytes))
    seen = machine.shell("cd /srv/attr; stat -c '%n %u:%g %a %F' chr blk fifo link sticky; readlink link; "
                         "stat -c '%t:%T' chr blk; getfacl -cn file | grep 4321; getcap hard; "
                         "getfattr --only-values -n user.note file; echo; stat -c %a file")
    for line in ("chr 0:0 660 character special file", "blk 0:0 644 block special file", "fifo 0:0 644 fifo",
                 "link 0:0 777 symbolic link", "sticky 0:0 1777 directory", "../target/of/link", "4:41",
                 "103:11170", "user:4321:rwx", "hard cap_net_raw=ep", "hello"):
        check(f"the guest sees '{line}'", line in seen, seen)


def programs(machine):
    result = machine.exec("perl", "-e", UNLINKED)
    check_equal("use after unlink, on /tmp and elsewhere", result.stdout.decode(), "all good")
    check_equal("/tmp is on the root", machine.shell("findmnt -n -o TARGET --target /tmp"), "/")
    machine.shell(PACKAGE)
    machine.shell("dpkg -i /tmp/nineroot-test.deb")
    check_equal("dpkg -i installs", machine.shell("cat /usr/share/nineroot-test/file"), "installed")
    machine.shell("dpkg -P nineroot-test; "
                  "DEBIAN_FRONTEND=noninteractive apt-get install -y /tmp/nineroot-test.deb")
    check_equal("apt installs", machine.shell("dpkg-query -W -f '${Status}' nineroot-test"), "install ok installed")
    check_equal("dpkg agrees with itself", machine.shell("dpkg --audit"), "")
    machine.shell("dpkg -P nineroot-test; rm -rf /tmp/pkg /tmp/nineroot-test.deb")
    check_equal("the journal verifies", machine.shell("journalctl --flush; journalctl --verify 2>&1 | grep -c FAIL || true"), "0")


def software(machine, *names):
    """Some of tests/software, which has the rest: it takes longer than these tests shall."""
    target = ROOT / "opt/nineroot"
    shutil.copytree(BIN / "in_guest", target, dirs_exist_ok=True)
    for name in names:
        result = machine.exec("python3", "-B", f"/opt/nineroot/{name}.py")
        output = result.stdout.decode(errors="replace") + result.stderr.decode(errors="replace")
        check_equal(f"{name}: {output.count('ok: ')} facts", result.returncode, 0)
        if result.returncode != 0:
            print(output)


def command_passing(machine):
    result = machine.exec("sh", "-c", "cat; echo err >&2; exit 7", stdin=b"through\n")
    check_equal("exit status", result.returncode, 7)
    check_equal("standard output", result.stdout, b"through\n")
    check_equal("standard error", result.stderr, b"err\n")
    check_equal("a missing command is 127", machine.exec("no-such-command").returncode, 127)
    check_equal("a killed command is 128 + N", machine.exec("sh", "-c", "kill -TERM $$").returncode, 143)
    data = os.urandom(3_000_000)
    check("3 MB there and back", machine.exec("cat", stdin=data).stdout == data)


def only_once(machine):
    again = nineroot("boot", MACHINE)
    check_equal("a running machine is not booted twice", again.returncode, 1)
    check("and that is said", b"running" in again.stderr or b"runs" in again.stderr, again.stderr)
    served = nineroot("serve", str(ROOT), "--listen", f"unix:{ROOT.parent}/second")
    check_equal("its tree is not served twice", served.returncode, 1)
    removed = nineroot("remove", "--yes", MACHINE)
    check_equal("nor is it removed", removed.returncode, 1)
    check("its tree is whole", (ROOT / "etc/passwd").exists())


def reboot(machine):
    before = machine.shell("cat /proc/sys/kernel/random/boot_id")
    machine.exec("systemctl", "reboot")
    after = before
    deadline = time.monotonic() + BOOT_SECONDS
    while time.monotonic() < deadline:
        time.sleep(1)
        result = machine.exec("cat", "/proc/sys/kernel/random/boot_id")
        after = result.stdout.decode().strip()
        if result.returncode == 0 and after not in ("", before):
            break
    check("the guest is another boot", after not in ("", before), f"{before} {after}")
    check("under the same `boot`", machine.process.poll() is None)
    (ROOT / "srv/after-reboot").write_text("still shared")
    check_equal("and the tree is shared as before", machine.shell("cat /srv/after-reboot; rm /srv/after-reboot"),
                "still shared")


def power_off(machine):
    machine.shell("echo last words > /root/last-words")
    stopped = nineroot("stop", MACHINE)
    check_equal("stop succeeds", stopped.returncode, 0)
    check_equal("boot ends with 0", machine.wait_for_end(), 0)
    check_equal("what was written last is there", (ROOT / "root/last-words").read_text(), "last words\n")
    check("the console showed a login", "login" in machine.console_text(), machine.console_text()[-500:])

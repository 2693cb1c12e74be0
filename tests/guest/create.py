"""Gets a recent QEMU and makes a real Debian machine, as an ordinary user; the other tests use them."""
import json
import os
import subprocess
import time

from guest import BIN, HOME, MACHINE, PROGRAM, ROOT, check, check_equal, finish, nineroot, require, xattr

check("this is not root", os.geteuid() != 0)
require(subprocess.run([BIN / "get-qemu"], capture_output=True, check=False), "get-qemu")

if ROOT.exists() and (os.environ.get("NINEROOT_TEST_FRESH") or not (ROOT / "usr/bin/sqlite3").exists()):
    require(nineroot("remove", "--yes", MACHINE), "remove")
if not ROOT.exists():
    start = time.monotonic()
    made = subprocess.run([PROGRAM, "create", MACHINE, "--include", "acl,attr,iputils-ping,libcap2-bin,python3,sqlite3,sudo"],
                          capture_output=True, stdin=subprocess.DEVNULL, check=False)
    require(made, "create")
    print(f"created in {time.monotonic() - start:.0f} s")
    check("progress is told in plain lines", b"\r" not in made.stderr and b"\n" in made.stderr)

check_equal("no leftovers", [p.name for p in (HOME / "machines").iterdir() if p.name.startswith(".")], [])
check_equal("/etc/shadow is root's, group shadow", xattr(ROOT / "etc/shadow", "user.virtfs.gid"),
            (42).to_bytes(4, "little"))
check_equal("su is set-uid for the guest", xattr(ROOT / "bin" if (ROOT / "bin").is_dir() else ROOT / "usr/bin/su",
                                                 "user.virtfs.mode"), (0o104755).to_bytes(4, "little"))
check("su is not set-uid on the host", (ROOT / "usr/bin/su").stat().st_mode & 0o6000 == 0)
check_equal("every file is the user's own", (ROOT / "etc/passwd").stat().st_uid, os.geteuid())
check("/etc/machine-id is not shared", len((ROOT / "etc/machine-id").read_text().strip()) in (0, 32))

listed = json.loads(require(nineroot("list", "--json"), "list").stdout)
check_equal("listed as stopped", [m["state"] for m in listed if m["name"] == MACHINE], ["stopped"])
shown = json.loads(require(nineroot("show", "--json", MACHINE), "show").stdout)
check("show knows its Debian", "Debian GNU/Linux 12" in json.dumps(shown), json.dumps(shown))
again = nineroot("create", MACHINE)
check_equal("a taken name is refused", again.returncode, 1)
check("and said to be taken", MACHINE.encode() in again.stderr, again.stderr)
bad = nineroot("create", "../evil")
check_equal("a bad name is refused as usage", bad.returncode, 2)
finish()

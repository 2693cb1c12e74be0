"""`nineroot run`: boot, one command, power off; its streams and exit status are ours."""
import json

from guest import MACHINE, ROOT, check, check_equal, finish, nineroot

result = nineroot("run", MACHINE, "--", "sh", "-c", "cat; echo err >&2; id -u; echo kept > /root/kept; exit 3",
                  stdin=b"input\n")
check_equal("exit status", result.returncode, 3)
check_equal("standard output", result.stdout, b"input\n0\n")
check("standard error", b"err\n" in result.stderr, result.stderr)
check_equal("what it wrote is on the host", (ROOT / "root/kept").read_text(), "kept\n")
listed = json.loads(nineroot("list", "--json").stdout)
check_equal("stopped afterwards", [m["state"] for m in listed if m["name"] == MACHINE], ["stopped"])
finish()

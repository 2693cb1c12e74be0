"""systemd-journald: a load of messages, rotation, a killed journald; `journalctl --verify` after each."""
from report import attempt, cache_mode, check, check_equal, client, finish, sh, version

version(sh("journalctl --version | head -n1"))
sh("mkdir -p /var/log/journal; systemctl restart systemd-journald; journalctl --flush")
LOAD = "for i in $(seq 4000); do echo \"ROUND message $i $(printf %$((i % 300))s)\"; done | systemd-cat -t software; journalctl --sync"


def verify(when):
    status, output = attempt("journalctl --verify 2>&1")
    check(f"journalctl --verify {when}", status == 0 and "FAIL" not in output, output)


def count(word):
    return int(sh(f"journalctl -b -q -o cat -t software --grep '^{word} message' | wc -l"))


sh(
    "printf '[Journal]\\nRateLimitIntervalSec=0\\n' > /etc/systemd/journald.conf.d/load.conf"
    if attempt("mkdir -p /etc/systemd/journald.conf.d")[0] == 0
    else "false"
)
sh("systemctl restart systemd-journald")
persistent = sh("ls /var/log/journal/*/system.journal 2>/dev/null || true")
if not persistent:
    check("a persistent journal is only missing where mmap is", cache_mode() == "none")
    client("a persistent journal needs a shared writable mmap; cache=none has none, the journal stays in /run")
    finish()
sh("journalctl --vacuum-time=1s --rotate >/dev/null 2>&1")
sh(LOAD.replace("ROUND", "first"))
check_equal("every message of the first load is there", count("first"), 4000)
verify("after a load")
sh("journalctl --rotate; " + LOAD.replace("ROUND", "second"))
verify("after rotation")
sh("systemctl kill -s KILL systemd-journald; sleep 3; systemctl is-active systemd-journald")
sh(LOAD.replace("ROUND", "third"))
check_equal("every message after kill -9 is there", count("third"), 4000)
check_equal("and those before it", count("second"), 4000)
sh("journalctl --rotate")
verify("after kill -9 and rotation")
check_equal(
    "the kernel's log has no 9p error", sh("journalctl -k -b -q --grep '9p.*(error|fail)' -o cat || true"), ""
)
finish()

"""PostgreSQL: initdb, pgbench, kill -9 of every process, recovery, amcheck, data checksums."""
import pathlib
import subprocess
import time

from report import attempt, check, check_equal, finish, sh, skip, version, work_place

binaries = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin"))
if not binaries:
    skip("PostgreSQL is not installed")
BIN = binaries[-1]
place = work_place("postgresql")
sh(f"chown postgres: {place}")
attempt("systemctl stop postgresql; pkill -9 -u postgres")
version(sh(f"{BIN}/postgres --version"))
PATHS = f"PATH={BIN}:$PATH PGDATA={place}/data PGHOST={place} PGDATABASE=postgres"


def pg(script, **more):
    return sh(f"export {PATHS}; {script}", user="postgres", **more)


def start():
    pg(
        f"pg_ctl -w -t 600 -l {place}/log -o '-k {place} -c listen_addresses= -c shared_buffers=64MB "
        "-c checkpoint_timeout=30s -c log_checkpoints=on' start >/dev/null"
    )


def history():
    return pg(
        "psql -Atqc 'select count(*), coalesce(sum(delta), 0) from pgbench_history; "
        "select sum(abalance) from pgbench_accounts; select sum(bbalance) from pgbench_branches; "
        "select sum(tbalance) from pgbench_tellers'"
    ).split("\n")


pg("initdb --data-checksums --auth=trust >/dev/null")
start()
pg("pgbench -i -q -s 2 2>&1; psql -Atqc 'create extension amcheck; create table t (id int primary key, v text)'")
for round_number in range(3):
    bench = subprocess.Popen(
        [
            "setpriv",
            "--reuid",
            "postgres",
            "--regid",
            "postgres",
            "--init-groups",
            "bash",
            "-c",
            f"export {PATHS}; pgbench -n -c 4 -T 600 2>&1",
        ],
        stdout=subprocess.DEVNULL,
    )
    time.sleep(25)
    pids = sh("pgrep -u postgres -x postgres | tr '\\n' ' '")
    attempt(f"kill -9 {pids}")
    bench.wait()
    sh(f"for p in {pids}; do while kill -0 $p 2>/dev/null; do sleep 0.2; done; done")
    start()
    rows = history()
    count, total = rows[0].split("|")
    check(f"round {round_number}: {count} transactions", int(count) > 0)
    check_equal("every balance is the sum of its history", rows[1:], [total] * 3)
log = (place / "log").read_text(errors="replace")
check_equal("it recovered from each crash", log.count("redo done"), 3)
check_equal(
    "no PANIC, no corruption in its log",
    [line for line in log.splitlines() if "PANIC" in line or "corrupt" in line or "invalid page" in line],
    [],
)
check_equal("amcheck finds nothing", pg("pg_amcheck --heapallindexed --database=postgres 2>&1"), "")
pg(
    "psql -Atqc 'vacuum full' -c 'reindex database postgres'; pg_amcheck --database=postgres; pg_ctl -w -t 600 -m fast stop >/dev/null"
)
checked = pg("pg_checksums --check")
check("pg_checksums finds no bad block", "Bad checksums:  0" in checked, checked)
finish()

"""MariaDB: install, clients that write, kill -9, recovery, CHECK TABLE, acknowledged rows."""
import subprocess
import time

from report import attempt, check, check_equal, finish, need, sh, version, work_place

need("mariadbd", "mariadb-install-db")
attempt("systemctl stop mariadb; pkill -9 -x mariadbd")
version(sh("mariadbd --version | grep -o 'Ver [^ ]*'").replace("Ver", "MariaDB"))
place = work_place("mariadb")
sh(f"chown mysql: {place}")
SQL = f"mariadb --socket={place}/sock --user=root --batch --skip-column-names"
# It reserves 8 TiB of addresses, which User Mode Linux has not.
SMALL = "--loose-innodb-buffer-pool-size-max=128M"
WORK = (
    "i=0; while :; do i=$((i+1)); "
    "echo \"insert into test.said values (WHO, $i, repeat(char(65 + $i % 26), 1 + $i * 37 % 3000)); "
    "insert into test.aria values (WHO, $i); select $i;\"; done"
)

sh(
    f"mariadb-install-db --no-defaults --user=mysql --datadir={place}/data {SMALL} --auth-root-authentication-method=normal >/dev/null"
)


def start():
    server = subprocess.Popen(
        [
            "mariadbd",
            "--no-defaults",
            "--user=mysql",
            f"--datadir={place}/data",
            f"--socket={place}/sock",
            "--skip-networking",
            f"--log-error={place}/log.err",
            "--innodb-buffer-pool-size=64M",
            SMALL,
            "--innodb-flush-log-at-trx-commit=1",
        ]
    )
    sh(
        f"for i in $(seq 600); do mariadb-admin --socket={place}/sock --user=root ping >/dev/null 2>&1 && exit 0; sleep 1; done; exit 1",
        timeout=1200,
    )
    return server


server = start()
sh(
    f"echo 'create database if not exists test; create table test.said (who int, step int, what text, primary key (who, step), key (what(20))) "
    f"engine=innodb; create table test.aria (who int, step int, key (step)) engine=aria' | {SQL}"
)
for round_number in range(2):
    sh(f"echo 'truncate test.said; truncate test.aria' | {SQL}")
    clients = [
        subprocess.Popen(
            ["bash", "-c", f"({WORK.replace('WHO', str(who))}) | {SQL} --unbuffered 2>/dev/null"],
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        for who in range(4)
    ]
    time.sleep(25)
    server.kill()
    server.wait()
    told = []
    for writer in clients:
        lines = writer.communicate()[0].split()
        told.append(int(lines[-1]) if lines else 0)
    server = start()
    check(f"round {round_number}: rows were acknowledged: {told}", sum(told) > 0)
    for who, last in enumerate(told):
        there = int(sh(f"echo 'select coalesce(max(step), 0) from test.said where who = {who}' | {SQL}"))
        count = int(sh(f"echo 'select count(*) from test.said where who = {who}' | {SQL}"))
        check(
            f"client {who}: {last} acknowledged are there, without a gap",
            last <= there <= last + 1 and count == there,
            f"{there}, {count} rows",
        )
    check_equal("CHECK TABLE of InnoDB", sh(f"echo 'check table test.said extended' | {SQL}").split("\t")[-1], "OK")
    sh(f"echo 'repair table test.aria' | {SQL}")
    check_equal("CHECK TABLE of Aria after REPAIR", sh(f"echo 'check table test.aria' | {SQL}").split("\t")[-1], "OK")
checked = sh(f"mariadb-check --socket={place}/sock --user=root --all-databases")
check("mariadb-check of all tables", all(line.endswith("OK") for line in checked.splitlines() if line), checked)
sh(f"mariadb-admin --socket={place}/sock --user=root shutdown")
server.wait(600)
log = (place / "log.err").read_text(errors="replace")
check_equal("no corruption in its log", [line for line in log.splitlines() if "corrupt" in line.lower()], [])
finish()

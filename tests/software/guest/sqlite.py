"""SQLite in WAL mode: writers that are killed while they write, what they were told is committed is there."""
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time

from report import cache_mode, check, check_equal, client, finish, version, work_place

WRITER = """
import random, sqlite3, sys
base = sqlite3.connect(sys.argv[1], timeout=120, isolation_level=None)
base.execute('pragma synchronous=full')
who, step = int(sys.argv[2]), int(sys.argv[3])
while True:
    step += 1
    base.execute('begin immediate')
    base.execute('insert into said values (?, ?, ?)', (who, step, random.randbytes(random.randrange(3000))))
    if step % 7 == 0:
        base.execute('delete from said where who = ? and step < ? - 60', (who, step))
    base.execute('commit')
    print(step, flush=True)
"""


def crash_rounds(path, journal, rounds, seconds):
    base = sqlite3.connect(path, timeout=120, isolation_level=None)
    check_equal(f"journal_mode={journal}", base.execute(f"pragma journal_mode={journal}").fetchone()[0], journal)
    base.execute("create table said (who integer, step integer, what blob, primary key (who, step))")
    base.close()
    last = [0] * 4
    for _ in range(rounds):
        writers = [
            subprocess.Popen(
                [sys.executable, "-c", WRITER, path, str(who), str(last[who])], stdout=subprocess.PIPE, text=True
            )
            for who in range(4)
        ]
        time.sleep(seconds)
        for writer in writers:
            writer.send_signal(signal.SIGKILL)
        for who, writer in enumerate(writers):
            lines = writer.communicate()[0].split("\n")[:-1]
            last[who] = int(lines[-1]) if lines else last[who]
        base = sqlite3.connect(path, timeout=120)
        check_equal(f"{journal}: integrity after kill -9", base.execute("pragma integrity_check").fetchone()[0], "ok")
        for who in range(4):
            there = base.execute("select coalesce(max(step), 0) from said where who = ?", (who,)).fetchone()[0]
            check(
                f"{journal}: all that writer {who} was told, {last[who]}", last[who] <= there <= last[who] + 1, there
            )
            last[who] = there
        base.close()
    check(f"{journal}: the writers wrote: {sum(last)}", sum(last) > 0)
    return sum(last)


random.seed(os.getpid())
place = work_place("sqlite")
version("SQLite " + sqlite3.sqlite_version)
crash_rounds(str(place / "delete.db"), "delete", 2, 6)
if cache_mode() == "none":
    base = sqlite3.connect(str(place / "wal.db"), isolation_level=None)
    try:
        mode = base.execute("pragma journal_mode=wal").fetchone()[0]
        base.execute("create table t (x)")
        check("WAL needs MAP_SHARED, which cache=none does not give", False, mode)
    except sqlite3.OperationalError as error:
        client(f"WAL needs a shared writable mmap of the -shm file; cache=none has none: {error}")
else:
    crash_rounds(str(place / "wal.db"), "wal", 4, 8)
finish()

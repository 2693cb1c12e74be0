"""One process writes a file, another asks for its size all the while, as apt does of its downloads: nothing may be lost."""
import os
import random

from report import check_equal, finish, version, work_place

version("Linux " + os.uname().release)
place = work_place("stat_while_writing")
SIZE = 3_000_000


def watch(path):
    while True:
        try:
            os.stat(path)
        except FileNotFoundError:
            pass


def lost_pages(path, flags, seed):
    watcher = os.fork()
    if watcher == 0:
        watch(path)
    choice = random.Random(seed)
    data = choice.randbytes(SIZE)
    file = os.open(path, flags | os.O_CREAT, 0o644)
    done = 0
    while done < SIZE:
        done += os.write(file, data[done : done + choice.randrange(1, 9000)])
    os.close(file)
    os.kill(watcher, 9)
    os.waitpid(watcher, 0)
    there = path.read_bytes()
    path.unlink()
    return [at for at in range(0, SIZE, 4096) if there[at : at + 4096] != data[at : at + 4096]]


for seed in range(12):
    name, flags = (("O_WRONLY", os.O_WRONLY), ("O_RDWR", os.O_RDWR), ("O_APPEND", os.O_WRONLY | os.O_APPEND))[seed % 3]
    check_equal(f"file {seed}, {name}: pages that differ", lost_pages(place / f"file{seed}", flags, seed), [])
finish()

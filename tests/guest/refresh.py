"""`nineroot refresh --watch` loses nothing: what a guest has written and not sent yet, and whoever works in a
directory, while the host changes just these.

On the kernels and in the cache modes of docs/coherence.md in which a guest keeps what it writes.  With
NINEROOT_TEST_LONG the newest kernel of all is among them.
"""
import os
import time

from guest import check, check_equal, finish, nineroot
from kernel_tree import SUITES, release, kernel_tree
from probed_guest import ProbedGuest, Watch, probed_tree, watch_directory

PAGE = 4096
TEXT = "first content"
LONG = TEXT + "." * (2 * PAGE - len(TEXT))


def append(path, text):
    with open(path, "a") as file:
        file.write(text)


def store_in_last_page(guest, slot):
    return guest.ask("held-store", slot, str(PAGE + 50), "GUEST")


def write_first_bytes(guest, slot):
    return guest.ask("held-write", slot, "0", "GUEST")


def write_beyond_end(guest, slot):
    return guest.ask("held-write", slot, str(3 * PAGE), "GUEST")


# name: (what is in it, what the guest writes, what the host does, where the guest's bytes are, what the host wrote)
WRITTEN = {
    "written-grown": (TEXT, write_first_bytes, lambda f: append(f, " and more"), 0, " and more"),
    "written-grown-much": (TEXT, write_first_bytes, lambda f: append(f, 3 * PAGE * "m"), 0, 3 * PAGE * "m"),
    "stored-grown": (LONG, store_in_last_page, lambda f: append(f, " and more"), PAGE + 50, " and more"),
    "stored-grown-much": (LONG, store_in_last_page, lambda f: append(f, 3 * PAGE * "m"), PAGE + 50, 3 * PAGE * "m"),
    "written-truncated": (LONG, write_beyond_end, lambda f: os.truncate(f, 5), 3 * PAGE, None),
    "stored-truncated": (LONG, store_in_last_page, lambda f: os.truncate(f, 5), PAGE + 50, None),
    "written-emptied": (LONG, write_first_bytes, lambda f: os.truncate(f, 0), 0, None),
}


def is_lost_to_truncation(suite, cache):
    """Linux 6.1 with cache=mmap sends what is written at once, so the host's truncation comes after it; and with
    the host's end it takes stores into mappings beyond that for truncated, as local file systems do."""
    return suite == "bookworm" and cache == "mmap"


def keeps_what_was_written(guest, watch, label, truncation_wins):
    here = guest.tree / "srv/written"
    for name, (content, *_) in WRITTEN.items():
        (here / name).write_text(content)
    watch.settle()
    for name, (_, write, change, *_) in WRITTEN.items():
        check_equal(f"{label}, {name}: open", guest.ask("hold-to-write", name, f"/srv/written/{name}"), "ok")
        guest.ask("held-read", name)
        check_equal(f"{label}, {name}: write", write(guest, name), "ok")
        change(here / name)
    watch.settle()
    check_equal(f"{label}: refresh of all writes out", nineroot("refresh", str(guest.tree)).returncode, 0)
    watch.settle()
    for name, (_, _, _, offset, tail) in WRITTEN.items():
        content = (here / name).read_bytes()
        is_there = tail or not truncation_wins
        check_equal(f"{label}, {name}: what the guest wrote is on the host", content[offset:offset + 5], b"GUEST" if is_there else b"")
        if tail:
            check_equal(f"{label}, {name}: and what the host appended", content[-len(tail):], tail.encode())
        # The probe reads a page, and shows what is no text as '?'.
        shown = content[:PAGE].replace(b"\0", b"?").decode()
        read = guest.ask("read", f"/srv/written/{name}")
        check(f"{label}, {name}: the guest reads what is on the host", read == f'"{shown}"', f"{read[:60]}, expected {shown[:60]}")
        check_equal(f"{label}, {name}: at its length", guest.ask("look", f"/srv/written/{name}").split()[-1], str(len(content)))


def readers_never_see_zeros(guest, watch, label):
    """The host appends line by line while the guest reads; what it reads is a beginning of what is there."""
    log = guest.tree / "srv/written/log"
    log.write_text("0\n")
    watch.settle()
    guest.ask("hold", "log", "/srv/written/log")
    texts = set()
    for number in range(1, 60):
        append(log, f"{number}\n")
        texts.add(guest.ask("held-read", "log"))
        time.sleep(0.02)
    watch.settle()
    whole = log.read_text().replace("\n", "?")
    texts.add(guest.ask("held-read", "log"))
    check_equal(f"{label}: the last line is read", guest.ask("held-read", "log"), f'"{whole}"')
    wrong = [text for text in texts if not whole.startswith(text.strip('"'))]
    check(f"{label}: no reading of a growing file has what was never there", not wrong, wrong)


def keeps_who_works_there(guest, watch, label):
    """A directory that is moved while it is open, watched and worked in."""
    here = guest.tree / "srv/moved"
    for path in ("d/below", "elsewhere"):
        (here / path).mkdir(parents=True)
    (here / "d/f").write_text(TEXT)
    watch.settle()
    watch_directory(guest, "/srv/moved")
    watch_directory(guest, "/srv/moved/d")
    guest.ask("read", "/srv/moved/d/f")
    for new in ("e", "elsewhere/d"):
        old = "d" if new == "e" else "e"
        (here / old).rename(here / new)
        watch.settle()
        check_equal(f"{label}: all is below {new}", guest.ask("read", f"/srv/moved/{new}/f"), f'"{TEXT}"')
        check_equal(f"{label}: nothing is by the name before {new}", guest.ask("look", f"/srv/moved/{old}"), "ENOENT")
        nineroot("refresh", str(guest.tree))
        check_equal(f"{label}: and below {new} all stays", guest.ask("read", f"/srv/moved/{new}/f"), f'"{TEXT}"')
        guest.ask("write", f"/srv/moved/{new}/{new[-1]}-made", "x")
        names = "below e-made f" if new == "e" else "below d-made e-made f"
        check_equal(f"{label}: who has it open finds what is in it", guest.ask("held-names", "/srv/moved/d"), names)
    told = [event for event in guest.ask("events", "/srv/moved").split() if event[0] in "de"]
    check_equal(f"{label}: who watches is told that it moved", told[:3], ["d:MOVED_FROM", "e:MOVED_TO", "e:MOVED_FROM"])
    told = guest.ask("events", "/srv/moved/d").split()
    check(f"{label}: who watches it hears of what is in it", {":MOVE_SELF", "e-made:CREATE", "d-made:CREATE"} <= set(told), told)


def run(suite, cache):
    label = f"{release(kernel_tree(suite))}, {cache}"
    guest = ProbedGuest(probed_tree(suite, "written", "moved"), cache)
    try:
        watch = Watch(guest)
        keeps_what_was_written(guest, watch, label, is_lost_to_truncation(suite, cache))
        if cache == "loose":
            readers_never_see_zeros(guest, watch, label)
        keeps_who_works_there(guest, watch, label)
        watch.end()
    finally:
        guest.end()


for one_suite in SUITES if os.environ.get("NINEROOT_TEST_LONG") else SUITES[:2]:
    for one_cache in ("mmap", "loose"):
        run(one_suite, one_cache)
finish()

"""docs/coherence.md is true: what a guest sees of the host's changes, cell by cell, per kernel and cache mode.

Every cell of its tables is looked at in a real guest: the host changes what the guest has cached, open or
mapped; then the guest looks, is refreshed and looks again; and all that once more under --watch.  A cell is one
word, or "A / B / C" where 6.1, 6.12 and newer kernels differ (the last one stands for what is newer).  With NINEROOT_TEST_PRINT the tables are
printed as they are; with NINEROOT_TEST_LONG the newest kernel of all is among them.
"""
import json
import os
import re
import shutil
import time

from guest import BIN, check, check_equal, finish, nineroot
from kernel_tree import SUITES, kernel_tree, release
from probed_guest import PATIENCE, ProbedGuest, Watch, probed_tree, watch_directory

CACHES = ("none", "mmap", "loose")
WHEN = ("alone", "refresh", "watch")
OLD, NEW = "first content", "FIRST CONTENT"


def edit(here):
    with open(here / "f", "r+") as file:
        file.write(NEW)


def append(here):
    with open(here / "f", "a") as file:
        file.write(" and more")


def replace(here):
    (here / "other").write_text("of another")
    (here / "other").rename(here / "f")


def change_attributes(here):
    os.setxattr(here / "f", "user.virtfs.mode", (0o100640).to_bytes(4, "little"))
    os.setxattr(here / "f", "user.virtfs.uid", (77).to_bytes(4, "little"))


def become_directory(here):
    (here / "f").unlink()
    (here / "f").mkdir()


def make_link(here):
    (here / "f").write_text("old-target")
    os.setxattr(here / "f", "user.virtfs.mode", (0o120777).to_bytes(4, "little"))


def make_directory(here):
    (here / "d").mkdir()
    (here / "d/f").write_text(OLD)


def quoted(text):
    return f'"{text}"'


def content(guest, path, expected):
    """Of a file by its name, or by the descriptor held in a slot ("@slot")."""
    read, look = ("held-read", "held-look") if path[0] == "@" else ("read", "look")
    path = path.removeprefix("@")
    text = guest.ask(read, path)
    size = guest.ask(look, path).split()[-1]
    if text[0] != '"':
        return "new" if text == expected else "error"
    if text == quoted(expected) and size == str(len(expected)):
        return "new"
    if text == quoted(OLD) and size == str(len(OLD)):
        return "old"
    # Never anything but old and new bytes, and zeros, which the probe shows as '?'.
    for at, byte in enumerate(text[1:-1]):
        check(f"{path} is a mixture of old and new: {text}", byte in (OLD + 99 * "?")[at] + (expected + 99 * "?")[at] + "?")
    return "mixed"


def seen(answer, old, new):
    return {new: "new", old: "old", "SIGBUS": "error"}.get(answer, f"unexpected {answer}")


def word(answer):
    """Whether something is there, and of what type."""
    return answer.split()[0]


def moved(guest, old, new):
    """A thing that left one name for another."""
    there = guest.ask("read", new) == quoted(OLD)
    left = word(guest.ask("look", old)) == "ENOENT"
    return "new" if there and left else "old" if not there and not left else "both" if there else "lost"


def attributes(answer):
    return " ".join(answer.split()[1:3])


TRUNCATED = OLD[:5]
FILE = lambda here: (here / "f").write_text(OLD)
READ = lambda guest, p: guest.ask("read", f"{p}/f")
HOLD = lambda guest, p: (guest.ask("hold", f"{p}", f"{p}/f"), guest.ask("held-read", f"{p}"))
MAP = lambda guest, p: (guest.ask("map", p, f"{p}/f"), guest.ask("mapped", p))
ATTRIBUTES = ("644 0:0", "640 77:0")

# table: {row: (made on the host, primed in the guest, changed on the host, seen by the guest)}
TABLES = {
    "closed": {
        "edited in place": (FILE, READ, edit, lambda g, p: content(g, f"{p}/f", NEW)),
        "appended to": (FILE, READ, append, lambda g, p: content(g, f"{p}/f", OLD + " and more")),
        "truncated": (FILE, READ, lambda h: os.truncate(h / "f", 5), lambda g, p: content(g, f"{p}/f", TRUNCATED)),
        "replaced by rename": (FILE, READ, replace, lambda g, p: content(g, f"{p}/f", "of another")),
        "deleted": (FILE, READ, lambda h: (h / "f").unlink(), lambda g, p: content(g, f"{p}/f", "ENOENT")),
        "renamed": (FILE, READ, lambda h: (h / "f").rename(h / "g"), lambda g, p: moved(g, f"{p}/f", f"{p}/g")),
        "owner or mode changed": (FILE, READ, change_attributes,
                                  lambda g, p: seen(attributes(g.ask("look", f"{p}/f")), *ATTRIBUTES)),
        "became a directory": (FILE, READ, become_directory,
                               lambda g, p: seen(word(g.ask("look", f"{p}/f")), "file", "dir")),
        "symlink retargeted": (make_link, lambda g, p: g.ask("target", f"{p}/f"),
                               lambda h: (h / "f").write_text("new"),
                               lambda g, p: seen(g.ask("target", f"{p}/f"), "old-target", "new")),
        "new": (lambda h: None, lambda g, p: g.ask("names", p), FILE, lambda g, p: content(g, f"{p}/f", OLD)),
        "new, found absent before": (lambda h: None, READ, FILE,
                                     lambda g, p: seen(word(g.ask("look", f"{p}/f")), "ENOENT", "file")),
        "directory moved": (make_directory, lambda g, p: g.ask("read", f"{p}/d/f"),
                            lambda h: (h / "d").rename(h / "e"), lambda g, p: moved(g, f"{p}/d/f", f"{p}/e/f")),
        "listed directory": (FILE, lambda g, p: g.ask("names", p), lambda h: (h / "f").rename(h / "g"),
                             lambda g, p: seen(g.ask("names", p), "f", "g")),
    },
    "open, by descriptor": {
        "edited in place": (FILE, HOLD, edit, lambda g, p: content(g, f"@{p}", NEW)),
        "appended to": (FILE, HOLD, append, lambda g, p: content(g, f"@{p}", OLD + " and more")),
        "truncated": (FILE, HOLD, lambda h: os.truncate(h / "f", 5), lambda g, p: content(g, f"@{p}", TRUNCATED)),
        "replaced by rename": (FILE, HOLD, replace, lambda g, p: content(g, f"@{p}", "of another")),
        "deleted": (FILE, HOLD, lambda h: (h / "f").unlink(), lambda g, p: content(g, f"@{p}", "ENOENT")),
        "owner or mode changed": (FILE, HOLD, change_attributes,
                                  lambda g, p: seen(attributes(g.ask("held-look", p)), *ATTRIBUTES)),
    },
    "open, by name": {
        "edited in place": (FILE, HOLD, edit, lambda g, p: content(g, f"{p}/f", NEW)),
        "appended to": (FILE, HOLD, append, lambda g, p: content(g, f"{p}/f", OLD + " and more")),
        "truncated": (FILE, HOLD, lambda h: os.truncate(h / "f", 5), lambda g, p: content(g, f"{p}/f", TRUNCATED)),
        "replaced by rename": (FILE, HOLD, replace, lambda g, p: content(g, f"{p}/f", "of another")),
        "deleted": (FILE, HOLD, lambda h: (h / "f").unlink(), lambda g, p: content(g, f"{p}/f", "ENOENT")),
        "renamed": (FILE, HOLD, lambda h: (h / "f").rename(h / "g"), lambda g, p: moved(g, f"{p}/f", f"{p}/g")),
        "owner or mode changed": (FILE, HOLD, change_attributes,
                                  lambda g, p: seen(attributes(g.ask("look", f"{p}/f")), *ATTRIBUTES)),
        "became a directory": (FILE, HOLD, become_directory,
                               lambda g, p: seen(word(g.ask("look", f"{p}/f")), "file", "dir")),
        "directory moved": (make_directory, lambda g, p: (g.ask("hold", p, f"{p}/d"), g.ask("read", f"{p}/d/f")),
                            lambda h: (h / "d").rename(h / "e"), lambda g, p: moved(g, f"{p}/d/f", f"{p}/e/f")),
    },
    "mapped": {
        "edited in place": (FILE, MAP, edit, lambda g, p: seen(g.ask("mapped", p), quoted(OLD), quoted(NEW))),
        "appended to": (FILE, MAP, append, lambda g, p: seen(g.ask("mapped", p), quoted(OLD), quoted(OLD + " and more"))),
        "truncated": (FILE, MAP, lambda h: os.truncate(h / "f", 5),
                      lambda g, p: seen(g.ask("mapped", p), quoted(OLD), quoted(TRUNCATED))),
        "replaced by rename": (FILE, MAP, replace, lambda g, p: seen(g.ask("mapped", p), quoted(OLD), quoted("of another"))),
        "deleted": (FILE, MAP, lambda h: (h / "f").unlink(), lambda g, p: seen(g.ask("mapped", p), quoted(OLD), "SIGBUS")),
    },
}

# What who watches a directory is told, and who watches the file itself: {row: (made, changed)}.
EVENTS = {
    "edited in place": (FILE, edit),
    "appended to": (FILE, append),
    "truncated": (FILE, lambda h: os.truncate(h / "f", 5)),
    "replaced by rename": (FILE, replace),
    "deleted": (FILE, lambda h: (h / "f").unlink()),
    "renamed": (FILE, lambda h: (h / "f").rename(h / "g")),
    "owner or mode changed": (FILE, change_attributes),
    "new": (lambda h: None, FILE),
    "new directory": (lambda h: None, lambda h: (h / "f").mkdir()),
    "directory deleted": (lambda h: (h / "f").mkdir(), lambda h: (h / "f").rmdir()),
}


def slug(text):
    return re.sub(r"[^a-z]+", "-", text)


class Round:
    """All rows once, each in a directory of its own below srv/NAME."""

    def __init__(self, guest, name):
        self.guest = guest
        self.top = guest.tree / "srv" / name
        shutil.rmtree(self.top, ignore_errors=True)
        self.rows = [(table, row, *steps) for table, rows in TABLES.items() for row, steps in rows.items()]
        for table, row, make, _, _, _ in self.rows:
            here = self.top / slug(table) / slug(row)
            here.mkdir(parents=True)
            make(here)

    def path(self, table, row):
        return f"/srv/{self.top.name}/{slug(table)}/{slug(row)}"

    def prime(self):
        for table, row, _, prime, _, _ in self.rows:
            prime(self.guest, self.path(table, row))

    def change(self):
        for table, row, _, _, change, _ in self.rows:
            change(self.top / slug(table) / slug(row))

    def look(self):
        return {(table, row): look(self.guest, self.path(table, row)) for table, row, _, _, _, look in self.rows}


def events_of(guest, watch):
    """{row: what the directory's watcher was told, of "f" without the name}."""
    top = guest.tree / "srv/events"
    shutil.rmtree(top, ignore_errors=True)
    for row, (make, _) in EVENTS.items():
        (top / slug(row)).mkdir(parents=True)
        make(top / slug(row))
    watch.settle()
    for row in EVENTS:
        path = f"/srv/events/{slug(row)}"
        watch_directory(guest, path)
        guest.ask("names", path)
    for row, (_, change) in EVENTS.items():
        change(top / slug(row))
    watch.settle()
    told = {}
    for row in EVENTS:
        path = f"/srv/events/{slug(row)}"
        # Newer kernels know that "other", from which "f" is renamed, was never there.
        lines = guest.ask("events", path).split()
        told[row] = " ".join(line for line in lines if not line.startswith("other"))
    return told


def own_changes(guest, watch):
    """What the guest itself does is not undone by its echo from the host."""
    watch_directory(guest, "/srv/own")
    guest.ask("write", "/srv/own/f", "a" * 2000)
    for _ in range(20):
        guest.ask("append", "/srv/own/f", "b" * 1000)
    guest.ask("mkdir", "/srv/own/d")
    guest.ask("rename", "/srv/own/d", "/srv/own/e")
    watch.settle()
    # 6.1 does not write out on close with cache=loose.
    check_equal("refresh of all writes out", nineroot("refresh", str(guest.tree)).returncode, 0)
    check_equal("a file that the guest writes keeps its size", guest.ask("look", "/srv/own/f").split()[-1], "22000")
    check_equal("on the host too", (guest.tree / "srv/own/f").stat().st_size, 22000)
    check_equal("a directory that the guest moves stays", word(guest.ask("look", "/srv/own/e")), "dir")
    check_equal("and its old name is gone", guest.ask("look", "/srv/own/d"), "ENOENT")
    told = guest.ask("events", "/srv/own").split()
    names = [event for event in told if event not in ("f:MODIFY", "f:ATTRIB", "f:CLOSE_WRITE")]
    check_equal("who watches is told once of the guest's own names", names,
                ["f:CREATE", "d:CREATE", "d:MOVED_FROM", "e:MOVED_TO"])
    writes = told.count("f:CLOSE_WRITE")
    check("and of what it wrote once or twice", 21 <= writes <= 42, writes)


def unused_watched_directory(guest, cache):
    """What docs/coherence.md says of inotify in a directory that nobody uses, whoever makes the change."""
    guest.ask("watch", "/srv/unused")
    guest.ask("mkdir", "/srv/unused/d")
    check_equal(f"{cache}: events in a directory that is watched and not in use", guest.ask("events", "/srv/unused"),
                "d:CREATE" if cache == "loose" else "")


def run(suite, cache):
    """({(when, table, row): word}, {row: events})."""
    tree = probed_tree(suite, "own", "unused")
    check_equal("what does not run is not refreshed", nineroot("refresh", str(tree)).returncode, 1)
    guest = ProbedGuest(tree, cache)
    left_alone = None
    try:
        for path in ("srv", "/srv/..", "/srv/."):
            check_equal(f"{path} is refused as usage", nineroot("refresh", str(tree), path).returncode, 2)
        words = {}
        first = Round(guest, "a")
        first.prime()
        first.change()
        words |= {("alone", *key): value for key, value in first.look().items()}
        refreshed = nineroot("refresh", str(tree), "/srv/a", "--json")
        check_equal("refresh ends well", refreshed.returncode, 0)
        check("and says what it did", json.loads(refreshed.stdout)["everything"] is False, refreshed.stdout)
        words |= {("refresh", *key): value for key, value in first.look().items()}
        whole = json.loads(nineroot("refresh", str(tree), "--json").stdout)
        check("a refresh of everything says so", whole["everything"], whole)
        second = Round(guest, "b")
        second.prime()
        watch = Watch(guest)
        second.change()
        watch.settle()
        words |= {("watch", *key): value for key, value in second.look().items()}
        told = events_of(guest, watch)
        own_changes(guest, watch)
        unused_watched_directory(guest, cache)
        watch.end()
        left_alone = Watch(guest)
        return words, told
    finally:
        guest.end()
        if left_alone:
            check_equal("a watch ends well with the machine", left_alone.process.wait(PATIENCE), 0)


def parse(text):
    """{(table, row): [cells]} of all tables under headings that TABLES, or the events, have."""
    cells = {}
    heading = ""
    is_table = False
    for line in text.splitlines():
        if line.startswith("#"):
            heading = line.strip("# ").lower()
        # What is before the dashes are the columns' names.
        is_table = line.startswith("|") and (is_table or line.startswith("|--"))
        if is_table and not line.startswith("|--") and (heading in TABLES or heading == "events"):
            row, *rest = [cell.strip() for cell in line.strip().strip("|").split("|")]
            cells[heading, row] = rest
    return cells


def expected(cell, suite):
    parts = [part.strip() for part in cell.split("/")]
    return parts[min(SUITES.index(suite), len(parts) - 1)]


def print_tables(results):
    """As the document should have them."""
    def cell(cache, look):
        words = [look(*results[suite, cache]) for suite in SUITES if (suite, cache) in results]
        while len(words) > 1 and words[-1] == words[-2]:
            words.pop()
        return " / ".join(words)

    for table, rows in TABLES.items():
        print(f"\n## {table}")
        for row in rows:
            cells = [cell(cache, lambda words, _: words[when, table, row]) for when in WHEN for cache in CACHES]
            print(f"| {row} | " + " | ".join(cells) + " |")
    print("\n## events")
    for row in EVENTS:
        print(f"| {row} | " + " | ".join(cell(cache, lambda _, told: told[row]) for cache in CACHES) + " |")


def judge(results):
    document = parse((BIN / "coherence.md").read_text())
    tests = {(table, row) for table, rows in TABLES.items() for row in rows} | {("events", row) for row in EVENTS}
    check_equal("the document has a row for each test and a test for each row", sorted(set(document) ^ tests), [])
    for (suite, cache), (words, told) in results.items():
        column = CACHES.index(cache)
        for (when, table, row), word_seen in words.items():
            cell = document[table, row][WHEN.index(when) * len(CACHES) + column]
            check_equal(f"{suite}, {cache}, {when}: {table}, {row}", word_seen, expected(cell, suite))
        for row, events_seen in told.items():
            check_equal(f"{suite}, {cache}: events of {row}", events_seen, expected(document["events", row][column], suite))


suites = list(SUITES[:2]) + ([SUITES[2]] if os.environ.get("NINEROOT_TEST_LONG") else [])
results = {}
for one_suite in suites:
    for one_cache in CACHES:
        begun = time.monotonic()
        results[one_suite, one_cache] = run(one_suite, one_cache)
        print(f"{one_suite} ({release(kernel_tree(one_suite))}), {one_cache}: {time.monotonic() - begun:.0f} s", flush=True)
latencies = sorted(Watch.latencies)
print(f"a change reached the guest after {latencies[len(latencies) // 2]:.2f} s, "
      f"at most {latencies[-1]:.2f} s, of {len(latencies)}")
if os.environ.get("NINEROOT_TEST_PRINT"):
    print_tables(results)
else:
    judge(results)
finish()

"""libfuse's test_syscalls: system calls and their results, as libfuse judges its own file systems."""
import re

from compare import both
from report import finish
from suite import built, outcome

PROGRAM = built("test_syscalls", "libfuse test_syscalls") / "test_syscalls"


def run(place):
    results = {}
    for words in ([], ["-u"]):
        status, said = outcome([PROGRAM, place, f":{place}", *words], place)
        label = "unlinked " if words else ""
        for line in said.splitlines():
            found = re.match(r"\s*(\d+ \[.*?\]) (.*)", line)
            if found and (found[2] != "OK" or label + found[1] not in results):
                results[label + found[1]] = "" if found[2] == "OK" else found[2]
        if status != 0 and not any(results.values()):
            results[f"{label}exit status"] = f"{status}: {said[-500:]}"
    return results


both("test_syscalls", run)
finish()

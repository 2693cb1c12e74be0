"""How a suite is found and its programs are run: what the checks beside this share before they read the answers."""
import os
import pathlib
import subprocess

from report import skip, version

SUITES = pathlib.Path("/opt/nineroot")


def built(name, title):
    """The folder of a suite that tests/suites/build has made; where it was not, the check says that it did not run."""
    folder = SUITES / name
    if not folder.exists():
        skip("the suites are not built; tests/suites/build makes them")
    version(f"{title}, Linux {os.uname().release}")
    return folder


def outcome(command, place, seconds=1200, **environment):
    """The exit status of a program whose directory is `place`, 124 if its time was up, and all that it said."""
    # timeout(1) ends what the program has started, too, which would else keep the pipe open.
    done = subprocess.run(
        ["timeout", "--kill-after=10", str(seconds), *command],
        cwd=place,
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
    )
    return done.returncode, done.stdout


def script_results(tests, place, but=()):
    """{test: "" or how it failed} of a folder of shell scripts that speak TAP, as pjd-fstest and pjdfstest have them."""
    results = {}
    for script in sorted(tests.glob("*/*.t")):
        if script.parent.name in but:
            continue
        name = f"{script.parent.name}/{script.stem}"
        status, said = outcome(["sh", script], place)
        planned, ran, failed = 0, 0, []
        for line in said.splitlines():
            words = line.split()
            if line.startswith("1.."):
                planned = int(words[0][3:])
            elif words[:1] == ["ok"] or words[:2] == ["not", "ok"]:
                ran += 1
                number = words[words.index("ok") + 1]
                # What its authors expect to fail is no failure.
                is_good = words[0] == "ok" or "TODO" in words
                results[f"{name} {number}"] = "" if is_good else line
                if not is_good:
                    failed.append(number)
        print(f"{name} in {place}: {planned} tests{', failed: ' if failed else ''}{' '.join(failed)}", flush=True)
        if ran != planned:
            results[f"{name} all"] = f"{ran} tests of {planned} ran, exit status {status}: {said[-300:]}"
    return results

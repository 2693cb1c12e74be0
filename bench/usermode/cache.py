"""What takes long to get is kept outside of the tree, for every checkout and every run."""
import os
import pathlib
import shutil
import subprocess
import sys


def directory(name: str = "uml") -> pathlib.Path:
    base = os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache"
    path = pathlib.Path(base) / "nineroot" / name
    path.mkdir(parents=True, exist_ok=True)
    return path


def need(*tools: str, package: str = ""):
    """Ends with a hint unless the programs are there."""
    missing = [tool for tool in tools if shutil.which(tool) is None]
    if missing:
        sys.exit(f"bench: {', '.join(missing)} not found\n  hint: install {package or ' '.join(missing)}")


def run(words, log: pathlib.Path, **keywords):
    """Runs a long command; its output is in `log`, whose end is shown if it fails."""
    with log.open("ab") as output:
        done = subprocess.run(words, stdout=output, stderr=subprocess.STDOUT,
                              stdin=subprocess.DEVNULL, check=False, **keywords)
    if done.returncode != 0:
        end = log.read_text(errors="replace").splitlines()[-15:]
        sys.exit("\n".join([f"bench: {words[0]} failed ({done.returncode}); {log}:", *end]))

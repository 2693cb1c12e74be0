"""A real repository in a tar file, made from this checkout: its files, committed anew."""
import pathlib
import shutil
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]
PARTS = ("src", "tests", "docs", "tools", "scripts", "fuzz", "bench")


def make(archive: pathlib.Path, parts=PARTS, is_packed: bool = False) -> int:
    """Writes `archive`; returns how many files are tracked.  Packed, git keeps them in one file."""
    tree = archive.parent / "repository"
    for part in parts:
        shutil.copytree(ROOT / part, tree / part, ignore=shutil.ignore_patterns("__pycache__"))
    git = ["git", "-C", str(tree), "-c", "user.name=bench", "-c", "user.email=bench@localhost"]
    steps = [["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "all"]]
    for words in steps + [["gc", "-q"]] * is_packed:
        subprocess.run([*git, *words], check=True)
    tracked = subprocess.run([*git, "ls-files"], check=True, capture_output=True, text=True).stdout
    subprocess.run(["tar", "-c", "-f", archive, "-C", tree.parent, tree.name], check=True)
    shutil.rmtree(tree)
    return len(tracked.splitlines())

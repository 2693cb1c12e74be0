"""What bench/ring and bench/scale measure: the release build's programs, and where their trees are made."""
import os
import pathlib
import subprocess
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[1]
BUILD = ROOT / "build" / "release"


def driver(name: str) -> str:
    """A program of bench/NAME, built with nineroot."""
    subprocess.run(["cmake", "--preset", "release"], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    subprocess.run(["cmake", "--build", BUILD, "--target", "nineroot", name], check=True,
                   stdout=subprocess.DEVNULL)
    return str(BUILD / "bench" / name / name)


def program() -> str:
    return os.environ.get("NINEROOT", str(BUILD / "src" / "cli" / "nineroot"))


def place() -> str:
    """Memory, where that takes user xattrs."""
    shared = "/dev/shm"
    try:
        with tempfile.NamedTemporaryFile(dir=shared) as probe:
            os.setxattr(probe.name, "user.nineroot", b"x")
        return shared
    except OSError:
        return tempfile.gettempdir()

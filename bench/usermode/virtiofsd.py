"""Finds virtiofsd, or gets Debian's own package with its libraries into the cache, without root."""
import os
import pathlib
import shutil
import subprocess
import tempfile

from . import cache

RELEASE = "trixie"
PLACES = ("/usr/libexec/virtiofsd", "/usr/lib/virtiofsd")


def mirror() -> str:
    """The mirror of Debian itself that this host's apt uses; empty: mmdebstrap's own choice."""
    words = ["apt-get", "indextargets", "--format", "$(REPO_URI) $(ORIGIN)", "Created-By: Packages"]
    listed = subprocess.run(words, text=True, capture_output=True, check=False).stdout
    for line in listed.splitlines():
        uri, _, origin = line.partition(" ")
        if origin == "Debian" and "security" not in uri:
            return uri
    return ""


def is_rust(program: str) -> bool:
    """QEMU's old one in C had the same name."""
    done = subprocess.run([program, "--version"], text=True, capture_output=True, check=False)
    return done.returncode == 0 and done.stdout.startswith("virtiofsd ")


def fetch(tree: pathlib.Path):
    log = cache.directory() / "virtiofsd.log"
    log.unlink(missing_ok=True)
    with tempfile.TemporaryDirectory(prefix="virtiofsd-", dir=cache.directory()) as work:
        archive, unpacked = pathlib.Path(work) / "packages.tar", pathlib.Path(work) / "tree"
        unpacked.mkdir()
        mode = "root" if os.geteuid() == 0 else "unshare"
        cache.run(["mmdebstrap", f"--mode={mode}", "--variant=extract", "--include=virtiofsd",
                   RELEASE, archive, *filter(None, [mirror()])], log)
        cache.run(["tar", "-x", "-C", unpacked, "--exclude=./dev", "--no-same-owner", "-f", archive],
                  log)
        unpacked.rename(tree)


def get():
    """(command to begin with, version); (None, why not) where there is none."""
    named = os.environ.get("NINEROOT_VIRTIOFSD") or shutil.which("virtiofsd")
    command = next(([place] for place in (named, *PLACES)
                    if place and os.access(place, os.X_OK) and is_rust(place)), None)
    if command is None:
        tree = cache.directory() / f"virtiofsd-{RELEASE}"
        if not tree.exists():
            if shutil.which("mmdebstrap") is None:
                return None, "no virtiofsd here, and no mmdebstrap to get one"
            print(f"getting virtiofsd of Debian {RELEASE} once", flush=True)
            fetch(tree)
        # Its own libc: this host's may be older.
        command = [str(tree / "usr/lib64/ld-linux-x86-64.so.2"), "--library-path",
                   str(tree / "usr/lib/x86_64-linux-gnu"), str(tree / "usr/libexec/virtiofsd")]
    done = subprocess.run([*command, "--version"], text=True, capture_output=True, check=False)
    if done.returncode != 0:
        return None, f"virtiofsd does not start: {done.stderr.strip()}"
    return command, done.stdout.strip()

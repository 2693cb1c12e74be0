"""Builds the User Mode Linux kernel from Debian's source package, once: kernel.config is all that it
has.  The source comes through this host's own apt, whatever that is configured to use."""
import hashlib
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

from . import cache

CONFIG = pathlib.Path(__file__).with_name("kernel.config")
PACKAGES = ("linux-source-6.12", "linux-source-6.1", "linux-source")
TOOLS = ("make", "gcc", "flex", "bison", "bc", "xz", "dpkg-deb", "apt-get", "apt-cache")


def candidate():
    """(package, version) of the first that apt has."""
    for package in PACKAGES:
        policy = subprocess.run(["apt-cache", "policy", package], text=True, check=False,
                                capture_output=True).stdout
        for line in policy.splitlines():
            name, _, version = line.strip().partition(": ")
            if name == "Candidate" and version != "(none)":
                return package, version
    sys.exit("uml: apt knows no kernel source\n  hint: apt-get update; it needs one of "
             + ", ".join(PACKAGES))


def check_config(built: pathlib.Path):
    """`make` drops silently what depends on something that is missing."""
    have = set(built.read_text().splitlines())
    lost = [line for line in CONFIG.read_text().splitlines()
            if line.startswith("CONFIG_") and not line.endswith("=n") and line not in have]
    if lost:
        sys.exit("uml: this kernel source does not know " + " ".join(lost))


def build(package: str, work: pathlib.Path, log: pathlib.Path) -> pathlib.Path:
    """The program, below `work`."""
    source, output = work / "source", work / "build"
    for path in (source, output):
        path.mkdir()
    cache.run(["apt-get", "download", package], log, cwd=work)
    cache.run(["sh", "-c", "dpkg-deb --fsys-tarfile ./*.deb | tar -x --wildcards './usr/src/*.tar.xz'"],
              log, cwd=work)
    archive = next((work / "usr" / "src").glob("*.tar.xz"))
    cache.run(["tar", "-x", "-J", "--strip-components=1", "-C", source, "-f", archive], log)
    compiler = ["CC=ccache gcc"] if shutil.which("ccache") else []
    make = ["nice", "-n", "10", "make", "-C", source, "ARCH=um", f"O={output}", *compiler]
    cache.run([*make, "allnoconfig"], log, env={**os.environ, "KCONFIG_ALLCONFIG": str(CONFIG)})
    check_config(output / ".config")
    cache.run([*make, f"-j{len(os.sched_getaffinity(0))}", "linux"], log)
    return output / "linux"


def get():
    """(program, description), built if need be, which takes minutes and 3 GB for as long."""
    cache.need("apt-cache", package="apt")
    package, version = candidate()
    key = hashlib.sha256(CONFIG.read_bytes()).hexdigest()[:12]
    program = cache.directory() / f"linux-{version}-{key}"
    if not program.exists():
        cache.need(*TOOLS, package="build-essential flex bison bc xz-utils")
        log = cache.directory() / "kernel.log"
        log.unlink(missing_ok=True)
        print(f"building User Mode Linux of {package} {version} once; {log}", flush=True)
        with tempfile.TemporaryDirectory(prefix="kernel-", dir=cache.directory()) as work:
            built = build(package, pathlib.Path(work), log)
            built.rename(program)
    return program, f"{package} {version}"

"""stress-ng's file-system class, each stressor by itself and with --verify: what it writes it reads back and compares."""
import os
import re
import subprocess

from compare import both
from report import finish, need, sh, version

need("stress-ng")
version(sh("stress-ng --version | head -n1 | grep -o 'version [0-9.]*' | sed 's/version/stress-ng/'"))
SECONDS = int(os.environ.get("STRESS_SECONDS", "3"))
# Stressors of the class that look at block devices, /proc or other places than the directory they are given, or that
# only measure, are left out.
STRESSORS = """access acl chattr chdir chmod chown copy-file dentry dir dirdeep dirmany dup eventfd fallocate fanotify
  fcntl fiemap file-ioctl filename filerace flock flushcache fpunch fsize fstat getdents handle hdd inode-flags
  inotify io iomix lease link locka lockf lockmix lockofd metamix mmap mmapfixed mmapfork msync open rename
  readahead revio rotate seek sendfile splice symlink sync-file touch truncate umask unlink utime
  verity xattr""".split()


def run(place):
    available = sh("stress-ng --stressors").split()
    results = {}
    for name in (s for s in STRESSORS if s in available):
        done = subprocess.run(
            [
                "stress-ng",
                "--" + name,
                "2",
                "--verify",
                "--timeout",
                str(SECONDS),
                "--temp-path",
                str(place),
                "--hdd-bytes",
                "8m",
                "--iomix-bytes",
                "8m",
                "--seek-size",
                "8m",
                "--mmap-bytes",
                "8m",
                "--mmap-file",
                "--msync-bytes",
                "4m",
                "--no-rand-seed",
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=900,
            check=False,
        )
        if re.search(r"skipp|not implemented", done.stdout) and done.returncode in (0, 3, 4):
            continue
        bad = [line for line in done.stdout.splitlines() if re.search(r"\bfail:|error:", line)]
        # 3 and 4: no resources for it or not implemented here; nothing was verified.
        if done.returncode not in (3, 4):
            results[name] = "" if done.returncode == 0 else f"exit status {done.returncode}: {' | '.join(bad)[:300]}"
    return results


both("stress_ng", run, is_long=True)
finish()

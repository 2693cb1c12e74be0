"""stress-ng's file-system class, each stressor by itself and with --verify: what it writes it reads back and compares."""
import os
import re

from compare import both
from report import finish, need, sh, version
from suite import outcome

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


SIZES = "--hdd-bytes 8m --iomix-bytes 8m --seek-size 8m --mmap-bytes 8m --mmap-file --msync-bytes 4m".split()


def run(place):
    available = sh("stress-ng --stressors").split()
    results = {}
    for name in (s for s in STRESSORS if s in available):
        command = ["stress-ng", "--" + name, "2", "--verify", "--timeout", str(SECONDS), "--temp-path", place]
        status, said = outcome([*command, *SIZES, "--no-rand-seed"], place, 900)
        # 3 and 4: no resources for it, or not implemented here; nothing was verified.
        if status in (3, 4) or (status == 0 and re.search(r"skipp|not implemented", said)):
            print(f"{name}: verified nothing here", flush=True)
            continue
        bad = [line for line in said.splitlines() if re.search(r"\bfail:|error:", line)]
        results[name] = "" if status == 0 else f"exit status {status}: {' | '.join(bad)[:300]}"
    return results


both("stress_ng", run, is_long=True)
finish()

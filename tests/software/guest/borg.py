"""borg: init, create, a killed create, check --verify-data, extract equal to the source."""
import signal
import subprocess
import time

from report import attempt, check, check_equal, finish, need, sh, version, work_place

need("borg")
version(sh("borg --version"))
place = work_place("borg")
KEY = "export BORG_PASSPHRASE=x BORG_BASE_DIR=/root BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK=yes;"
sh(
    f"{KEY} mkdir source; cp -a /usr/include /etc /usr/lib/python3 source; cd source; ln etc/passwd hard; mkfifo fifo; mknod n c 1 3; "
    "setfattr -n user.note -v hello etc/passwd; chmod 4711 etc/group; chown 1:2 etc/group; cd ..; borg init -e repokey repo",
    directory=place,
)
sh(f"{KEY} borg create repo::one source", directory=place)
sh(
    "find source/include -type f -name '*.h' | head -n 200 | xargs -d '\\n' touch; cp -a /usr/share/perl5 source",
    directory=place,
)
killed = subprocess.Popen(
    ["bash", "-c", f"{KEY} exec borg create repo::killed source /usr/share"], cwd=place, stderr=subprocess.DEVNULL
)
time.sleep(15)
killed.send_signal(signal.SIGKILL)
killed.wait()
attempt(f"{KEY} borg break-lock repo", directory=place)
sh(f"{KEY} borg create repo::two source", directory=place)
sh(f"{KEY} borg check --verify-data repo", directory=place)
check_equal("the archives", sh(f"{KEY} borg list --short repo", directory=place), "one\ntwo")
sh(f"mkdir out; cd out; {KEY} borg extract ../repo::two", directory=place)
# borg keeps atime only if told to; all else is compared by rsync, with contents.
check_equal(
    "extracted is as it was",
    sh("rsync -aHAXn --checksum --delete --itemize-changes source/ out/source/", directory=place),
    "",
)
sh(f"{KEY} borg delete repo::one; borg compact repo; borg check repo", directory=place)
check("it can be removed", attempt(f"rm -rf {place}")[0] == 0)
finish()

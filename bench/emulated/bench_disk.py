"""The disk that a measuring guest gets its work from: the workload program, its job, the scripts, and
what they work on.  Mounted at /srv, read-only; nothing on it is measured."""
import pathlib
import shutil
import subprocess

from usermode import repository

from . import packages

HERE = pathlib.Path(__file__).resolve().parent
SCRIPTS = ("deep", "tar", "readdir", "compile", "git", "dpkg-verify", "apt")
MIB = 96


class BenchDisk:
    """`write` makes the image anew with another job."""

    def __init__(self, base: pathlib.Path, workload: pathlib.Path, scale: dict):
        self.image, self.content = base / "bench.ext4", base / "bench"
        self.content.mkdir()
        shutil.copy(workload, self.content / "workload")
        for script in (HERE / "software").iterdir():
            shutil.copy(script, self.content)
        (self.content / "start").chmod(0o755)
        (self.content / "scale").write_text("".join(f"{key}='{value}'\n" for key, value in scale.items()))
        archive = self.content / "repository.tar"
        self.tracked = repository.make(archive, scale["repository"].split(), is_packed=True)
        packages.make(self.content / "packages", scale["packages"])
        self.make_bundle(archive)

    def make_bundle(self, archive: pathlib.Path):
        """The same repository as one file that git can clone from."""
        work = self.content.parent / "bundled"
        work.mkdir()
        subprocess.run(["tar", "-x", "-C", work, "-f", archive], check=True)
        subprocess.run(["git", "-C", work / "repository", "bundle", "create", "-q",
                        self.content / "repository.bundle", "HEAD"], check=True)
        shutil.rmtree(work)

    def write(self, job: list):
        (self.content / "job").write_text("\n".join(job) + "\n")
        self.image.unlink(missing_ok=True)
        subprocess.run(["/sbin/mke2fs", "-q", "-t", "ext4", "-L", "bench", "-d", self.content,
                        self.image, f"{MIB}M"], check=True, stdout=subprocess.DEVNULL)

"""Debian packages to install from a local repository: pieces of this checkout, with no scripts of
their own, so that what is measured is apt and dpkg."""
import hashlib
import pathlib
import shutil
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]
NAME = "nineroot-piece"
FILES = 40


def control(number: int) -> str:
    return (f"Package: {NAME}{number}\nVersion: 1\nArchitecture: all\n"
            "Maintainer: bench <bench@localhost>\nDescription: a piece of a checkout\n")


def make(directory: pathlib.Path, count: int):
    """`count` packages of FILES files, and the index that apt reads."""
    directory.mkdir()
    sources = sorted(path for path in (ROOT / "src").rglob("*") if path.is_file())
    index = []
    for number in range(count):
        tree = directory / "tree"
        place = tree / f"usr/lib/{NAME}{number}"
        place.mkdir(parents=True)
        (tree / "DEBIAN").mkdir()
        sums = []
        for at in range(FILES):
            source = sources[(number * FILES + at) % len(sources)]
            shutil.copyfile(source, place / f"{at}-{source.name}")
            digest = hashlib.md5((place / f"{at}-{source.name}").read_bytes()).hexdigest()
            sums.append(f"{digest}  usr/lib/{NAME}{number}/{at}-{source.name}\n")
        (tree / "DEBIAN/md5sums").write_text("".join(sums))
        (tree / "DEBIAN/control").write_text(control(number))
        package = directory / f"{NAME}{number}.deb"
        subprocess.run(["dpkg-deb", "--root-owner-group", "-Zgzip", "-b", tree, package],
                       check=True, stdout=subprocess.DEVNULL)
        content = package.read_bytes()
        index.append(f"{control(number)}Filename: ./{package.name}\nSize: {len(content)}\n"
                     f"SHA256: {hashlib.sha256(content).hexdigest()}\n")
        shutil.rmtree(tree)
    (directory / "Packages").write_text("\n".join(index))

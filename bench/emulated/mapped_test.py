#!/usr/bin/env python3
"""A tree for 9P holds what the tar says, as docs/mapped-format.md tells."""
import io
import os
import pathlib
import struct
import sys
import tarfile
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from emulated import mapped  # noqa: E402


def member(name: str, kind=tarfile.REGTYPE, **more) -> tarfile.TarInfo:
    made = tarfile.TarInfo(name)
    made.type, made.uid, made.gid, made.mode = kind, 1234, 5678, 0o4751
    for key, value in more.items():
        setattr(made, key, value)
    return made


class MappedTest(unittest.TestCase):
    def setUp(self):
        # Not /tmp: it may be on a file system without user xattrs.
        scratch = tempfile.TemporaryDirectory(dir="/var/tmp")
        self.addCleanup(scratch.cleanup)
        archive, self.tree = pathlib.Path(scratch.name) / "a.tar", pathlib.Path(scratch.name) / "tree"
        with tarfile.open(archive, "w") as target:
            target.addfile(member("./dir", tarfile.DIRTYPE))
            target.addfile(member("./dir/file", size=3), io.BytesIO(b"abc"))
            target.addfile(member("./dir/hard", tarfile.LNKTYPE, linkname="./dir/file"))
            target.addfile(member("./link", tarfile.SYMTYPE, linkname="dir/file"))
            target.addfile(member("./tty", tarfile.CHRTYPE, devmajor=4, devminor=65))
        mapped.unpack(archive, self.tree)

    def number(self, path: str, name: str) -> int:
        return int.from_bytes(os.getxattr(self.tree / path, f"user.virtfs.{name}"), "little")

    def test_owner_and_mode_are_the_guests(self):
        self.assertEqual([self.number("dir/file", name) for name in ("uid", "gid", "mode")],
                         [1234, 5678, 0o104751])
        self.assertEqual((self.tree / "dir/file").stat().st_mode & 0o7777, 0o600)
        self.assertEqual(self.number("dir", "mode"), 0o044751)

    def test_a_symlink_is_a_file_with_its_target(self):
        self.assertEqual((self.tree / "link").read_bytes(), b"dir/file")
        self.assertEqual(self.number("link", "mode"), 0o120777)

    def test_a_device_keeps_its_number(self):
        self.assertEqual(self.number("tty", "mode"), 0o024751)
        self.assertEqual(os.getxattr(self.tree / "tty", "user.virtfs.rdev"),
                         struct.pack("<Q", os.makedev(4, 65)))

    def test_names_of_one_file_stay_one_file(self):
        self.assertEqual((self.tree / "dir/hard").stat().st_nlink, 2)


if __name__ == "__main__":
    unittest.main()

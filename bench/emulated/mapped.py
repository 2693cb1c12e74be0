"""Unpacks a tar as QEMU's and our servers keep a tree for a guest: owners, modes and devices in
user.virtfs.* xattrs, symlinks as files with their target as content (docs/mapped-format.md)."""
import os
import pathlib
import shutil
import stat
import struct
import tarfile

TYPES = {tarfile.DIRTYPE: stat.S_IFDIR, tarfile.SYMTYPE: stat.S_IFLNK, tarfile.CHRTYPE: stat.S_IFCHR,
         tarfile.BLKTYPE: stat.S_IFBLK, tarfile.FIFOTYPE: stat.S_IFIFO}


def attributes(member: tarfile.TarInfo) -> dict:
    kind = TYPES.get(member.type, stat.S_IFREG)
    mode = 0o777 if kind == stat.S_IFLNK else member.mode
    values = {"uid": struct.pack("<I", member.uid), "gid": struct.pack("<I", member.gid),
              "mode": struct.pack("<I", kind | mode)}
    if kind in (stat.S_IFCHR, stat.S_IFBLK):
        values["rdev"] = struct.pack("<Q", os.makedev(member.devmajor, member.devminor))
    return values


def unpack(archive: pathlib.Path, tree: pathlib.Path):
    tree.mkdir()
    with tarfile.open(archive) as source:
        for member in source:
            path = tree / member.name
            if member.isdir():
                path.mkdir(exist_ok=True)
            elif member.islnk():
                os.link(tree / member.linkname, path)
                continue
            else:
                with path.open("wb") as file:
                    if member.issym():
                        file.write(os.fsencode(member.linkname))
                    elif member.isreg():
                        shutil.copyfileobj(source.extractfile(member), file)
            path.chmod(0o700 if member.isdir() else 0o600)
            for name, value in attributes(member).items():
                os.setxattr(path, f"user.virtfs.{name}", value)
            os.utime(path, (member.mtime, member.mtime))

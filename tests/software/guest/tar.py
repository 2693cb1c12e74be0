"""tar: a system tree with all its attributes, packed and unpacked, is the same; sparse files stay sparse in content."""
from report import check_equal, finish, sh, version, work_place

version(sh("tar --version | head -n1"))
place = work_place("tar")
sh(
    "mkdir source; cp -a /etc /usr/bin /usr/include source; cd source; truncate -s 20M sparse; echo end >> sparse; "
    "mknod n b 7 9; mkfifo p; ln -s x s; ln sparse hard; setfattr -n user.a -v b etc/passwd; "
    "long=$(printf 'd%.0s' $(seq 200)); mkdir -p $long/$long/$long/$long; echo x > $long/$long/$long/$long/$long",
    directory=place,
)
sh("tar --xattrs --xattrs-include='*' --acls --selinux --numeric-owner --sparse -cf one.tar source", directory=place)
sh(
    "mkdir out; tar --xattrs --xattrs-include='*' --acls --numeric-owner --same-owner -xpf one.tar -C out",
    directory=place,
)
check_equal(
    "tar --compare finds no difference", sh("tar --compare --xattrs --acls -f one.tar 2>&1", directory=place), ""
)
check_equal(
    "nor does rsync",
    sh("rsync -aHAXn --checksum --delete --itemize-changes source/ out/source/", directory=place),
    "",
)
sh("rm -rf source out", directory=place)
finish()

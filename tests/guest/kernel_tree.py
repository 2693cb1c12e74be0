"""Kernel trees: a Debian suite's kernel, its modules, and next to nothing else.

`nineroot run TREE -- PROGRAM` boots one in seconds, as a path is a machine too: the programs under
test are static and lie in the tree.  Trees are kept below NINEROOT_HOME/kernels, one per suite.
As a program: kernel_tree.py SUITE prints the path of the suite's tree.
"""
import lzma
import os
import pathlib
import re
import shutil
import subprocess
import sys

HOME = pathlib.Path(os.environ["NINEROOT_HOME"])
BIN = pathlib.Path(__file__).resolve().parent
SUITES = ("bookworm", "trixie", "sid")
# What the init loads at once: a local file system to compare with.
MODULES = ("crc32c_generic", "loop", "ext4")
KEYRINGS = ("/usr/share/keyrings/debian-archive-keyring.pgp", "/usr/share/keyrings/debian-archive-keyring.gpg")


def output(*command, **more):
    result = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False, **more)
    if result.returncode != 0:
        sys.exit(f"FAILED: {' '.join(map(str, command))}: exit status {result.returncode}\n{result.stdout}{result.stderr}")
    return result.stdout


def mirror():
    """The one from which this host's apt has Debian itself."""
    targets = output("apt-get", "indextargets", "--format", "$(REPO_URI) $(RELEASE)", "Created-By: Packages")
    for line in targets.splitlines():
        uri, release = line.split()
        if not re.search(r"-(security|updates|backports)$|/", release) and "debian" in uri:
            return uri
    sys.exit("FAILED: apt's configuration names no Debian mirror")


def private_apt(state, suite):
    """An apt that knows one suite, with the host's ways to the network; returns its environment."""
    keyring = next(path for path in KEYRINGS if os.path.exists(path))
    for name in ("etc/apt.conf.d", "etc/preferences.d", "lists/partial", "cache/archives/partial"):
        (state / name).mkdir(parents=True)
    (state / "status").touch()
    (state / "etc/sources.list").write_text(f"deb [arch=amd64 signed-by={keyring}] {mirror()} {suite} main\n")
    network = [line for line in output("apt-config", "dump").splitlines()
               if re.match(r'Acquire::[\w:.-]+ "..*";$', line) and "IndexTargets" not in line]
    ours = {"Dir::State": state, "Dir::State::lists": state / "lists", "Dir::State::status": state / "status",
            "Dir::Cache": state / "cache", "Dir::Etc": state / "etc", "Dir::Log": state,
            "Dir::Etc::parts": state / "etc/apt.conf.d", "APT::Sandbox::User": "", "APT::Architecture": "amd64",
            "Acquire::Languages": "none", "Acquire::Retries": "3"}
    (state / "apt.conf").write_text("\n".join(network + [f'{key} "{value}";' for key, value in ours.items()]) + "\n")
    return {**os.environ, "APT_CONFIG": str(state / "apt.conf"), "LC_ALL": "C.UTF-8"}


def fetch_kernel(state, suite):
    """The package files of the suite's newest generic kernel; since 7.2 image and modules are apart."""
    env = private_apt(state, suite)
    # Again on the command line: apt reads the host's fragments before our file.
    ours = ("-qq", "-o", f"Dir::Etc={state / 'etc'}", "-o", f"Dir::Etc::parts={state / 'etc/apt.conf.d'}")
    output("apt-get", *ours, "update", env=env)

    def dependencies(package):
        return output("apt-cache", *ours[1:], "depends", package, env=env)

    image = re.search(r"Depends: (linux-image-\d\S*-amd64)\b", dependencies("linux-image-amd64")).group(1)
    release = image.removeprefix("linux-image-")
    others = re.findall(rf"Depends: (linux-(?:base|binary|modules)-{re.escape(release)})\b", dependencies(image))
    output("apt-get", *ours, "download", image, *others, env=env, cwd=state)
    return list(state.glob("linux-*.deb"))


def unpack(packages, tree):
    for name in ("boot", "dev", "proc", "sys", "run", "tmp", "sbin", "etc", "lib", "modules"):
        (tree / name).mkdir(parents=True)
    for package in packages:
        content = subprocess.run(["dpkg-deb", "--fsys-tarfile", package], capture_output=True, check=True)
        subprocess.run(["tar", "-x", "-C", tree, "--no-same-owner", "--exclude=./usr/share"], input=content.stdout, check=True)
    # /usr/lib since trixie, /lib before; with 7.2 the image lies beside the modules.
    for modules in (tree / "usr").glob("lib/modules"):
        shutil.copytree(modules, tree / "lib/modules", dirs_exist_ok=True, symlinks=True)
    shutil.rmtree(tree / "usr", ignore_errors=True)
    release = next((tree / "lib/modules").iterdir()).name
    # The package leaves the index to its installation.
    output("/sbin/depmod", "-b", tree, release)
    return release


def lay_out_modules(tree, release):
    """Copies into /modules, uncompressed, what the init shall load, with names in order."""
    base = tree / "lib/modules" / release
    needs = {}
    for line in (base / "modules.dep").read_text().splitlines():
        file, _, before = line.partition(":")
        needs[re.sub(r"\.ko.*", "", os.path.basename(file)).replace("-", "_")] = (file, before.split())
    soft = {}
    for line in (base / "modules.softdep").read_text().splitlines():
        words = line.split()
        if words[:1] == ["softdep"] and "pre:" in words:
            soft[words[1]] = words[words.index("pre:") + 1:]
    order = []

    def add(name):
        file, before = needs.get(name.replace("-", "_"), (None, []))
        if file is None or file in order:
            return
        for needed in [re.sub(r"\.ko.*", "", os.path.basename(n)) for n in before] + soft.get(name, []):
            add(needed)
        order.append(file)

    for name in MODULES:
        add(name)
    for number, file in enumerate(order):
        content = (base / file).read_bytes()
        if file.endswith(".xz"):
            content = lzma.decompress(content)
        elif file.endswith(".zst"):
            content = subprocess.run(["zstd", "-dcq", base / file], capture_output=True, check=True).stdout
        (tree / f"modules/{number:02}-{os.path.basename(file).partition('.ko')[0]}.ko").write_bytes(content)


def kernel_tree(suite):
    """The path of the suite's tree, made if it is not there; with the init of this build."""
    tree = HOME / "kernels" / suite
    if not tree.exists():
        state = HOME / "kernels" / f".{suite}-{os.getpid()}"
        try:
            packages = fetch_kernel(state, suite)
            lay_out_modules(state / "tree", unpack(packages, state / "tree"))
            (state / "tree").rename(tree)
        finally:
            shutil.rmtree(state, ignore_errors=True)
    install(BIN / "bare_init", tree / "sbin/init")
    return tree


def install(program, target):
    """A program of this build into a tree; in a mapped tree what the host calls executable is so."""
    target.unlink(missing_ok=True)
    shutil.copyfile(program, target)
    target.chmod(0o755)


def release(tree):
    return next((tree / "lib/modules").iterdir()).name


if __name__ == "__main__":
    print(kernel_tree(sys.argv[1]))

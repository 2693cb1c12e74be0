"""git: a repository of thousands of files, cloned by the transport, packed, pruned, and judged by fsck."""
import os

from report import check, check_equal, finish, need, sh, version, work_place

need("git")
version(sh("git --version"))
place = work_place("git")
# Settings for this test alone, wherever it runs.
os.environ["GIT_CONFIG_GLOBAL"] = str(place / "gitconfig")
(place / "gitconfig").write_text("[user]\nname = t\nemail = t@example.org\n[init]\ndefaultBranch = main\n[core]\nfsync = all\n")
sh(
    """
git init -q first; cd first
for from in /usr/include/linux /usr/include/x86_64-linux-gnu /usr/share/perl5 /etc; do
  cp -a --parents $from . 2>/dev/null || true
  git add -A .; git commit -q -m "all of $from"
done
for round in 1 2 3 4 5; do
  find . -name '*.h' | head -n 200 | xargs sed -i "\\$a /* $round */"
  git checkout -q -b side$round; git commit -q -a -m "change $round"
done
git mv usr/include headers; git commit -q -m moved; git tag -a -m t v1
""",
    directory=place,
)
files = int(sh("git ls-files | wc -l", directory=place / "first"))
objects = int(sh("git rev-list --objects --all | wc -l", directory=place / "first"))
check(f"{files} files, {objects} objects", files > 1000)
check_equal(
    "fsck of loose objects",
    sh(
        "git fsck --full --strict --no-dangling 2>&1 | grep -vE '^notice|^warning' || true", directory=place / "first"
    ),
    "",
)
sh("git clone -q --no-local first second", directory=place)
sh("git gc -q --prune=now", directory=place / "first")
for name in ("first", "second"):
    sh("git fsck --full --no-dangling", directory=place / name)
    check_equal(f"{name}: the tree is clean", sh("git status --porcelain", directory=place / name), "")
sh(
    "git worktree add -q ../third side2; git repack -q -a -d -f --depth=10; git checkout -q side1; git checkout -q side5",
    directory=place / "second",
)
sh("git fsck --full --no-dangling", directory=place / "second")
check_equal("a worktree is clean", sh("git status --porcelain", directory=place / "third"), "")
check_equal(
    "both have the same objects",
    sh("git rev-list --objects --all | cut -c1-40 | sort | sha256sum", directory=place / "first"),
    sh("git rev-list --objects --remotes --tags | cut -c1-40 | sort | sha256sum", directory=place / "second"),
)
check_equal(
    "and the same tree",
    sh("git rev-parse 'HEAD^{tree}'", directory=place / "first"),
    sh("git rev-parse 'HEAD^{tree}'", directory=place / "second"),
)
sh(f"rm -rf {place}")
check("all of it can be removed", not place.exists())
finish()

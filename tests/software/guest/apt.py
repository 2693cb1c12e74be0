"""apt and dpkg: update, upgrade, install, reinstall, purge; dpkg's own checksums at the end."""
from report import attempt, check_equal, finish, sh, version

APT = "DEBIAN_FRONTEND=noninteractive apt-get -q -y -o Dpkg::Options::=--force-confold"
version(sh("apt-get --version | head -n1"))
# Nothing that booting waits for needs the network: it may come up later.
sh("for i in $(seq 120); do ip route | grep -q ^default && break; sleep 1; done")
check_equal("apt-get update", attempt(f"{APT} update --error-on=any >/tmp/apt.log 2>&1 || tail -n 5 /tmp/apt.log"), (0, ""))
sh(f"{APT} upgrade")
sh(f"{APT} install --no-install-recommends hello bc ed")
check_equal("an installed program runs", sh("hello; echo 6*7 | bc"), "Hello, world!\n42")
sh(f"{APT} install --reinstall coreutils dpkg tar")
sh(f"{APT} purge hello bc ed; {APT} autoremove --purge; {APT} clean")
check_equal("purged", attempt("test -e /usr/bin/hello")[0], 1)
check_equal("dpkg --audit", sh("dpkg --audit"), "")
check_equal("apt-get check", attempt("apt-get -q check")[0], 0)
# Documentation and translations that the machine's maker left out are missing from the start.
check_equal("dpkg --verify finds no changed file", sh("dpkg --verify | grep -E '^..5' | grep -v ' c ' || true"), "")
finish()

"""sudo, ping and file capabilities: set-id bits and security.capability as the guest wrote them."""
from report import attempt, check, check_equal, client, finish, need, ordinary_user, sh, version, work_place

need("sudo", "ping", "setcap")
user = ordinary_user()
version("sudo " + sh("sudo --version | head -n1 | grep -o '[0-9].*'"))

sh(f"echo '{user} ALL=(ALL) NOPASSWD: ALL' > /etc/sudoers.d/{user}; chmod 440 /etc/sudoers.d/{user}")
check_equal("sudo makes an ordinary user root", attempt("sudo -n id -u", user), (0, "0"))
check_equal("su makes root the user", sh(f"su {user} -c 'id -un'"), user)
check("passwd is set-uid root", attempt("passwd -S", user)[0] == 0)

# Debian 12's ping has a capability; later ones are allowed to ping by a sysctl instead.
check("an ordinary user pings", attempt("ping -c 1 -W 20 127.0.0.1", user)[0] == 0)
if attempt("grep -q setcap /var/lib/dpkg/info/iputils-ping.postinst")[0] == 0:
    check("ping has the capability that its package gives", "cap_net_raw" in sh("getcap $(command -v ping)"))
sh("sysctl -q -w net.ipv4.ping_group_range='1 0'")
place = work_place("privileges")
sh(f"cp $(command -v ping) {place}/ping; chmod 755 {place}/ping")
check("a copy without the capability may not", attempt(f"{place}/ping -c 1 -W 5 127.0.0.1", user)[0] != 0)
sh(f"setcap cap_net_raw+ep {place}/ping")
check("with it, it may", attempt(f"{place}/ping -c 1 -W 20 127.0.0.1", user)[0] == 0)
check_equal("getcap tells it", sh(f"getcap {place}/ping"), f"{place}/ping cap_net_raw=ep")
sh(f"mv {place}/ping {place}/moved; ln {place}/moved {place}/linked")
check("it stays with the file by another name", "cap_net_raw=ep" in sh(f"getcap {place}/linked"))
sh(f"printf x >> {place}/moved")
if sh(f"getcap {place}/linked"):
    client("root's own write leaves a capability: Linux 6.1 does not ask for its removal with cache=none and mmap")
sh(f"setcap cap_net_raw+ep {place}/moved; chmod 777 {place}/moved")
check("another may write to it", attempt(f"printf x >> {place}/moved", user)[0] == 0)
check_equal("a write takes it away", sh(f"getcap {place}/linked"), "")
sh(f"setcap cap_net_raw+ep {place}/moved; setcap -r {place}/moved")
check_equal("setcap -r takes it away", sh(f"getcap {place}/moved"), "")

sh(f"cp /usr/bin/id {place}/id; chown root:root {place}/id; chmod 4755 {place}/id")
check_equal("set-uid", attempt(f"{place}/id -u", user), (0, "0"))
sh(f"chown {user} {place}/id")
check_equal("chown clears set-uid", sh(f"stat -c %a {place}/id"), "755")
sh(f"chmod 6755 {place}/id; chown -h {user} {place}/id; chmod 6777 {place}/id")
check(
    "a write by another clears set-uid and set-gid",
    attempt(f"printf x >> {place}/id", user)[0] == 0 and sh(f"stat -c %a {place}/id") == "777",
    sh(f"stat -c %a {place}/id"),
)
finish()

// The guest's network: systemd-networkd, which is part of systemd in every Debian, rather than
// ifupdown, which must be told each card's name beforehand.
#include <array>
#include <string>

#include "vm/furnish.h"

namespace nineroot::vm {
namespace {

using storage::GuestTree;

// A second card may carry the root itself (9P over TCP); touching it would freeze the guest.  Cards
// are matched by udev's name for their address, because MACAddress= knows no patterns.
constexpr const char* kRootCard =
    R"(# The card that carries the root file system is not to be touched.
[Match]
Property=ID_NET_NAME_MAC=enx5254003950*

[Link]
Unmanaged=yes
)";

constexpr const char* kDhcp = R"([Match]
Name=en* eth*

[Network]
DHCP=yes

[DHCPv4]
ClientIdentifier=mac
)";

// No boot waits two minutes for a network that is not there.
constexpr const char* kWaitOnline = R"([Service]
ExecStart=
ExecStart=/lib/systemd/systemd-networkd-wait-online --any --timeout=20
)";

/// The resolver of QEMU's user network, for guests without systemd-resolved.
constexpr const char* kQemuResolver = "nameserver 10.0.2.3\n";

bool has_unit(const GuestTree& tree, const std::string& unit) {
  return tree.exists("/usr/lib/systemd/system/" + unit) ||
         tree.exists("/lib/systemd/system/" + unit);
}

/// What `systemctl enable` would link: `place` is relative to /etc/systemd/system.
Outcome<void> enable(const GuestTree& tree, const std::string& unit, const std::string& place) {
  const std::string link = "/etc/systemd/system/" + place;
  TRY(context(tree.make_directories(link.substr(0, link.rfind('/'))),
              "cannot enable the guest's network"));
  const std::string directory = tree.exists("/usr/lib/systemd/system/" + unit)
                                    ? "/usr/lib/systemd/system/"
                                    : "/lib/systemd/system/";
  return context(tree.write_symlink(link, directory + unit), "cannot enable the guest's network");
}

/// Something that looks after the network already, for people; empty if nothing does.
std::string other_manager(const GuestTree& tree) {
  struct Sign {
    const char* path;
    const char* name;
  };

  constexpr std::array<Sign, 5> kSigns = {{
      {"/etc/systemd/system/multi-user.target.wants/NetworkManager.service", "NetworkManager"},
      {"/etc/systemd/system/multi-user.target.wants/dhcpcd.service", "dhcpcd"},
      {"/etc/systemd/system/multi-user.target.wants/systemd-networkd.service",
       "its own systemd-networkd"},
      {"/usr/bin/cloud-init", "cloud-init"},
      {"/usr/sbin/netplan", "netplan"},
  }};
  for (const Sign& sign : kSigns) {
    if (tree.stat_no_follow(sign.path)) {
      return sign.name;
    }
  }
  std::string interfaces = tree.read_file("/etc/network/interfaces").value_or("");
  const auto parts = tree.list("/etc/network/interfaces.d");
  for (const std::string& part : parts.value_or(std::vector<std::string>())) {
    interfaces += tree.read_file("/etc/network/interfaces.d/" + part).value_or("");
  }
  for (std::size_t at = interfaces.find("iface "); at != std::string::npos;
       at = interfaces.find("iface ", at + 1)) {
    if ((at == 0 || interfaces[at - 1] == '\n') && !interfaces.substr(at).starts_with("iface lo")) {
      return "ifupdown";
    }
  }
  return "";
}

Outcome<void> set_up_resolver(const GuestTree& tree) {
  if (has_unit(tree, "systemd-resolved.service")) {
    TRY(enable(tree, "systemd-resolved.service", "sysinit.target.wants/systemd-resolved.service"));
    TRY(enable(tree, "systemd-resolved.service", "dbus-org.freedesktop.resolve1.service"));
    return context(
        tree.write_symlink("/etc/resolv.conf", "../run/systemd/resolve/stub-resolv.conf"),
        "cannot set up the guest's resolver");
  }
  TRY(context(tree.remove_file("/etc/resolv.conf"), "cannot set up the guest's resolver"));
  return context(tree.write_file("/etc/resolv.conf", kQemuResolver),
                 "cannot set up the guest's resolver");
}

}  // namespace

Outcome<void> set_up_network(const GuestTree& tree, bool is_foreign,
                             std::vector<std::string>& notes) {
  if (!has_unit(tree, "systemd-networkd.service")) {
    notes.emplace_back("the tree has no systemd-networkd: its network is as it was");
    return {};
  }
  if (const std::string other = is_foreign ? other_manager(tree) : ""; !other.empty()) {
    notes.push_back(fmt::format("the tree's network is set up by {}: left as it is", other));
    return {};
  }
  constexpr const char* kWhat = "cannot set up the guest's network";
  TRY(context(tree.make_directories("/etc/systemd/network"), kWhat));
  TRY(context(tree.write_file("/etc/systemd/network/10-root-card.network", kRootCard), kWhat));
  TRY(context(tree.write_file("/etc/systemd/network/80-dhcp.network", kDhcp), kWhat));
  const std::string drop_in = "/etc/systemd/system/systemd-networkd-wait-online.service.d";
  TRY(context(tree.make_directories(drop_in), kWhat));
  TRY(context(tree.write_file(drop_in + "/50-any.conf", kWaitOnline), kWhat));
  TRY(enable(tree, "systemd-networkd.service", "multi-user.target.wants/systemd-networkd.service"));
  TRY(enable(tree, "systemd-networkd.service", "dbus-org.freedesktop.network1.service"));
  TRY(enable(tree, "systemd-networkd.socket", "sockets.target.wants/systemd-networkd.socket"));
  TRY(enable(tree, "systemd-networkd-wait-online.service",
             "network-online.target.wants/systemd-networkd-wait-online.service"));
  return set_up_resolver(tree);
}

}  // namespace nineroot::vm

#include "vm/furnish.h"

#include <string_view>

#include "vm/root_password.h"

namespace nineroot::vm {
namespace {

using storage::GuestTree;
using storage::Ownership;

constexpr const char* kGettyDropIn = R"([Service]
ExecStart=
ExecStart=-/sbin/agetty --autologin root --keep-baud 115200,57600,38400,9600 - $TERM
)";

constexpr const char* kHosts = R"(127.0.0.1	localhost
::1		localhost ip6-localhost ip6-loopback
ff02::1		ip6-allnodes
ff02::2		ip6-allrouters
)";

/// The text without the lines that begin with `prefix`.
std::string without_lines(std::string_view text, std::string_view prefix) {
  std::string kept;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size() - 1) + 1;
    if (!text.substr(0, end).starts_with(prefix)) {
      kept += text.substr(0, end);
    }
    text.remove_prefix(end);
  }
  if (!kept.empty() && kept.back() != '\n') {
    kept += '\n';
  }
  return kept;
}

Outcome<void> set_hostname(const GuestTree& tree, const std::string& name) {
  TRY(context(tree.make_directories("/etc"), "cannot make the guest's /etc"));
  TRY(context(tree.write_file("/etc/hostname", name + "\n"), "cannot set the guest's host name"));
  const auto present = tree.read_file("/etc/hosts");
  // Debian's way for a name without a fixed address: a line of its own on the loopback network.
  std::string hosts = without_lines(present && !present->empty() ? *present : kHosts, "127.0.1.1");
  hosts += "127.0.1.1\t" + name + "\n";
  return context(tree.write_file("/etc/hosts", hosts), "cannot write the guest's /etc/hosts");
}

Outcome<void> set_timezone(const GuestTree& tree, const std::string& zone) {
  const std::string file = "/usr/share/zoneinfo/" + zone;
  const auto info = tree.stat(file);
  if (zone.empty() || zone.find("..") != std::string::npos || !info || !info->is_regular()) {
    return std::unexpected(Failure(fmt::format("the guest does not know the time zone '{}'", zone))
                               .with_hint("give a name such as Europe/Berlin or UTC"));
  }
  TRY(context(tree.write_symlink("/etc/localtime", file), "cannot set the guest's time zone"));
  if (tree.exists("/etc/debian_version")) {
    TRY(context(tree.write_file("/etc/timezone", zone + "\n"), "cannot set the guest's time zone"));
  }
  return {};
}

Outcome<void> add_ssh_keys(const GuestTree& tree, const std::string& keys,
                           std::vector<std::string>& notes) {
  constexpr const char* kFile = "/root/.ssh/authorized_keys";
  TRY(context(tree.make_directories("/root", {.mode = 0700}), "cannot make the guest's /root"));
  TRY(context(tree.make_directories("/root/.ssh", {.mode = 0700}),
              "cannot make the guest's /root/.ssh"));
  std::string text = tree.read_file(kFile).value_or("");
  if (!text.empty() && text.back() != '\n') {
    text += '\n';
  }
  TRY(context(tree.write_file(kFile, text + keys, Ownership{.mode = 0600}),
              "cannot write the guest's authorized_keys"));
  if (!tree.exists("/usr/sbin/sshd")) {
    notes.emplace_back("the tree has no SSH server: the key waits for one to be installed");
  }
  return {};
}

Outcome<void> set_up_console(const GuestTree& tree, bool is_foreign,
                             std::vector<std::string>& notes) {
  if (is_foreign && has_root_password(tree)) {
    notes.emplace_back("root has a password in the tree: the console asks for it");
    return {};
  }
  if (!tree.exists("/usr/lib/systemd/system/serial-getty@.service") &&
      !tree.exists("/lib/systemd/system/serial-getty@.service")) {
    notes.emplace_back("the tree has no systemd console: logging in is as the tree has it");
    return {};
  }
  const std::string directory = "/etc/systemd/system/serial-getty@.service.d";
  TRY(context(tree.make_directories(directory), "cannot set up the guest's console"));
  return context(tree.write_file(directory + "/50-autologin.conf", kGettyDropIn),
                 "cannot set up the guest's console");
}

}  // namespace

Outcome<void> furnish(const GuestTree& tree, const Furnishing& wanted,
                      std::vector<std::string>& notes) {
  if (wanted.hostname) {
    TRY(set_hostname(tree, *wanted.hostname));
  }
  if (wanted.timezone) {
    TRY(set_timezone(tree, *wanted.timezone));
  }
  if (wanted.has_network) {
    TRY(set_up_network(tree, wanted.is_foreign, notes));
  }
  if (wanted.root_password_hash) {
    TRY(set_root_password(tree, *wanted.root_password_hash));
  } else if (wanted.has_console) {
    TRY(set_up_console(tree, wanted.is_foreign, notes));
  }
  if (wanted.ssh_keys) {
    TRY(add_ssh_keys(tree, *wanted.ssh_keys, notes));
  }
  return {};
}

}  // namespace nineroot::vm

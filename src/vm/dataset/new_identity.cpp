#include "vm/dataset/new_identity.h"

#include <algorithm>

#include "vm/furnish.h"

namespace nineroot::vm {
namespace {

constexpr const char* kSsh = "/etc/ssh";
constexpr const char* kUnitDirectory = "/etc/systemd/system";
constexpr const char* kUnit = "nineroot-ssh-keys.service";

// Debian makes host keys when the package is installed, not when they are missing.
constexpr const char* kUnitText =
    "[Unit]\n"
    "Description=Make the ssh host keys of a cloned machine\n"
    "Before=ssh.service sshd.service ssh.socket\n"
    "ConditionFileIsExecutable=/usr/bin/ssh-keygen\n"
    "\n"
    "[Service]\n"
    "Type=oneshot\n"
    "ExecStart=/usr/bin/ssh-keygen -A\n"
    "\n"
    "[Install]\n"
    "WantedBy=multi-user.target\n";

bool is_host_key(const std::string& name) {
  return name.starts_with("ssh_host_") && (name.ends_with("_key") || name.ends_with("_key.pub"));
}

Outcome<void> forget_host_keys(const storage::GuestTree& tree, std::vector<std::string>& notes) {
  const auto names = tree.list(kSsh);
  if (!names || std::ranges::none_of(*names, is_host_key)) {
    return {};
  }
  if (!tree.exists(kUnitDirectory)) {
    notes.emplace_back("without systemd nothing would make new ssh host keys: they are kept");
    return {};
  }
  const std::string unit = std::string(kUnitDirectory) + "/" + kUnit;
  const std::string wants = std::string(kUnitDirectory) + "/multi-user.target.wants";
  TRY(context(tree.write_file(unit, kUnitText), "cannot write " + unit));
  TRY(context(tree.make_directories(wants), "cannot make " + wants));
  TRY(context(tree.write_symlink(wants + "/" + kUnit, unit), "cannot enable " + unit));
  for (const std::string& name : *names) {
    if (is_host_key(name)) {
      TRY(context(tree.remove_file(std::string(kSsh) + "/" + name), "cannot remove " + name));
    }
  }
  return {};
}

Outcome<void> forget_machine_id(const storage::GuestTree& tree) {
  constexpr const char* kFile = "/etc/machine-id";
  if (tree.exists(kFile)) {
    TRY(context(tree.write_file(kFile, ""), "cannot empty /etc/machine-id"));
  }
  // Often a symlink to the former; a file of its own would give the old one away.
  for (const char* path : {"/var/lib/dbus/machine-id", "/var/lib/systemd/random-seed",
                           "/var/lib/systemd/credential.secret"}) {
    TRY(context(tree.remove_file(path), std::string("cannot remove ") + path));
  }
  return {};
}

}  // namespace

Outcome<void> give_new_identity(const storage::GuestTree& tree, const std::string& name,
                                std::vector<std::string>& notes) {
  TRY(forget_machine_id(tree));
  TRY(forget_host_keys(tree, notes));
  std::string hostname = name;
  std::ranges::replace(hostname, '_', '-');
  Furnishing wanted;
  wanted.hostname = hostname;
  wanted.has_network = false;
  wanted.has_console = false;
  return furnish(tree, wanted, notes);
}

}  // namespace nineroot::vm

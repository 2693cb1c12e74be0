#include "vm/debian_bootstrap.h"

#include <sched.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>
#include <fstream>
#include <optional>

#include "vm/user_name.h"

namespace nineroot::vm {
namespace {

constexpr std::uint64_t kSubordinateIds = 65536;

// Before the packages come: locales that the package then generates, and the initrd's modules, so
// that the tree also boots with its own initrd and a plain QEMU command.  $1 is the tree's root.
constexpr const char* kEssentialHook = R"sh(
chroot "$1" debconf-set-selections <<'SELECTIONS'
locales locales/locales_to_be_generated multiselect en_US.UTF-8 UTF-8, C.UTF-8 UTF-8
locales locales/default_environment_locale select C.UTF-8
SELECTIONS
mkdir -p "$1/etc/initramfs-tools/hooks"
cat > "$1/etc/initramfs-tools/hooks/9p-root" <<'HOOK'
#!/bin/sh
# Puts into the initrd what mounts a root file system over 9P.
if [ "$1" = prereqs ]; then
  exit 0
fi
. /usr/share/initramfs-tools/hook-functions
force_load 9p
force_load 9pnet_virtio
manual_add_modules 9pnet_fd virtio_pci virtio_net
HOOK
chmod 755 "$1/etc/initramfs-tools/hooks/9p-root"
)sh";

bool is_in_path(const std::string& program) {
  const char* path = std::getenv("PATH");
  std::string_view rest = path != nullptr ? path : "/usr/bin:/bin";
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find(':'), rest.size());
    const std::string candidate = std::string(rest.substr(0, end)) + "/" + program;
    if (::access(candidate.c_str(), X_OK) == 0) {
      return true;
    }
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return false;
}

/// True if `file` gives the user, by name or number, enough ids; or if it cannot tell because the
/// ranges come from elsewhere.
bool has_subordinate_ids(const char* file, const std::string& user, uid_t uid) {
  std::ifstream lines(file);
  std::uint64_t total = 0;
  for (std::string line; std::getline(lines, line);) {
    const std::size_t first = line.find(':');
    const std::size_t second = first == line.npos ? line.npos : line.find(':', first + 1);
    if (second == line.npos) {
      continue;
    }
    const std::string owner = line.substr(0, first);
    std::uint64_t count = 0;
    std::from_chars(line.data() + second + 1, line.data() + line.size(), count);
    if (owner == user || owner == std::to_string(uid)) {
      total = std::max(total, count);
    }
  }
  return total >= kSubordinateIds;
}

/// Nothing, or the errno of a child that wants a user namespace.
std::optional<Errno> try_user_namespace() {
  const pid_t child = ::fork();
  if (child < 0) {
    return Errno{errno};
  }
  if (child == 0) {
    ::_exit(::unshare(CLONE_NEWUSER) == 0 ? 0 : errno);
  }
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
    return std::nullopt;
  }
  return Errno{WIFEXITED(status) ? WEXITSTATUS(status) : EPERM};
}

Outcome<std::string> debian_architecture() {
  utsname info{};
  ::uname(&info);
  const std::string_view machine(info.machine);
  if (machine == "x86_64") {
    return "amd64";
  }
  if (machine == "aarch64") {
    return "arm64";
  }
  return failure("no Debian kernel is known for a {} host", machine);
}

bool is_plain_word(std::string_view word) {
  return !word.empty() && word.front() != '-' && std::ranges::all_of(word, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '+' || c == '.' || c == '_' || c == ':';
  });
}

std::string package_list(const DebianRequest& request, const std::string& architecture) {
  std::vector<std::string> packages = {"linux-image-" + architecture,
                                       "initramfs-tools",
                                       "zstd",
                                       "systemd-sysv",
                                       "udev",
                                       "dbus",
                                       "locales",
                                       "tzdata",
                                       "iproute2"};
  // Until bullseye the resolver is part of the package systemd.
  if (request.suite != "bullseye" && request.suite != "buster" && request.suite != "oldoldstable") {
    packages.emplace_back("systemd-resolved");
  }
  if (request.has_ssh_server) {
    packages.emplace_back("openssh-server");
  }
  packages.insert(packages.end(), request.include.begin(), request.include.end());
  return fmt::format("{}", fmt::join(packages, ","));
}

}  // namespace

Outcome<void> check_debian_host() {
  if (!is_in_path("mmdebstrap")) {
    return std::unexpected(Failure("mmdebstrap, which makes Debian trees, is not installed")
                               .with_hint("install the package mmdebstrap, or give a tar file or a "
                                          "directory with --from"));
  }
  const uid_t uid = ::geteuid();
  if (uid == 0) {
    return {};
  }
  if (!is_in_path("newuidmap")) {
    return std::unexpected(Failure("newuidmap, which mmdebstrap needs to work without root, is not "
                                   "installed")
                               .with_hint("install the package uidmap"));
  }
  const std::string user = user_name(uid);
  for (const char* file : {"/etc/subuid", "/etc/subgid"}) {
    if (!has_subordinate_ids(file, user, uid)) {
      return std::unexpected(
          Failure(
              fmt::format("{} gives the user {} no range of {} ids", file, user, kSubordinateIds))
              .with_hint(fmt::format("let an administrator run `usermod --add-subuids "
                                     "100000-165535 --add-subgids 100000-165535 {}`, with numbers "
                                     "that are nobody else's",
                                     user)));
    }
  }
  if (const auto error = try_user_namespace()) {
    return std::unexpected(
        Failure("this host lets ordinary users make no user namespaces", *error)
            .with_hint("look at the sysctls user.max_user_namespaces, "
                       "kernel.unprivileged_userns_clone and "
                       "kernel.apparmor_restrict_unprivileged_userns, or give a tar file with "
                       "--from"));
  }
  return {};
}

Outcome<std::vector<std::string>> debian_command(const DebianRequest& request) {
  if (!is_plain_word(request.suite)) {
    return std::unexpected(Failure(fmt::format("'{}' is no Debian suite", request.suite))
                               .with_hint("say debian:bookworm, debian:trixie or debian:sid")
                               .as_usage());
  }
  for (const std::string& package : request.include) {
    if (!is_plain_word(package)) {
      return std::unexpected(Failure(fmt::format("'{}' is no package's name", package)).as_usage());
    }
  }
  const std::string architecture = TRY(debian_architecture());
  const char* variant = request.is_standard  ? "standard"
                        : request.is_minimal ? "minbase"
                                             : "important";
  std::vector<std::string> command = {
      "mmdebstrap",
      ::geteuid() == 0 ? "--mode=root" : "--mode=unshare",
      "--format=tar",
      "--architectures=" + architecture,
      fmt::format("--variant={}", variant),
      "--include=" + package_list(request, architecture),
      std::string("--essential-hook=") + kEssentialHook,
      request.suite,
      "-",
  };
  command.insert(command.end(), request.mirrors.begin(), request.mirrors.end());
  return command;
}

std::string debian_phase(std::string_view line) {
  struct Phase {
    std::string_view begins;
    const char* text;
  };

  constexpr std::array<Phase, 6> kPhases = {{
      {"I: running apt-get update", "fetching the package lists"},
      {"I: downloading packages", "downloading packages"},
      {"I: extracting archives", "unpacking the base system"},
      {"I: installing essential", "installing the base system"},
      {"I: installing remaining", "installing packages and the kernel"},
      {"I: cleaning package lists", "tidying up"},
  }};
  for (const Phase& phase : kPhases) {
    if (line.starts_with(phase.begins)) {
      return phase.text;
    }
  }
  return "";
}

}  // namespace nineroot::vm

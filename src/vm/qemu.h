// Which QEMU to start, and what it can do.  What it is told is qemu_command.h's.
#pragma once

#include <compare>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "base/failure.h"

namespace nineroot::vm {

struct QemuVersion {
  int major = 0;
  int minor = 0;
  int micro = 0;

  auto operator<=>(const QemuVersion&) const = default;

  [[nodiscard]] std::string text() const;
};

/// The first release whose generic vhost-user device a user can create: 10.2.
inline constexpr QemuVersion kFirstWithVhostUser{10, 2, 0};

/// From the first line of `qemu --version`; nothing for another program's.
[[nodiscard]] std::optional<QemuVersion> parse_qemu_version(std::string_view output);

struct Qemu {
  std::filesystem::path program;
  QemuVersion version;
  bool has_vhost_user = false;  ///< The device vhost-user-test-device-pci is there.
};

/// `wanted` (from --qemu), else $NINEROOT_QEMU, else the one that scripts/get-qemu put under
/// `home`, else qemu-system-x86_64 in $PATH.  Starts it twice to ask what it can.
Outcome<Qemu> find_qemu(const std::filesystem::path& home, const std::string& wanted);

}  // namespace nineroot::vm

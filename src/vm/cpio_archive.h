// The archive format of an initramfs: cpio "newc" (Linux Documentation/driver-api/
// early-userspace/buffer-format.rst).  All files are root's.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace nineroot::vm {

/// Grows with each call; parents must come before their children.
class CpioArchive {
 public:
  void add_directory(std::string_view path, std::uint32_t permissions);
  void add_file(std::string_view path, std::uint32_t permissions, std::string_view content);
  void add_character_device(std::string_view path, std::uint32_t permissions, std::uint32_t major,
                            std::uint32_t minor);

  /// The archive with its trailer.
  [[nodiscard]] std::string finish() &&;

 private:
  struct Device {
    std::uint32_t major = 0;
    std::uint32_t minor = 0;
  };

  void add(std::string_view path, std::uint32_t mode, std::string_view content, Device device);

  std::string bytes_;
  std::uint32_t next_inode_ = 1;
};

}  // namespace nineroot::vm

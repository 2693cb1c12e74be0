#include "vm/cpio_archive.h"

#include <sys/stat.h>

#include <fmt/format.h>

namespace nineroot::vm {
namespace {

void pad_to_four(std::string& bytes) {
  bytes.resize((bytes.size() + 3) / 4 * 4, '\0');
}

}  // namespace

void CpioArchive::add_directory(std::string_view path, std::uint32_t permissions) {
  add(path, S_IFDIR | permissions, "", {});
}

void CpioArchive::add_file(std::string_view path, std::uint32_t permissions,
                           std::string_view content) {
  add(path, S_IFREG | permissions, content, {});
}

void CpioArchive::add_character_device(std::string_view path, std::uint32_t permissions,
                                       std::uint32_t major, std::uint32_t minor) {
  add(path, S_IFCHR | permissions, "", {.major = major, .minor = minor});
}

std::string CpioArchive::finish() && {
  next_inode_ = 0;
  add("TRAILER!!!", 0, "", {});
  return std::move(bytes_);
}

void CpioArchive::add(std::string_view path, std::uint32_t mode, std::string_view content,
                      Device device) {
  // Magic, then thirteen numbers of eight hexadecimal digits: ino mode uid gid nlink mtime
  // filesize devmajor devminor rdevmajor rdevminor namesize check.
  bytes_ += fmt::format(
      "070701{:08X}{:08X}{:08X}{:08X}{:08X}{:08X}{:08X}{:08X}{:08X}{:08X}{:08X}{:08X}{:08X}",
      next_inode_++, mode, 0, 0, S_ISDIR(mode) ? 2 : 1, 0, content.size(), 0, 0, device.major,
      device.minor, path.size() + 1, 0);
  bytes_ += path;
  bytes_ += '\0';
  pad_to_four(bytes_);
  bytes_ += content;
  pad_to_four(bytes_);
}

}  // namespace nineroot::vm

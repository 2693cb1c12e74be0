// A file system in memory that answers FUSE requests (linux/fuse.h).  Knows neither device nor
// thread: failing_fs.h has both.
#pragma once

#include <linux/fuse.h>
#include <sys/stat.h>

#include <cstdint>
#include <expected>
#include <map>
#include <string>
#include <string_view>

namespace nineroot::test {

class MemoryFs {
 public:
  /// The bytes behind a reply's header, or a positive errno.
  using Reply = std::expected<std::string, int>;

  MemoryFs();

  /// `body` is what follows the request's header.
  Reply answer(const fuse_in_header& header, std::string_view body);

  /// The next `bytes` can be written; a write beyond them is short, and those after it fail.
  void limit_writes(std::uint64_t bytes, int error);

 private:
  struct Node {
    std::uint32_t mode = 0;
    std::uint32_t uid = 0;
    std::uint32_t gid = 0;
    std::uint32_t rdev = 0;
    std::uint32_t nlink = 1;
    timespec atime{};
    timespec mtime{};
    timespec ctime{};
    std::string data;  ///< Content, or a symlink's target.
    std::uint64_t parent = 0;
    std::map<std::string, std::uint64_t, std::less<>> entries;
    std::map<std::string, std::string, std::less<>> xattrs;
  };

  Reply on_names(const fuse_in_header& header, std::string_view body);
  Reply on_xattrs(const fuse_in_header& header, std::string_view body);
  Reply make(const fuse_in_header& header, std::string_view name, std::uint32_t mode,
             std::uint32_t rdev, std::string_view target);
  Reply remove(std::uint64_t dir, std::string_view name, bool is_directory);
  Reply rename(std::uint64_t dir, std::string_view name, std::uint64_t new_dir,
               std::string_view new_name);
  Reply set_attr(std::uint64_t id, std::string_view body);
  Reply write(std::uint64_t id, std::string_view body);
  Reply read_dir(std::uint64_t id, const fuse_read_in& in);
  Reply entry(std::uint64_t id);
  [[nodiscard]] fuse_attr attr(std::uint64_t id) const;

  std::map<std::uint64_t, Node> nodes_;
  std::uint64_t next_ = FUSE_ROOT_ID + 1;
  std::uint64_t writable_ = UINT64_MAX;
  int write_error_ = 0;
};

}  // namespace nineroot::test

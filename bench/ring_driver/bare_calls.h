// The system calls that a 9P server cannot do without, on the same tree, and nothing around them.
// Errors are the benchmark's own: std::system_error.
#pragma once

#include <sys/uio.h>

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "base/unique_fd.h"

namespace nineroot::bench {

/// Works in /proc/self/fd, as nineroot does, so that the inode of a descriptor is reached in the
/// cheapest way.
class BareCalls {
 public:
  explicit BareCalls(const std::string& tree);

  enum class Dir : unsigned char { files, list, work };

  [[nodiscard]] int dir(Dir which) const { return dirs_[static_cast<std::size_t>(which)].get(); }

  [[nodiscard]] int large() const { return large_.get(); }

  // Keep a descriptor under a number, or drop it.
  int open_path(Dir dir, const char* name);
  void keep(unsigned i, int fd);
  void close(unsigned i);
  void close_all();
  [[nodiscard]] int kept(unsigned i) const { return kept_[i]; }

  void stat(int fd);
  void stat_at(Dir dir, const char* name);
  /// Owner, group and mode of the mapped format.
  void get_records(int fd);
  void set_records(int fd);
  void get_mode_record(Dir dir, const char* name);
  /// False if it has none.
  bool get_capability(int fd);
  void set_mode_record(int fd);
  int reopen(int fd);
  int create(Dir dir, const char* name);
  void make_dir(Dir dir, const char* name);
  void unlink(Dir dir, const char* name, bool is_directory);
  void rename(Dir dir, const char* from, const char* to);
  bool is_missing(Dir dir, const char* name);
  bool has_none(Dir dir, const char* name);  ///< The same by statx.
  /// Each time into or from another buffer, as many as a guest has requests in flight.
  void read(std::size_t size);
  void write(std::size_t size);
  /// All entries of `list`, with the guest's type of each.  Gives how many files there are.
  unsigned list();

 private:
  std::vector<UniqueFd> dirs_;
  UniqueFd large_;
  UniqueFd listed_;
  std::vector<int> kept_;
  iovec next_buffer(std::size_t size);

  std::byte* buffers_ = nullptr;
  unsigned used_buffers_ = 0;
};

}  // namespace nineroot::bench

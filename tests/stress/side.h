// One of the two directories on which the same operations are done, with what is open in it.
#pragma once

#include <sys/stat.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

#include "base/unique_fd.h"
#include "tests/stress/operation.h"

namespace nineroot::stress {

inline constexpr int kSlots = 10;
inline constexpr int kMaps = 3;

/// What an operation gave, in words that are the same on every file system that does it right: no
/// inode numbers, no times but those that were set.  An error is its name.
using Answer = std::string;

/// What stat told, in such words.  Time stamps before 2001 were set by an operation, others are
/// just "now"; a directory's size is its file system's own affair, and a fifo's time is that of the
/// pipe behind it, of which the 9P client tells nobody.
std::string describe(const struct stat& status);

/// The same for the xattrs of a file, by name; names and values hashed if long.
std::string describe_xattrs(const std::string& path_by_descriptor);

std::uint64_t hash_of(const void* data, std::size_t size);

class Side {
 public:
  /// `takes_direct`: O_DIRECT is asked for with buffers that are not aligned, as a 9P client lets
  /// one.
  Side(const std::string& root, bool takes_direct);
  ~Side();
  Side(const Side&) = delete;
  Side& operator=(const Side&) = delete;

  Answer perform(const Operation& operation);

  /// What is open in a slot, as describe() tells it.
  std::string describe_open(int slot) const;

  int root() const { return root_.get(); }
  /// -1 if nothing is open there.
  int descriptor(int slot) const;
  bool has_open(const struct stat& status) const;

 private:
  struct Slot {
    UniqueFd file;
    int user = 0;
  };
  struct Map {
    std::byte* address = nullptr;
    std::size_t size = 0;
    int protection = 0;
    bool is_shared = false;
    UniqueFd file;
    int user = 0;
  };

  int user_of(const Operation& op) const;
  Answer dispatch(const Operation& op);
  Answer do_open(const Operation& op);
  Answer do_reopen(const Operation& op);
  Answer do_data(const Operation& op, int file);
  Answer do_copy(const Operation& op, int file);
  Answer do_map(const Operation& op, int file);
  Answer do_mapped(const Operation& op);
  Answer do_names(const Operation& op, int at);
  Answer do_bind(const Operation& op, int at) const;
  Answer do_list(const Operation& op, int at) const;
  Answer do_sweep(const Operation& op, int at) const;
  Answer do_deepen(const Operation& op, int at) const;
  Answer do_attributes(const Operation& op, int at) const;
  Answer do_open_attributes(const Operation& op, int file) const;
  Answer do_xattr(const Operation& op, int at) const;
  Answer do_open_xattr(const Operation& op, int file) const;
  void put(int slot, int file, int user);

  UniqueFd root_;
  bool takes_direct_;
  std::array<Slot, kSlots> slots_;
  std::array<Map, kMaps> maps_;
};

/// "0" or a number, or the name of errno.
Answer answer_of(long result);

/// Bytes that tell by `value` and their place which operation wrote them.
void fill(std::byte* to, std::size_t size, std::int64_t place, std::uint64_t value);

}  // namespace nineroot::stress

// One object of a tree on its way into another tree, and where such objects come from.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/failure.h"
#include "storage/posix_acl.h"

namespace nineroot::storage {

/// As the guest is to see it.  Names and paths are bytes.
struct Entry {
  std::string path;        ///< Relative to the tree's root, as the source spells it.
  std::uint32_t mode = 0;  ///< With type bits; meaningless for a hard link.
  std::uint64_t uid = 0;   ///< Wide, so that what cannot be an id is seen and refused.
  std::uint64_t gid = 0;
  std::uint64_t rdev = 0;  ///< dev_t of devices.
  std::uint64_t size = 0;  ///< Of a regular file's content.
  timespec mtime{};
  std::string target;  ///< Of a symlink, or the path of the file that a hard link joins.
  bool is_hard_link = false;
  std::vector<std::pair<std::string, std::string>> xattrs;  ///< Guest names, raw values.
  std::optional<PosixAcl> access_acl;
  std::optional<PosixAcl> default_acl;
};

/// Yields the objects of a tree, one after the other.
class EntrySource {
 public:
  EntrySource() = default;
  virtual ~EntrySource() = default;
  EntrySource(const EntrySource&) = delete;
  EntrySource& operator=(const EntrySource&) = delete;

  /// Fills `entry` with the next object; false at the end.  A broken source is a Failure.
  virtual Outcome<bool> next(Entry& entry) = 0;

  /// Writes the content of the present regular file into the empty file `to` and gives it its
  /// size; holes stay holes.
  virtual Outcome<void> copy_content(int to) = 0;

  /// Bytes of the source read so far, for progress.
  [[nodiscard]] virtual std::uint64_t consumed() const = 0;
};

}  // namespace nineroot::storage

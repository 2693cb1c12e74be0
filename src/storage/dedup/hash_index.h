// What is known of files from former runs, so that only what changed is hashed again.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>

#include "base/failure.h"
#include "storage/dedup/content_hash.h"
#include "storage/dedup/file_stamp.h"

namespace nineroot::storage {

/// A cache in a file: whatever becomes of it, nothing but time is lost.
class HashIndex {
 public:
  enum class Keep { all, used };

  /// Reads it.  A file that is damaged, or of another version, is ignored with a line in the log;
  /// one that is not there is an empty index.
  static HashIndex load(const std::filesystem::path& file);

  /// The hash of an inode of the file system `domain` (numbering_domain() in file_system.h), if its
  /// size and ctime are those that it was recorded with.
  std::optional<ContentHash> find(std::uint64_t domain, const FileStamp& file);

  /// Records it, unless the ctime is so young that a change in the same step of the clock would
  /// not show.
  void put(std::uint64_t domain, const FileStamp& file, const ContentHash& hash);

  /// Replaces the file, through a temporary name.  `used` leaves out what was neither found nor
  /// put: right after a look at all machines, as those files are gone.
  Outcome<void> save(const std::filesystem::path& file, Keep keep) const;

  [[nodiscard]] std::size_t size() const { return records_.size(); }

 private:
  using Key = std::pair<std::uint64_t, std::uint64_t>;

  struct HashOfKey {
    std::size_t operator()(const Key& key) const {
      return key.first * 0x9e3779b97f4a7c15U ^ key.second;
    }
  };

  struct Record {
    FileStamp stamp;
    ContentHash hash;
    bool is_used;
  };

  bool parse(const std::string& bytes);

  std::unordered_map<Key, Record, HashOfKey> records_;
};

}  // namespace nineroot::storage

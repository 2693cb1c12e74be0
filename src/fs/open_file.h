// An open file or directory: what an opened fid holds besides its node.
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>
#include <vector>

#include "base/io_vec.h"
#include "base/result.h"
#include "fs/fd_budget.h"
#include "fs/node.h"

namespace nineroot::fs {

class Tree;

struct DirEntry {
  std::uint64_t number = 0;  ///< As Attr::number.
  std::uint32_t type = 0;    ///< S_IFMT bits as the guest sees them; 0: ask for them.
  std::uint64_t next = 0;    ///< Where reading goes on after this entry; never 0.
  std::string_view name;
};

/// Made by Tree::open() and Tree::create().  Its descriptor may be closed to save budget; it is
/// then opened again from the node, without O_TRUNC and O_CREAT.  Reads, writes and syncs may run
/// on several threads at once; read_dir() on one.
class OpenFile {
 public:
  OpenFile(Tree& tree, NodeRef node, int flags);
  ~OpenFile();
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;

  [[nodiscard]] bool is_directory() const { return is_directory_; }

  [[nodiscard]] bool is_writable() const;

  /// True if each write must be on disk before it is answered (O_DSYNC).
  [[nodiscard]] bool is_synchronous() const;

  /// Fewer bytes than asked for only at the end of the file.  `to` may be guest memory.
  /// Without `may_wait` what is not in the page cache is EAGAIN.
  /// Errors: EISDIR; EBADF not open for reading; ESTALE if the file cannot be found again, or ends
  /// before `offset` though Node::known_size() does not: Linux 6.12 would ask for the missing bytes
  /// again and again (fs/netfs/direct_read.c), until it is told the new size; else from
  /// preadv2(2).
  Result<std::size_t> read(const IoVecs& to, std::uint64_t offset, bool may_wait);

  /// Writes all, or fewer bytes after an error in the middle; never 0 for a non-empty `from`.
  Result<std::size_t> write(const IoVecs& from, std::uint64_t offset);

  /// fsync(2) or fdatasync(2).
  Result<void> sync(bool is_data_only);

  Result<void> truncate(std::uint64_t size);

  /// Gives entries to `take` from `offset` (0: the start, else a DirEntry::next) until it returns
  /// false or the directory ends.  "." and ".." are among them.
  Result<void> read_dir(std::uint64_t offset, const std::function<bool(const DirEntry&)>& take);

 private:
  friend class Tree;

  Result<FdLease> lease();
  /// The host's entry `name` in this directory as the guest sees it, but for `next`.  A file
  /// system of its own may be mounted on it.
  Result<DirEntry> guest_entry(int fd, std::uint64_t inode, std::uint8_t host_type,
                               const char* name);

  Tree& tree_;
  NodeRef node_;
  int flags_;  ///< Those to open again with.
  bool is_directory_;
  FdSlot slot_{FdSlot::Kind::file};
};

}  // namespace nineroot::fs

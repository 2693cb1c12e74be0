// What a fid stands for, and the table of a session's fids.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include "base/result.h"
#include "fs/node_table.h"
#include "fs/open_file.h"
#include "session/host_locks.h"
#include "session/writers.h"

namespace nineroot::session {

/// Bytes of xattr values that the fids of a session hold: bounded, or a guest could make the server
/// grow without end by walking to xattrs and never clunking.
class XattrMemory {
 public:
  /// Counts for as long as it lives.
  class Charge {
   public:
    Charge() = default;
    Charge(XattrMemory& memory, std::size_t size) : memory_(&memory), size_(size) {
      memory_->used_ += size_;
    }
    Charge(Charge&& other) noexcept
        : memory_(std::exchange(other.memory_, nullptr)), size_(other.size_) {}
    Charge& operator=(Charge&& other) noexcept {
      std::swap(memory_, other.memory_);
      std::swap(size_, other.size_);
      return *this;
    }
    ~Charge() {
      if (memory_ != nullptr) {
        memory_->used_ -= size_;
      }
    }

   private:
    XattrMemory* memory_ = nullptr;
    std::size_t size_ = 0;
  };

  /// Errors: ENOMEM.
  Result<Charge> charge(std::size_t size) {
    // Each fid counts, an empty value too.
    constexpr std::size_t kOverhead = 256;
    constexpr std::size_t kLimit = std::size_t{64} << 20U;
    if (size + kOverhead > kLimit - used_) {
      return fail(ENOMEM);
    }
    return Charge(*this, size + kOverhead);
  }

 private:
  std::size_t used_ = 0;
};

/// Made by Txattrwalk: the value, or the list, as it was then.
struct XattrSnapshot {
  std::vector<std::byte> value;
  XattrMemory::Charge charge;
};

/// Made by Txattrcreate: set (or removed) when the fid is clunked.
struct XattrUpdate {
  std::string name;
  std::vector<std::byte> value;
  std::size_t filled = 0;  ///< Bytes written so far, from the start.
  int flags = 0;           ///< XATTR_CREATE, XATTR_REPLACE.
  XattrMemory::Charge charge;
};

/// Ends the locks that were taken by a fid when the fid goes.
class FidLocks {
 public:
  FidLocks(HostLocks& locks, fs::NodeRef node, std::uint32_t fid)
      : locks_(locks), node_(std::move(node)), fid_(fid) {}

  ~FidLocks() { locks_.forget(node_, fid_); }

  FidLocks(const FidLocks&) = delete;
  FidLocks& operator=(const FidLocks&) = delete;

 private:
  HostLocks& locks_;
  fs::NodeRef node_;
  std::uint32_t fid_;
};

/// A fid denotes an inode, whatever happens to its name.
struct Fid {
  fs::NodeRef node;
  /// Who attached: owner of what is made through this fid.  Absent if the client did not say.
  std::optional<std::uint32_t> uid;
  /// Shared with the workers that read, write or sync it.
  std::shared_ptr<fs::OpenFile> file;
  std::variant<std::monostate, XattrSnapshot, XattrUpdate> xattr;
  /// The name by which it was reached, where the inode has others: what Tremove and Trename mean.
  /// Null: the one by which the inode is known.
  std::shared_ptr<const fs::Place> place = nullptr;
  /// Null while no lock was taken by this fid.
  std::unique_ptr<FidLocks> locks = nullptr;
  /// Null unless it is open for writing.
  std::unique_ptr<Writers::Mark> writes = nullptr;
  /// Not 0: no inode at all but what stands for a name that is gone, with this number; `node` is
  /// the directory.  Only the herald has such fids (herald.h).
  std::uint64_t stand_in = 0;
  bool is_directory_stand_in = false;

  [[nodiscard]] bool is_open() const { return file != nullptr || xattr.index() != 0; }
};

/// Fid numbers to fids.  Linux uses the lowest free number, but any 32-bit number is good.
class FidTable {
 public:
  /// Errors: EBADF.  The pointer is good until the table changes.
  Result<Fid*> get(std::uint32_t number) {
    const auto found = fids_.find(number);
    if (found == fids_.end()) {
      return fail(EBADF);
    }
    return &found->second;
  }

  /// Replaces a fid that has the number already: a client that gave up on a Twalk which had
  /// succeeded uses the number again (Linux net/9p/client.c).  Errors: ENFILE when the session
  /// holds too many.
  Result<void> put(std::uint32_t number, Fid fid) {
    if (fids_.size() >= kMaxFids && !fids_.contains(number)) {
      return fail(ENFILE);
    }
    fids_.insert_or_assign(number, std::move(fid));
    return {};
  }

  /// Errors: EBADF.
  Result<Fid> take(std::uint32_t number) {
    auto node = fids_.extract(number);
    if (node.empty()) {
      return fail(EBADF);
    }
    return std::move(node.mapped());
  }

  void clear() { fids_.clear(); }

  [[nodiscard]] std::size_t size() const { return fids_.size(); }

 private:
  /// What a guest with a few million cached dentries needs, and a bound for a hostile one.
  static constexpr std::size_t kMaxFids = std::size_t{1} << 23U;

  std::unordered_map<std::uint32_t, Fid> fids_;
};

}  // namespace nineroot::session

// What a fid stands for.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
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

/// What a fid is used for besides naming its inode.
struct FidUse {
  /// Shared with the workers that read, write or sync it.
  std::shared_ptr<fs::OpenFile> file = nullptr;
  std::variant<std::monostate, XattrSnapshot, XattrUpdate> xattr = {};
  /// Null while no lock was taken by this fid.
  std::unique_ptr<FidLocks> locks = nullptr;
  /// Null unless it is open for writing.
  std::unique_ptr<Writers::Mark> writes = nullptr;
  /// Not 0: no inode at all but what stands for a name that is gone, with this number; the fid's
  /// node is the directory.  Only the herald has such fids (herald.h).
  std::uint64_t stand_in = 0;
  bool is_directory_stand_in = false;
};

inline const FidUse kUnused{};

/// A fid denotes an inode, whatever happens to its name.  Guests hold one for every name they
/// remember, and few of these in any use: so that is kept apart, and a fid is small without it.
struct Fid {
  fs::NodeRef node;
  /// Who attached: owner of what is made through this fid.  Absent if the client did not say.
  std::optional<std::uint32_t> uid;
  /// The name by which it was reached, where the inode has others: what Tremove and Trename mean.
  /// Null: the one by which the inode is known.
  std::shared_ptr<const fs::Place> place = nullptr;
  /// Null while it is in no use.
  std::unique_ptr<FidUse> use = nullptr;

  [[nodiscard]] const FidUse& used() const { return use != nullptr ? *use : kUnused; }

  /// To begin a use.
  FidUse& in_use() {
    if (use == nullptr) {
      use = std::make_unique<FidUse>();
    }
    return *use;
  }

  [[nodiscard]] bool has_xattr() const { return used().xattr.index() != 0; }

  [[nodiscard]] bool is_open() const { return used().file != nullptr || has_xattr(); }
};

}  // namespace nineroot::session

// Scattered memory as one run of bytes: a request or a reply that lies in many pieces of guest
// memory, or in one buffer.
#pragma once

#include <sys/uio.h>

#include <array>
#include <cstddef>
#include <span>
#include <vector>

namespace nineroot {

/// A list of pieces of memory that somebody else owns.  Never reads or writes beyond its pieces.
/// The memory may be a guest's: contents can change at any time, so copy before you decide.
class IoVecs {
 public:
  IoVecs() = default;

  /// One piece.  The const is cast away for iovec's sake; do not write to what was const.
  explicit IoVecs(std::span<std::byte> piece) { append(piece.data(), piece.size()); }

  /// Adds a piece; merges it into the last one when it follows directly; ignores an empty one.
  void append(std::byte* data, std::size_t size);

  /// Total number of bytes.
  [[nodiscard]] std::size_t size() const { return size_; }

  [[nodiscard]] bool empty() const { return size_ == 0; }

  void clear() {
    many_.clear();
    count_ = 0;
    size_ = 0;
  }

  /// The bytes [offset, offset + length), clamped to what there is.
  [[nodiscard]] IoVecs slice(std::size_t offset, std::size_t length) const;

  /// Copies from `offset` into `to`; returns the bytes copied, fewer only at the end.
  std::size_t read(std::size_t offset, std::span<std::byte> to) const;

  /// Copies `from` to `offset`; returns the bytes copied, fewer only at the end.
  std::size_t write(std::size_t offset, std::span<const std::byte> from) const;

  /// For readv(2) and its kin.  May hold more than IOV_MAX pieces: callers take the first ones.
  [[nodiscard]] std::span<const iovec> pieces() const {
    return count_ <= kFew ? std::span(few_).first(count_) : std::span(many_);
  }

 private:
  /// Nearly every message has so few, and no memory is to be had for them.
  static constexpr std::size_t kFew = 3;

  void add(iovec piece);

  std::array<iovec, kFew> few_;
  std::vector<iovec> many_;  ///< All of them, once there are more.
  std::size_t count_ = 0;
  std::size_t size_ = 0;
};

}  // namespace nineroot

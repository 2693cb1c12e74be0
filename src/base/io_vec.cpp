#include "base/io_vec.h"

#include <algorithm>
#include <cstring>

namespace nineroot {
namespace {

/// Calls copy(piece data, length) for the overlap of each piece with [offset, offset + length).
template <class Copy>
std::size_t for_range(std::span<const iovec> pieces, std::size_t offset, std::size_t length,
                      Copy copy) {
  std::size_t done = 0;
  for (const iovec& piece : pieces) {
    if (done == length) {
      break;
    }
    if (offset >= piece.iov_len) {
      offset -= piece.iov_len;
      continue;
    }
    const std::size_t here = std::min(piece.iov_len - offset, length - done);
    copy(static_cast<std::byte*>(piece.iov_base) + offset, here, done);
    done += here;
    offset = 0;
  }
  return done;
}

}  // namespace

void IoVecs::append(std::byte* data, std::size_t size) {
  if (size == 0) {
    return;
  }
  size_ += size;
  if (count_ > 0) {
    iovec& last = count_ <= kFew ? few_[count_ - 1] : many_.back();
    if (static_cast<std::byte*>(last.iov_base) + last.iov_len == data) {
      last.iov_len += size;
      return;
    }
  }
  add({.iov_base = data, .iov_len = size});
}

void IoVecs::add(iovec piece) {
  if (count_ < kFew) {
    few_[count_++] = piece;
    return;
  }
  if (count_ == kFew) {
    many_.assign(few_.begin(), few_.end());
  }
  many_.push_back(piece);
  ++count_;
}

IoVecs IoVecs::slice(std::size_t offset, std::size_t length) const {
  IoVecs part;
  for_range(pieces(), offset, length,
            [&](std::byte* data, std::size_t here, std::size_t) { part.append(data, here); });
  return part;
}

std::size_t IoVecs::read(std::size_t offset, std::span<std::byte> to) const {
  return for_range(pieces(), offset, to.size(),
                   [&](std::byte* data, std::size_t here, std::size_t done) {
                     std::memcpy(to.data() + done, data, here);
                   });
}

std::size_t IoVecs::write(std::size_t offset, std::span<const std::byte> from) const {
  return for_range(pieces(), offset, from.size(),
                   [&](std::byte* data, std::size_t here, std::size_t done) {
                     std::memcpy(data, from.data() + done, here);
                   });
}

}  // namespace nineroot

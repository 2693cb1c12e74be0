#include "storage/dedup/share_data.h"

#include <linux/fs.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>
#include <vector>

namespace nineroot::storage {
namespace {

/// btrfs compares no more at once.
constexpr std::uint64_t kStep = 16U << 20U;

/// file_dedupe_range, and behind it a file_dedupe_range_info per target.
class Request {
 public:
  Request(std::uint64_t offset, std::uint64_t length) {
    head()->src_offset = offset;
    head()->src_length = length;
  }

  void add(int file) {
    file_dedupe_range_info info{};
    info.dest_fd = file;
    info.dest_offset = head()->src_offset;
    std::memcpy(place(head()->dest_count), &info, sizeof(info));
    ++head()->dest_count;
  }

  Result<void> send(int source) {
    while (::ioctl(source, FIDEDUPERANGE, head()) != 0) {
      if (errno != EINTR) {
        return fail_errno();
      }
    }
    return {};
  }

  [[nodiscard]] file_dedupe_range_info answer(std::size_t index) {
    file_dedupe_range_info info;
    std::memcpy(&info, place(index), sizeof(info));
    return info;
  }

 private:
  [[nodiscard]] file_dedupe_range* head() {
    return reinterpret_cast<file_dedupe_range*>(room_.data());
  }

  [[nodiscard]] std::byte* place(std::size_t index) {
    return room_.data() + sizeof(file_dedupe_range) + index * sizeof(file_dedupe_range_info);
  }

  alignas(file_dedupe_range)
      std::array<std::byte, sizeof(file_dedupe_range) +
                                kMostShareTargets * sizeof(file_dedupe_range_info)> room_{};
};

/// Takes the answer for [offset, offset + length); true if more of it is to be asked for.
bool take(ShareTarget& target, const file_dedupe_range_info& answer, std::uint64_t& done) {
  if (answer.status == FILE_DEDUPE_RANGE_DIFFERS) {
    target.error = EAGAIN;
  } else if (answer.status < 0) {
    target.error = -answer.status;
  } else if (answer.bytes_deduped == 0) {
    target.error = EINVAL;  // It would never get on.
  } else {
    done += answer.bytes_deduped;
    target.shared += answer.bytes_deduped;
  }
  return target.error == 0;
}

/// The rest of a range of which a target took only the first `done` bytes.
Result<void> share_rest(int source, std::uint64_t offset, std::uint64_t length, std::uint64_t done,
                        ShareTarget& target) {
  while (done < length) {
    Request request(offset + done, length - done);
    request.add(target.file);
    TRY(request.send(source));
    if (!take(target, request.answer(0), done)) {
      break;
    }
  }
  return {};
}

Result<void> share_range(int source, std::uint64_t offset, std::uint64_t length,
                         std::span<ShareTarget> targets) {
  Request request(offset, length);
  std::vector<ShareTarget*> asked;
  for (ShareTarget& target : targets) {
    if (target.error == 0) {
      request.add(target.file);
      asked.push_back(&target);
    }
  }
  if (asked.empty()) {
    return {};
  }
  TRY(request.send(source));
  for (std::size_t i = 0; i < asked.size(); ++i) {
    std::uint64_t done = 0;
    if (take(*asked[i], request.answer(i), done)) {
      TRY(share_rest(source, offset, length, done, *asked[i]));
    }
  }
  return {};
}

}  // namespace

Result<void> share_data(int source, std::uint64_t size, std::span<ShareTarget> targets) {
  const auto end = static_cast<off_t>(size);
  off_t at = 0;
  while (at < end) {
    const off_t data = ::lseek(source, at, SEEK_DATA);
    if (data < 0 && errno == ENXIO) {
      break;  // Only a hole is left.
    }
    const off_t hole = data < 0 ? -1 : ::lseek(source, data, SEEK_HOLE);
    if (hole < 0) {
      return fail_errno();
    }
    at = std::min(hole, end);
    for (off_t from = data; from < at; from += static_cast<off_t>(kStep)) {
      TRY(share_range(source, static_cast<std::uint64_t>(from),
                      std::min(kStep, static_cast<std::uint64_t>(at - from)), targets));
    }
  }
  return {};
}

Result<void> probe_sharing(int file) {
  return Request(0, 0).send(file);
}

}  // namespace nineroot::storage

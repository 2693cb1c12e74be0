#include "storage/dedup/content_hash.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <string_view>

#include <xxhash.h>

namespace nineroot::storage {
namespace {

constexpr std::size_t kBlock = 64U << 10U;

bool is_zero(std::string_view bytes) {
  return bytes.front() == '\0' && bytes.substr(1) == bytes.substr(0, bytes.size() - 1);
}

/// Fills `room` from `at`; shorter only at the end of the file.
Result<std::string_view> read_block(int file, std::array<char, kBlock>& room, off_t at) {
  std::size_t done = 0;
  while (done < room.size()) {
    const ssize_t got =
        ::pread(file, room.data() + done, room.size() - done, at + static_cast<off_t>(done));
    if (got < 0 && errno != EINTR) {
      return fail_errno();
    }
    if (got == 0) {
      break;
    }
    done += static_cast<std::size_t>(std::max<ssize_t>(got, 0));
  }
  return std::string_view(room.data(), done);
}

}  // namespace

Result<ContentHash> hash_content(int file, std::uint64_t size) {
  const auto free_state = [](XXH3_state_t* state) { XXH3_freeState(state); };
  const std::unique_ptr<XXH3_state_t, decltype(free_state)> state(XXH3_createState());
  if (state == nullptr) {
    return fail(ENOMEM);
  }
  XXH3_128bits_reset(state.get());
  std::array<char, kBlock> room;
  const auto end = static_cast<off_t>(size);
  off_t at = 0;
  while (at < end) {
    const off_t data = ::lseek(file, at, SEEK_DATA);
    if (data < 0 && errno == ENXIO) {
      break;
    }
    if (data < 0 && errno != EINVAL) {  // EINVAL: a file system that knows of no holes.
      return fail_errno();
    }
    at = std::max(at, data - data % static_cast<off_t>(kBlock));
    const std::string_view block = TRY(read_block(file, room, at));
    if (block.empty()) {
      break;
    }
    if (!is_zero(block)) {
      const auto place = static_cast<std::uint64_t>(at);
      XXH3_128bits_update(state.get(), &place, sizeof(place));
      XXH3_128bits_update(state.get(), block.data(), block.size());
    }
    at += static_cast<off_t>(kBlock);
  }
  const XXH128_hash_t hash = XXH3_128bits_digest(state.get());
  return ContentHash{.high = hash.high64, .low = hash.low64};
}

}  // namespace nineroot::storage

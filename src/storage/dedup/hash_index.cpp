#include "storage/dedup/hash_index.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <cstring>
#include <ctime>

#include <xxhash.h>

#include "base/log.h"
#include "base/unique_fd.h"
#include "storage/descriptor.h"

namespace nineroot::storage {
namespace {

// The file: magic, records of kWords numbers as this machine has them, XXH3 of all before.
constexpr std::string_view kMagic = "9rhash01";
constexpr std::size_t kWords = 7;
constexpr std::size_t kRecordSize = kWords * sizeof(std::uint64_t);
constexpr std::size_t kMostBytes = 4ULL << 30U;

/// A ctime's coarsest step, in seconds.
constexpr std::int64_t kGrain = 2;

using Words = std::array<std::uint64_t, kWords>;

std::uint64_t checksum(std::string_view bytes) {
  return XXH3_64bits(bytes.data(), bytes.size());
}

void append(std::string& to, const void* from, std::size_t size) {
  to.append(static_cast<const char*>(from), size);
}

}  // namespace

HashIndex HashIndex::load(const std::filesystem::path& file) {
  HashIndex index;
  const UniqueFd fd(::open(file.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!fd.is_open()) {
    if (errno != ENOENT) {
      log::warn("cannot read {}: {}; all files are hashed anew", file.string(),
                describe(Errno{errno}));
    }
    return index;
  }
  const auto bytes = read_all(fd.get(), kMostBytes);
  if (!bytes || !index.parse(*bytes)) {
    log::warn("{} is damaged or of another version; all files are hashed anew", file.string());
    index.records_.clear();
  }
  return index;
}

bool HashIndex::parse(const std::string& bytes) {
  const std::size_t around = kMagic.size() + sizeof(std::uint64_t);
  if (bytes.size() < around || (bytes.size() - around) % kRecordSize != 0 ||
      !bytes.starts_with(kMagic)) {
    return false;
  }
  const std::size_t end = bytes.size() - sizeof(std::uint64_t);
  std::uint64_t recorded = 0;
  std::memcpy(&recorded, bytes.data() + end, sizeof(recorded));
  if (recorded != checksum(std::string_view(bytes).substr(0, end))) {
    return false;
  }
  records_.reserve((end - kMagic.size()) / kRecordSize);
  for (std::size_t at = kMagic.size(); at < end; at += kRecordSize) {
    Words words;
    std::memcpy(words.data(), bytes.data() + at, kRecordSize);
    const FileStamp stamp{.number = words[1],
                          .size = words[2],
                          .ctime_seconds = static_cast<std::int64_t>(words[3]),
                          .ctime_nanoseconds = static_cast<std::int64_t>(words[4])};
    records_[{words[0], stamp.number}] = {
        .stamp = stamp, .hash = {.high = words[5], .low = words[6]}, .is_used = false};
  }
  return true;
}

std::optional<ContentHash> HashIndex::find(std::uint64_t domain, const FileStamp& file) {
  const auto found = records_.find({domain, file.number});
  if (found == records_.end() || found->second.stamp != file) {
    return std::nullopt;
  }
  found->second.is_used = true;
  return found->second.hash;
}

void HashIndex::put(std::uint64_t domain, const FileStamp& file, const ContentHash& hash) {
  if (file.ctime_seconds + kGrain < std::time(nullptr)) {
    records_[{domain, file.number}] = {.stamp = file, .hash = hash, .is_used = true};
  }
}

Outcome<void> HashIndex::save(const std::filesystem::path& file, Keep keep) const {
  std::string bytes(kMagic);
  for (const auto& [key, record] : records_) {
    if (keep == Keep::all || record.is_used) {
      const Words words = {key.first,
                           key.second,
                           record.stamp.size,
                           static_cast<std::uint64_t>(record.stamp.ctime_seconds),
                           static_cast<std::uint64_t>(record.stamp.ctime_nanoseconds),
                           record.hash.high,
                           record.hash.low};
      append(bytes, words.data(), kRecordSize);
    }
  }
  const std::uint64_t sum = checksum(bytes);
  append(bytes, &sum, sizeof(sum));
  const std::string what = "cannot write " + file.string();
  std::string temporary = file.string() + ".XXXXXX";
  const UniqueFd fd(::mkostemp(temporary.data(), O_CLOEXEC));
  if (!fd.is_open()) {
    return failure(Errno{errno}, "{}", what);
  }
  auto written = write_all(fd.get(), bytes);
  // Without fsync: what a crash leaves of it does not match its checksum.
  if (written && ::rename(temporary.c_str(), file.c_str()) != 0) {
    written = fail_errno();
  }
  if (!written) {
    ::unlink(temporary.c_str());
  }
  return context(written, what);
}

}  // namespace nineroot::storage

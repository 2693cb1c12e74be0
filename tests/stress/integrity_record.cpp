#include "tests/stress/integrity_record.h"

#include <algorithm>
#include <cstring>

#include "tests/stress/side.h"

namespace nineroot::stress {

RecordBytes encode(const Record& record) {
  RecordBytes bytes{};
  std::memcpy(bytes.data(), &record.version, sizeof record.version);
  std::memcpy(bytes.data() + 8, &record.place, sizeof record.place);
  fill(bytes.data() + 12, kRecordSize - 12, record.place, record.version);
  return bytes;
}

std::optional<std::uint64_t> version_in(const RecordBytes& bytes, std::uint32_t place) {
  if (std::ranges::all_of(bytes, [](std::byte b) { return b == std::byte{0}; })) {
    return 0;
  }
  Record record{.place = place, .version = 0};
  std::memcpy(&record.version, bytes.data(), sizeof record.version);
  return bytes == encode(record) ? std::optional(record.version) : std::nullopt;
}

std::uint32_t place_of(std::uint64_t seed, std::uint32_t writer, std::uint32_t writers,
                       std::uint64_t version) {
  std::uint64_t mixed = (seed * 0x9e3779b97f4a7c15U) ^ (writer * 0xbf58476d1ce4e5b9U) ^ version;
  mixed = (mixed ^ (mixed >> 30U)) * 0xbf58476d1ce4e5b9U;
  mixed = (mixed ^ (mixed >> 27U)) * 0x94d049bb133111ebU;
  const auto own = static_cast<std::uint32_t>((mixed ^ (mixed >> 31U)) % (kRecords / writers));
  return own * writers + writer;
}

}  // namespace nineroot::stress

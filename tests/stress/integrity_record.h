// The records of which the shared file of the data-integrity test is made: every byte tells who
// wrote it and when.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace nineroot::stress {

/// No page holds a whole number of them, so that records cross pages.
inline constexpr std::size_t kRecordSize = 96;
inline constexpr std::size_t kRecords = 2048;

using RecordBytes = std::array<std::byte, kRecordSize>;

/// The version of a record that was never written is 0.
struct Record {
  std::uint32_t place = 0;
  std::uint64_t version = 0;
};

RecordBytes encode(const Record& record);

/// Nothing if the bytes are not a whole record of that place; version 0 for nothing but zeros.
std::optional<std::uint64_t> version_in(const RecordBytes& bytes, std::uint32_t place);

/// Which record the writer's write number `version` goes to: its own are those whose number leaves
/// the rest `writer` when divided by the number of writers, so that neighbours share pages.
std::uint32_t place_of(std::uint64_t seed, std::uint32_t writer, std::uint32_t writers,
                       std::uint64_t version);

}  // namespace nineroot::stress

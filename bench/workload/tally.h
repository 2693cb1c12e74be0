// What a step did: how often, and a sum by which two places can be told to have done the same.
#pragma once

#include <cstdint>
#include <string_view>

namespace nineroot::workload {

struct Tally {
  std::uint64_t operations = 0;
  /// Of what was seen or left, in an order that file systems may choose: terms are only added.
  std::uint64_t sum = 0;

  Tally& operator+=(const Tally& other) {
    operations += other.operations;
    sum += other.sum;
    return *this;
  }
};

/// FNV-1a, for sums.
[[nodiscard]] constexpr std::uint64_t hash_of(std::string_view bytes,
                                              std::uint64_t hash = 0xcbf29ce484222325U) {
  for (const char byte : bytes) {
    hash = (hash ^ static_cast<unsigned char>(byte)) * 0x100000001b3U;
  }
  return hash;
}

}  // namespace nineroot::workload

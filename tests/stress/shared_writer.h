// One of several processes that write into one file at once, each its own records, and read all.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "base/unique_fd.h"
#include "tests/stress/integrity_record.h"

namespace nineroot::stress {

struct Crew {
  std::string directory;
  std::uint64_t seed = 1;
  std::uint32_t writers = 4;
  bool has_mappings = true;           // cache=none has no shared mappings
  bool has_coherent_mappings = true;  // client_limits.h
};

/// What is wrong is printed, and the process ends with 1.
class SharedWriter {
 public:
  SharedWriter(const Crew& crew, std::uint32_t writer);
  ~SharedWriter();
  SharedWriter(const SharedWriter&) = delete;
  SharedWriter& operator=(const SharedWriter&) = delete;

  void step();

  /// fsync, then a line that tells how far: what was written until here is to survive the guest.
  void acknowledge();

 private:
  RecordBytes read(std::uint32_t place);
  void write_own();
  void check_own();
  void check_any();
  void change_size();

  Crew crew_;
  std::uint32_t writer_;
  std::mt19937_64 random_;
  UniqueFd file_;
  std::byte* map_ = nullptr;
  std::uint64_t version_ = 0;
  std::vector<std::uint64_t> seen_;  // by place: the newest version that was written or read
};

/// Checks on the host what a guest acknowledged: lines of the form "shared WRITER VERSION".
/// Returns how many records are older than that, or torn though they cannot be.
int count_lost(const Crew& crew, const std::vector<std::uint64_t>& acknowledged);

}  // namespace nineroot::stress

// A process with a file of its own, of which it knows every byte: writes, maps, cuts, replaces it,
// and reads it again.
#pragma once

#include <cstddef>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "base/unique_fd.h"
#include "tests/stress/shared_writer.h"

namespace nineroot::stress {

/// What is wrong is printed, and the process ends with 1.
class PrivateWriter {
 public:
  PrivateWriter(const Crew& crew, std::uint32_t writer);

  void step();

  /// fsync, then a line with the content's size and hash.
  void acknowledge();

 private:
  std::uint64_t below(std::uint64_t limit) { return random_() % limit; }
  void write();
  void write_mapped();
  void resize();
  void read();
  void check_all(int file, const std::vector<std::byte>& expected);
  void reopen();
  void replace();

  Crew crew_;
  std::uint32_t writer_;
  std::string path_;
  std::mt19937_64 random_;
  UniqueFd file_;
  std::vector<std::byte> content_;
  std::uint64_t count_ = 0;
};

}  // namespace nineroot::stress

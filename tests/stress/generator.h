// Makes random operations, most of them on what exists at that time.  A seed gives the same ones
// again, on a file system that gives the same answers.
#pragma once

#include <cstdint>
#include <random>
#include <string>

#include "tests/stress/operation.h"
#include "tests/stress/surroundings.h"

namespace nineroot::stress {

class Generator {
 public:
  explicit Generator(std::uint64_t seed) : random_(seed) {}

  Operation next(const Side& model);

 private:
  std::uint64_t below(std::uint64_t limit);
  bool is_one_in(std::uint64_t n) { return below(n) == 0; }
  std::string name();
  std::string new_path();
  std::string path();
  std::string file_path();
  std::string directory();
  int slot();
  int directory_slot();
  std::int64_t offset();
  std::int64_t length();
  std::int64_t id();
  std::int64_t time();
  std::uint32_t mode();
  std::uint32_t open_flags();
  std::string xattr_name();

  void fill_open(Operation& op);
  void fill_data(Operation& op);
  void fill_names(Operation& op);
  void fill_attributes(Operation& op);
  void fill_xattr(Operation& op);

  std::mt19937_64 random_;
  Surroundings around_;
  unsigned until_next_look_ = 0;
};

}  // namespace nineroot::stress

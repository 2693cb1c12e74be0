#include "bench/workload/bulk_data.h"

#include <fcntl.h>
#include <unistd.h>

#include <random>
#include <string_view>
#include <vector>

#include "bench/workload/must.h"

namespace nineroot::workload {
namespace {

constexpr unsigned kSeed = 9;

std::string path_of(const Bulk& bulk) {
  return bulk.directory + "/bulk";
}

/// Each word tells its place and `round`, so that no two pages of a file are alike.
void fill(std::vector<std::uint64_t>& words, std::size_t offset, std::uint64_t round) {
  for (std::size_t i = 0; i < words.size(); ++i) {
    words[i] = ((offset / sizeof(words[i]) + i) << 8U) + round;
  }
}

std::uint64_t sum_of(const std::vector<std::uint64_t>& words) {
  std::uint64_t sum = 0;
  for (const std::uint64_t word : words) {
    sum += word * 0x9e3779b97f4a7c15U;
  }
  return sum;
}

/// The same places for everybody.
template <class Access>
void at_random_pages(const Bulk& bulk, Access access) {
  std::mt19937 random(kSeed);
  for (unsigned number = 0; number < bulk.accesses; ++number) {
    access(static_cast<std::size_t>(random() % (bulk.size / kPage)) * kPage);
  }
}

std::vector<std::uint64_t> words_in(std::size_t bytes) {
  return std::vector<std::uint64_t>(bytes / sizeof(std::uint64_t));
}

}  // namespace

Tally write_bulk(const Bulk& bulk) {
  const std::string path = path_of(bulk);
  const int fd = must(open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL, 0644), "create", path);
  auto piece = words_in(kBulkPiece);
  Tally tally;
  for (std::size_t offset = 0; offset < bulk.size; offset += kBulkPiece) {
    fill(piece, offset, 0);
    if (must(write(fd, piece.data(), kBulkPiece), "write", path) != ssize_t{kBulkPiece}) {
      give_up("write all", path);
    }
    tally += {.operations = 1, .sum = sum_of(piece)};
  }
  must(fsync(fd), "fsync", path);
  must(close(fd), "close", path);
  return tally;
}

Tally read_bulk(const Bulk& bulk) {
  const std::string path = path_of(bulk);
  const int fd = must(open(path.c_str(), O_RDONLY), "open", path);
  auto piece = words_in(kBulkPiece);
  Tally tally;
  for (std::size_t offset = 0; offset < bulk.size; offset += kBulkPiece) {
    if (must(read(fd, piece.data(), kBulkPiece), "read", path) != ssize_t{kBulkPiece}) {
      give_up("read all", path);
    }
    tally += {.operations = 1, .sum = sum_of(piece)};
  }
  must(close(fd), "close", path);
  return tally;
}

Tally read_random(const Bulk& bulk) {
  const std::string path = path_of(bulk);
  const int fd = must(open(path.c_str(), O_RDONLY), "open", path);
  posix_fadvise(fd, 0, 0, POSIX_FADV_RANDOM);
  auto page = words_in(kPage);
  Tally tally;
  at_random_pages(bulk, [&](std::size_t offset) {
    must(pread(fd, page.data(), kPage, static_cast<off_t>(offset)), "pread", path);
    tally += {.operations = 1, .sum = sum_of(page)};
  });
  must(close(fd), "close", path);
  return tally;
}

Tally write_random(const Bulk& bulk) {
  const std::string path = path_of(bulk);
  const int fd = must(open(path.c_str(), O_RDWR), "open", path);
  auto page = words_in(kPage);
  Tally tally;
  at_random_pages(bulk, [&](std::size_t offset) {
    fill(page, offset, 1);
    must(pwrite(fd, page.data(), kPage, static_cast<off_t>(offset)), "pwrite", path);
    tally += {.operations = 1, .sum = sum_of(page)};
  });
  must(fsync(fd), "fsync", path);
  must(close(fd), "close", path);
  return tally;
}

}  // namespace nineroot::workload

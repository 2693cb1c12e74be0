#include "tests/stress/shared_writer.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "tests/stress/complain.h"

namespace nineroot::stress {
namespace {

constexpr off_t kSize = static_cast<off_t>(kRecords * kRecordSize);
constexpr off_t kTail = 300'000;

// A reader may meet a record half written; not for ever.
constexpr int kPatience = 100'000;

off_t offset_of(std::uint32_t place) {
  return static_cast<off_t>(place * kRecordSize);
}

bool crosses_pages(std::uint32_t place) {
  return offset_of(place) / 4096 != (offset_of(place) + static_cast<off_t>(kRecordSize) - 1) / 4096;
}

}  // namespace

SharedWriter::SharedWriter(const Crew& crew, std::uint32_t writer)
    : crew_(crew),
      writer_(writer),
      random_(crew.seed * 1000 + writer),
      file_(::open((crew.directory + "/shared").c_str(), O_RDWR | O_CLOEXEC)),
      seen_(kRecords) {
  require(file_.is_open(), "cannot open the shared file");
  if (crew_.has_coherent_mappings) {
    void* map = ::mmap(nullptr, kSize, PROT_READ | PROT_WRITE, MAP_SHARED, file_.get(), 0);
    require(map != MAP_FAILED, "cannot map the shared file");
    map_ = static_cast<std::byte*>(map);
  }
}

SharedWriter::~SharedWriter() {
  if (map_ != nullptr) {
    ::munmap(map_, kSize);
  }
}

void SharedWriter::step() {
  switch (random_() % 16) {
    case 0:
      change_size();
      break;
    case 1:
    case 2:
    case 3:
    case 4:
    case 5:
      check_any();
      break;
    case 6:
    case 7:
    case 8:
    case 9:
      check_own();
      break;
    default:
      write_own();
  }
}

void SharedWriter::write_own() {
  const std::uint32_t place = place_of(crew_.seed, writer_, crew_.writers, ++version_);
  const RecordBytes bytes = encode({.place = place, .version = version_});
  if (map_ != nullptr && random_() % 2 == 0) {
    std::memcpy(map_ + offset_of(place), bytes.data(), bytes.size());
  } else {
    const ssize_t wrote = ::pwrite(file_.get(), bytes.data(), bytes.size(), offset_of(place));
    require(wrote == static_cast<ssize_t>(bytes.size()), "short write of a record");
  }
  seen_[place] = version_;
}

RecordBytes SharedWriter::read(std::uint32_t place) {
  RecordBytes bytes{};
  if (map_ != nullptr && random_() % 2 == 0) {
    std::memcpy(bytes.data(), map_ + offset_of(place), bytes.size());
  } else {
    const ssize_t got = ::pread(file_.get(), bytes.data(), bytes.size(), offset_of(place));
    require(got == static_cast<ssize_t>(bytes.size()), "short read of a record");
  }
  return bytes;
}

void SharedWriter::check_own() {
  if (version_ == 0) {
    return;
  }
  const std::uint32_t place =
      place_of(crew_.seed, writer_, crew_.writers, 1 + random_() % version_);
  const auto version = version_in(read(place), place);
  if (!version || *version != seen_[place]) {
    complain("writer %u wrote version %llu of record %u and read %lld", writer_,
             static_cast<unsigned long long>(seen_[place]), place,
             version ? static_cast<long long>(*version) : -1LL);
  }
}

void SharedWriter::check_any() {
  const auto place = static_cast<std::uint32_t>(random_() % kRecords);
  for (int tries = 0; tries < kPatience; ++tries) {
    if (const auto version = version_in(read(place), place)) {
      if (*version < seen_[place]) {
        complain("record %u went back from version %llu to %llu", place,
                 static_cast<unsigned long long>(seen_[place]),
                 static_cast<unsigned long long>(*version));
      }
      seen_[place] = *version;
      return;
    }
    ::sched_yield();
  }
  complain("record %u stays torn", place);
}

// Behind the records the file grows and shrinks all the time.
void SharedWriter::change_size() {
  const off_t size = kSize + static_cast<off_t>(random_() % kTail);
  require(::ftruncate(file_.get(), size) == 0, "cannot set the shared file's size");
}

void SharedWriter::acknowledge() {
  require(::fsync(file_.get()) == 0, "fsync of the shared file");
  std::printf("shared %u %llu\n", writer_, static_cast<unsigned long long>(version_));
  std::fflush(stdout);
}

int count_lost(const Crew& crew, const std::vector<std::uint64_t>& acknowledged) {
  const UniqueFd file(::open((crew.directory + "/shared").c_str(), O_RDONLY | O_CLOEXEC));
  require(file.is_open(), "cannot open the shared file");
  std::vector<std::uint64_t> promised(kRecords);
  for (std::uint32_t writer = 0; writer < acknowledged.size(); ++writer) {
    for (std::uint64_t version = 1; version <= acknowledged[writer]; ++version) {
      promised[place_of(crew.seed, writer, crew.writers, version)] = version;
    }
  }
  int lost = 0;
  for (std::uint32_t place = 0; place < kRecords; ++place) {
    RecordBytes bytes{};
    const ssize_t got = ::pread(file.get(), bytes.data(), bytes.size(), offset_of(place));
    const auto version = version_in(bytes, place);
    // A guest that was killed may have got half of a later write across: one page of two.
    const bool is_torn_by_death = !version && crosses_pages(place);
    if (got != static_cast<ssize_t>(bytes.size()) ||
        !(is_torn_by_death || (version && *version >= promised[place]))) {
      std::printf("record %u: promised version %llu, there is %lld\n", place,
                  static_cast<unsigned long long>(promised[place]),
                  version ? static_cast<long long>(*version) : -1LL);
      ++lost;
    }
  }
  return lost;
}

}  // namespace nineroot::stress

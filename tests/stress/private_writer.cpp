#include "tests/stress/private_writer.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstring>

#include "tests/stress/complain.h"
#include "tests/stress/side.h"

namespace nineroot::stress {
namespace {

constexpr std::size_t kLargest = 400'000;

}  // namespace

PrivateWriter::PrivateWriter(const Crew& crew, std::uint32_t writer)
    : crew_(crew),
      writer_(writer),
      path_(crew.directory + "/private" + std::to_string(writer)),
      random_(crew.seed * 7919 + writer),
      file_(::open(path_.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600)) {
  require(file_.is_open(), "cannot make a private file");
}

void PrivateWriter::step() {
  ++count_;
  switch (below(24)) {
    case 0:
      return reopen();
    case 1:
      return below(3) == 0 ? replace() : resize();
    case 2:
    case 3:
      return resize();
    case 4:
    case 5:
    case 6:
    case 7:
      return write_mapped();
    case 8:
      return check_all(file_.get(), content_);
    default:
      return below(2) == 0 ? write() : read();
  }
}

void PrivateWriter::write() {
  const std::size_t begin = below(kLargest - 70'000);
  const std::size_t size = below(below(4) == 0 ? 70'000 : 5'000);
  std::vector<std::byte> bytes(size);
  fill(bytes.data(), size, static_cast<std::int64_t>(begin), count_);
  require(::pwrite(file_.get(), bytes.data(), size, static_cast<off_t>(begin)) ==
              static_cast<ssize_t>(size),
          "short write");
  if (size > 0) {
    content_.resize(std::max(content_.size(), begin + size));
    std::ranges::copy(bytes, content_.begin() + static_cast<std::ptrdiff_t>(begin));
  }
}

void PrivateWriter::write_mapped() {
  if (!crew_.has_mappings || content_.empty()) {
    return read();
  }
  void* map = ::mmap(nullptr, content_.size(), PROT_READ | PROT_WRITE, MAP_SHARED, file_.get(), 0);
  require(map != MAP_FAILED, "cannot map a private file");
  auto* bytes = static_cast<std::byte*>(map);
  const std::size_t begin = below(content_.size());
  const std::size_t size = std::min(below(9'000), content_.size() - begin);
  if (std::memcmp(bytes + begin, content_.data() + begin, size) != 0) {
    complain("writer %u: a mapping differs within %zu bytes from %zu", writer_, size, begin);
  }
  fill(bytes + begin, size, static_cast<std::int64_t>(begin), count_);
  std::copy_n(bytes + begin, size, content_.begin() + static_cast<std::ptrdiff_t>(begin));
  if (below(4) == 0) {
    require(::msync(map, content_.size(), MS_SYNC) == 0, "msync");
  }
  require(::munmap(map, content_.size()) == 0, "munmap");
}

void PrivateWriter::resize() {
  const std::size_t size = below(kLargest);
  require(::ftruncate(file_.get(), static_cast<off_t>(size)) == 0, "ftruncate");
  content_.resize(size);
}

void PrivateWriter::read() {
  const std::size_t begin = below(kLargest);
  std::vector<std::byte> bytes(below(20'000));
  const ssize_t got = ::pread(file_.get(), bytes.data(), bytes.size(), static_cast<off_t>(begin));
  const std::size_t there =
      begin >= content_.size() ? 0 : std::min(bytes.size(), content_.size() - begin);
  if (got != static_cast<ssize_t>(there) ||
      (there > 0 && std::memcmp(bytes.data(), content_.data() + begin, there) != 0)) {
    complain("writer %u: %zd bytes read of %zu at %zu, or others than written", writer_, got, there,
             begin);
  }
}

void PrivateWriter::check_all(int file, const std::vector<std::byte>& expected) {
  struct stat status{};
  require(::fstat(file, &status) == 0, "fstat");
  std::vector<std::byte> bytes(expected.size() + 1);
  std::size_t size = 0;
  for (;;) {
    const ssize_t got =
        ::pread(file, bytes.data() + size, bytes.size() - size, static_cast<off_t>(size));
    require(got >= 0, "read");
    if (got == 0) {
      break;
    }
    size += static_cast<std::size_t>(got);
  }
  bytes.resize(size);
  if (static_cast<std::size_t>(status.st_size) != expected.size() || bytes != expected) {
    const auto [there, wanted] = std::ranges::mismatch(bytes, expected);
    complain("writer %u: size %lld by fstat, %zu by reading, expected %zu; first difference at %td",
             writer_, static_cast<long long>(status.st_size), size, expected.size(),
             there - bytes.begin());
  }
}

void PrivateWriter::reopen() {
  file_.reset();
  file_.reset(::open(path_.c_str(), O_RDWR | O_CLOEXEC));
  require(file_.is_open(), "cannot open a private file again");
  check_all(file_.get(), content_);
}

// As editors do it; the replaced file lives on as long as it is open.
void PrivateWriter::replace() {
  const std::string path = path_ + ".new";
  const UniqueFd old(file_.release());
  const std::vector<std::byte> before = content_;
  file_.reset(::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  require(file_.is_open(), "cannot make a new private file");
  content_.clear();
  write();
  require(::rename(path.c_str(), path_.c_str()) == 0, "rename");
  check_all(old.get(), before);
  require(::ftruncate(old.get(), 5) == 0, "ftruncate of a replaced file");
  check_all(file_.get(), content_);
}

void PrivateWriter::acknowledge() {
  require(::fsync(file_.get()) == 0, "fsync");
  std::printf("private %u %zu %llu\n", writer_, content_.size(),
              static_cast<unsigned long long>(hash_of(content_.data(), content_.size())));
  std::fflush(stdout);
}

}  // namespace nineroot::stress

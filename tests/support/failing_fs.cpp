#include "tests/support/failing_fs.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <vector>

namespace nineroot::test {
namespace {

bool needs_no_reply(std::uint32_t opcode) {
  return opcode == FUSE_FORGET || opcode == FUSE_BATCH_FORGET || opcode == FUSE_INTERRUPT;
}

}  // namespace

FailingFs::FailingFs(const std::filesystem::path& at)
    : path_(at), device_(::open("/dev/fuse", O_RDWR | O_CLOEXEC)) {
  std::filesystem::create_directories(at);
  if (!device_.is_open()) {
    return;
  }
  const std::string options =
      "fd=" + std::to_string(device_.get()) + ",rootmode=40000,user_id=0,group_id=0,allow_other";
  is_mounted_ =
      ::mount("nineroot-test", at.c_str(), "fuse", MS_NOSUID | MS_NODEV, options.c_str()) == 0;
  if (is_mounted_) {
    thread_ = std::jthread([this] { serve(); });
  }
}

FailingFs::~FailingFs() {
  die();
  if (is_mounted_) {
    ::umount2(path_.c_str(), MNT_DETACH);
  }
}

void FailingFs::die() {
  if (!is_mounted_ || !thread_.joinable()) {
    return;
  }
  // Ends the connection whoever has files open, and the read(2) of the thread with ENODEV.
  ::umount2(path_.c_str(), MNT_FORCE);
  thread_.join();
}

void FailingFs::fail(std::uint32_t opcode, int error) {
  const std::lock_guard lock(mutex_);
  errors_[opcode] = error;
}

void FailingFs::repair() {
  const std::lock_guard lock(mutex_);
  errors_.clear();
  files_.limit_writes(UINT64_MAX, 0);
}

void FailingFs::limit_writes(std::uint64_t bytes, int error) {
  const std::lock_guard lock(mutex_);
  files_.limit_writes(bytes, error);
}

void FailingFs::serve() {
  std::vector<char> request((128U << 10U) + 65536);
  while (true) {
    const ssize_t size = ::read(device_.get(), request.data(), request.size());
    if (size < 0 && (errno == EINTR || errno == ENOENT || errno == EAGAIN)) {
      continue;
    }
    fuse_in_header header{};
    if (size < static_cast<ssize_t>(sizeof(header))) {
      return;  // Unmounted.
    }
    std::memcpy(&header, request.data(), sizeof(header));
    if (needs_no_reply(header.opcode)) {
      continue;
    }
    const std::string_view body(request.data() + sizeof(header),
                                static_cast<std::size_t>(size) - sizeof(header));
    MemoryFs::Reply reply;
    {
      const std::lock_guard lock(mutex_);
      const auto failure = errors_.find(header.opcode);
      reply = failure != errors_.end() ? MemoryFs::Reply(std::unexpected(failure->second))
                                       : files_.answer(header, body);
    }
    std::string bytes = reply ? *reply : std::string();
    fuse_out_header out{.len = static_cast<std::uint32_t>(sizeof(out) + bytes.size()),
                        .error = reply ? 0 : -reply.error(),
                        .unique = header.unique};
    const iovec pieces[] = {{.iov_base = &out, .iov_len = sizeof(out)},
                            {.iov_base = bytes.data(), .iov_len = bytes.size()}};
    [[maybe_unused]] const ssize_t written = ::writev(device_.get(), pieces, 2);
  }
}

}  // namespace nineroot::test

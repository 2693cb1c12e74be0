// What is done with names: making, removing, renaming, linking, listing.
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <vector>

#include "tests/stress/directory_list.h"
#include "tests/stress/side.h"

namespace nineroot::stress {

Answer Side::do_names(const Operation& op, int at) {
  const int other_at = op.other >= 0 ? descriptor(op.other) : root_.get();
  const char* path = op.path.c_str();
  switch (op.kind) {
    case Kind::mkdir:
      return answer_of(::mkdirat(at, path, op.mode));
    case Kind::rmdir:
      return answer_of(::unlinkat(at, path, AT_REMOVEDIR));
    case Kind::unlink:
      return answer_of(::unlinkat(at, path, 0));
    case Kind::rename:
      return other_at < 0 ? "empty" : answer_of(::renameat(at, path, other_at, op.path2.c_str()));
    case Kind::link:
      return other_at < 0 ? "empty"
                          : answer_of(::linkat(at, path, other_at, op.path2.c_str(),
                                               static_cast<int>(op.flags)));
    case Kind::symlink:
      return answer_of(::symlinkat(op.path2.c_str(), at, path));
    case Kind::readlink: {
      std::array<char, 5000> target{};
      const ssize_t size = ::readlinkat(at, path, target.data(), target.size());
      return size < 0 ? answer_of(-1) : std::string(target.data(), static_cast<std::size_t>(size));
    }
    case Kind::mknod:
      return answer_of(::mknodat(at, path, op.mode, static_cast<dev_t>(op.value)));
    case Kind::bind:
      return do_bind(op, at);
    case Kind::list:
      return do_list(op, at);
    case Kind::sweep:
      return do_sweep(op, at);
    case Kind::deepen:
      return do_deepen(op, at);
    case Kind::drop_caches: {
      const UniqueFd control(::open("/proc/sys/vm/drop_caches", O_WRONLY | O_CLOEXEC));
      [[maybe_unused]] const ssize_t ignored = ::write(control.get(), "3", 1);
      return "0";
    }
    default:
      return "unknown";
  }
}

// A socket's address is short, so the name is reached through the directory's descriptor.
Answer Side::do_bind(const Operation& op, int at) const {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string path = "/proc/self/fd/" + std::to_string(at) + "/" + op.path;
  if (path.size() >= sizeof address.sun_path) {
    return "too long";
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  const UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  return answer_of(
      ::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address));
}

Answer Side::do_list(const Operation& op, int at) const {
  const UniqueFd directory(
      ::openat(at, op.path.c_str(), O_RDONLY | O_DIRECTORY | O_NONBLOCK | O_CLOEXEC));
  return directory.is_open() ? describe_names(directory.get()) : answer_of(-1);
}

// Reads a directory in small pieces and removes every other name while doing so: each name that was
// there is to be told exactly once, and what is left is told by the listing afterwards.
Answer Side::do_sweep(const Operation& op, int at) const {
  const UniqueFd directory(
      ::openat(at, op.path.c_str(), O_RDONLY | O_DIRECTORY | O_NONBLOCK | O_CLOEXEC));
  if (!directory.is_open()) {
    return answer_of(-1);
  }
  Answer answer;
  for (int i = 0; i < static_cast<int>(op.length); ++i) {
    const std::string name = "sweep" + std::to_string(i) + std::string(op.flags, 's');
    const UniqueFd made(
        ::openat(directory.get(), name.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    if (!made.is_open()) {
      answer += answer_of(-1) + " ";
    }
  }
  std::size_t seen = 0;
  const auto remove_every_other = [&](const std::string& name) {
    if (name.starts_with("sweep") && ++seen % 2 == 0) {
      ::unlinkat(directory.get(), name.c_str(), 0);
    }
  };
  answer += "told " + count_told(directory.get(), remove_every_other);
  for (int i = 0; i < static_cast<int>(op.length); ++i) {
    const std::string name = "sweep" + std::to_string(i) + std::string(op.flags, 's');
    ::unlinkat(directory.get(), name.c_str(), 0);
  }
  return answer + "\n" + describe_names(directory.get());
}

// A chain of directories one in the other, each used by its descriptor.
Answer Side::do_deepen(const Operation& op, int at) const {
  UniqueFd current(::openat(at, op.path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  const std::string name = op.path2;
  for (int depth = 0; depth < static_cast<int>(op.length) && current.is_open(); ++depth) {
    if (::mkdirat(current.get(), name.c_str(), 0755) != 0 && errno != EEXIST) {
      return std::to_string(depth) + ": " + answer_of(-1);
    }
    current.reset(::openat(current.get(), name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  }
  if (!current.is_open()) {
    return answer_of(-1);
  }
  struct stat status{};
  return ::fstatat(current.get(), "..", &status, 0) == 0 ? describe(status) : answer_of(-1);
}

}  // namespace nineroot::stress

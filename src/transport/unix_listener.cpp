#include "transport/unix_listener.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace nineroot::transport {
namespace {

constexpr int kBacklog = 64;

Result<UniqueFd> make_socket(int flags) {
  UniqueFd made(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | flags, 0));
  return made.is_open() ? Result<UniqueFd>(std::move(made)) : fail_errno();
}

Outcome<sockaddr_un> address_of(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof(address.sun_path)) {
    return std::unexpected(
        Failure(fmt::format("cannot listen at '{}': a socket's path has 1 to {} bytes", path,
                            sizeof(address.sun_path) - 1))
            .with_hint(
                "choose a shorter path, or change into the directory and give a relative one")
            .as_usage());
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  return address;
}

int call_with(int (*call)(int, const sockaddr*, socklen_t), int fd, const sockaddr_un& address) {
  return call(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address));
}

/// Makes room for a socket at `path`.
Outcome<void> remove_stale(const std::string& path, const sockaddr_un& address) {
  struct stat info{};
  if (::lstat(path.c_str(), &info) != 0) {
    return {};  // What else is wrong with the path, bind(2) says.
  }
  if (!S_ISSOCK(info.st_mode)) {
    return std::unexpected(Failure(fmt::format("cannot listen at {}: a file is there", path))
                               .with_hint("choose another path, or remove the file"));
  }
  // A full backlog must not make us wait; EAGAIN then says that somebody lives there.
  const auto probe = TRY(context(make_socket(SOCK_NONBLOCK), "cannot make a socket"));
  if (call_with(::connect, probe.get(), address) == 0 || errno != ECONNREFUSED) {
    return std::unexpected(
        Failure(fmt::format("cannot listen at {}: another server answers there", path))
            .with_hint("stop that server, or choose another path"));
  }
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) {
    return failure(Errno{errno}, "cannot remove the dead socket {}", path);
  }
  return {};
}

}  // namespace

Outcome<UnixListener> UnixListener::bind(const std::string& path) {
  const sockaddr_un address = TRY(address_of(path));
  const auto slash = path.rfind('/');
  const std::string directory = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  UniqueFd opened(::open(directory.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!opened.is_open()) {
    return failure(Errno{errno}, "cannot listen at {}: cannot open directory {}", path, directory);
  }
  TRY(remove_stale(path, address));
  auto socket = TRY(context(make_socket(SOCK_NONBLOCK), "cannot make a socket"));
  // Linux gives the new file the mode of the unbound socket: no moment at which others could
  // connect, and no process-wide umask.
  if (::fchmod(socket.get(), 0600) != 0 || call_with(::bind, socket.get(), address) != 0) {
    return failure(Errno{errno}, "cannot make socket {}", path);
  }
  UnixListener listener(std::move(socket), std::move(opened),
                        slash == std::string::npos ? path : path.substr(slash + 1));
  if (::listen(listener.fd(), kBacklog) != 0) {
    return failure(Errno{errno}, "cannot listen at {}", path);
  }
  return listener;
}

UnixListener::UnixListener(UniqueFd socket, UniqueFd directory, std::string name)
    : socket_(std::move(socket)), directory_(std::move(directory)), name_(std::move(name)) {
  struct stat info{};
  if (::fstatat(directory_.get(), name_.c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0) {
    device_ = info.st_dev;
    inode_ = info.st_ino;
  }
}

UnixListener::~UnixListener() {
  struct stat info{};
  if (directory_.is_open() &&
      ::fstatat(directory_.get(), name_.c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0 &&
      info.st_dev == device_ && info.st_ino == inode_) {
    ::unlinkat(directory_.get(), name_.c_str(), 0);
  }
}

Result<UniqueFd> UnixListener::accept() const {
  UniqueFd peer(::accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC));
  return peer.is_open() ? Result<UniqueFd>(std::move(peer)) : fail_errno();
}

}  // namespace nineroot::transport

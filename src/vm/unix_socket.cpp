#include "vm/unix_socket.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <memory>
#include <string>

namespace nineroot::vm {
namespace {

constexpr int kBacklog = 64;

// Calls `with` (bind or connect) with the address of `path`.
template <class Call>
Result<UniqueFd> with_socket(const std::filesystem::path& path, Call with) {
  const std::string text = path.string();
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (text.size() >= sizeof(address.sun_path)) {
    return fail(ENAMETOOLONG);
  }
  std::memcpy(&address.sun_path, text.c_str(), text.size() + 1);
  UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const void* any = &address;
  if (!fd.is_open() || with(fd.get(), static_cast<const sockaddr*>(any), sizeof(address)) != 0) {
    return fail_errno();
  }
  return fd;
}

}  // namespace

Result<UniqueFd> connect_unix(const std::filesystem::path& path) {
  return with_socket(path, ::connect);
}

Result<UniqueFd> listen_unix(const std::filesystem::path& path) {
  ::unlink(path.c_str());
  UniqueFd fd = TRY(with_socket(path, [](int raw, const sockaddr* address, socklen_t size) {
    // Linux gives the new name the mode of the socket's own inode, so there is no moment at which
    // others could connect.
    return ::fchmod(raw, 0600) != 0 ? -1 : ::bind(raw, address, size);
  }));
  if (::listen(fd.get(), kBacklog) != 0) {
    return fail_errno();
  }
  return fd;
}

}  // namespace nineroot::vm

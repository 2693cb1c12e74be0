// Stream sockets with a path, as our processes and QEMU use between themselves.
#pragma once

#include <filesystem>

#include "base/result.h"
#include "base/unique_fd.h"

namespace nineroot::vm {

/// ENAMETOOLONG over 107 bytes, ENOENT and ECONNREFUSED when nobody listens.
Result<UniqueFd> connect_unix(const std::filesystem::path& path);

/// Replaces what a former listener left there.  Only this user can connect (mode 0600).
Result<UniqueFd> listen_unix(const std::filesystem::path& path);

}  // namespace nineroot::vm

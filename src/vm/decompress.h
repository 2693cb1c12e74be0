// Compressed kernel modules, made plain on the host so that the guest's init needs no decompressor.
#pragma once

#include <string>
#include <string_view>

#include "base/failure.h"

namespace nineroot::vm {

/// The content of a file that is gzip, xz or zstd, or of any other file as it is.  Fails for what
/// is damaged or would grow over `limit` bytes.
Outcome<std::string> decompress(std::string_view bytes, std::size_t limit);

}  // namespace nineroot::vm

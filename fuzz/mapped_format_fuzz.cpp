// Bytes as a metadata file of mapped-file: reading never fails, and what was read is written and
// read back the same.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "base/mapped_format.h"

using namespace nineroot;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const mapped::Recorded recorded = mapped::decode_metadata(text);
  if (mapped::decode_metadata(mapped::encode_metadata(recorded)) != recorded) {
    std::abort();
  }
  // Names: what the guest may use comes back as it was.
  if (const auto host = mapped::host_xattr_name(text)) {
    if (mapped::guest_xattr_name(*host) != text) {
      std::abort();
    }
  }
  return 0;
}

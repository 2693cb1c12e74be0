#include "vm/decompress.h"

#include <array>
#include <memory>

#include <archive.h>
#include <archive_entry.h>

namespace nineroot::vm {
namespace {

struct FreeReader {
  void operator()(archive* reader) const { archive_read_free(reader); }
};

std::unexpected<Failure> damaged(archive* reader) {
  const char* text = archive_error_string(reader);
  return failure("cannot decompress it: {}", text != nullptr ? text : "it is damaged");
}

bool is_compressed(std::string_view bytes) {
  using namespace std::literals;
  return bytes.starts_with("\x1f\x8b"sv) ||
         bytes.starts_with(
             "\xfd"
             "7zXZ\0"sv) ||
         bytes.starts_with("\x28\xb5\x2f\xfd"sv);
}

}  // namespace

Outcome<std::string> decompress(std::string_view bytes, std::size_t limit) {
  if (!is_compressed(bytes)) {
    return std::string(bytes);
  }
  const std::unique_ptr<archive, FreeReader> reader(archive_read_new());
  archive_entry* entry = nullptr;
  if (reader == nullptr || archive_read_support_filter_gzip(reader.get()) != ARCHIVE_OK ||
      archive_read_support_filter_xz(reader.get()) != ARCHIVE_OK ||
      archive_read_support_filter_zstd(reader.get()) != ARCHIVE_OK ||
      archive_read_support_format_raw(reader.get()) != ARCHIVE_OK ||
      archive_read_open_memory(reader.get(), bytes.data(), bytes.size()) != ARCHIVE_OK ||
      archive_read_next_header(reader.get(), &entry) != ARCHIVE_OK) {
    return damaged(reader.get());
  }
  std::string content;
  std::array<char, 65536> piece{};
  for (;;) {
    const la_ssize_t got = archive_read_data(reader.get(), piece.data(), piece.size());
    if (got < 0) {
      return damaged(reader.get());
    }
    if (got == 0) {
      return content;
    }
    content.append(piece.data(), static_cast<std::size_t>(got));
    if (content.size() > limit) {
      return failure("it grows over {} bytes when decompressed", limit);
    }
  }
}

}  // namespace nineroot::vm

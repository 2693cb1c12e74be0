// What the refresher in a guest is asked to do, one task per record on its standard input, each
// ended by a zero byte.  It answers each with one line on its standard output: "ok", or a sentence.
// Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace nineroot::agent {

struct RefreshTask {
  enum class Kind : std::uint8_t {
    everything,  ///< Write out and drop all that the guest's kernel caches.
    path,        ///< Bring the guest in line with what the host has at `path`.
    names,       ///< Drop all names and attributes that nobody uses, and the files behind them.
    settle,      ///< The same, if a path before this could not be brought in line otherwise.
  };

  Kind kind = Kind::everything;
  std::string path{};  ///< From the guest's root, without a '/' before it; empty: the root itself.
  // What has happened to it on the host.
  bool is_new = false;       ///< The name was made, or now denotes another file.
  bool has_content = false;  ///< Content has changed.
  bool has_attributes = false;
  bool is_directory = false;  ///< As the host has, or had it.
  bool is_quiet = false;      ///< Those who watch in the guest need not be woken.
  std::uint64_t number = 0;   ///< The host's inode number; 0: nothing is there.
  std::uint64_t size = 0;     ///< Of the file on the host, in bytes.

  bool operator==(const RefreshTask&) const = default;
};

/// The longest record, its end not counted.
inline constexpr std::size_t kMaxRefreshRecord = 4096 + 64;

/// Without "", ".", "..", names over 255 bytes or a zero byte in it; below 4096 bytes.  Empty is
/// good: the root.
[[nodiscard]] bool is_good_path(std::string_view path);

/// The record, with its end.
[[nodiscard]] std::string encode(const RefreshTask& task);

/// Nothing for what encode() would not have made of a good path.  `record` is without its end.
[[nodiscard]] std::optional<RefreshTask> decode_refresh_task(std::string_view record);

}  // namespace nineroot::agent

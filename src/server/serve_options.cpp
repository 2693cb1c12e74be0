// What the command line says of an export, in words.
#include <algorithm>
#include <iterator>
#include <utility>

#include <fmt/format.h>

#include "server/serve.h"

namespace nineroot::server {

Outcome<fs::IdentityKind> parse_identity(std::string_view text) {
  using fs::IdentityKind;
  if (text == "mapped-xattr" || text == "mapped") {
    return IdentityKind::mapped_xattr;
  }
  if (text == "mapped-file") {
    return IdentityKind::mapped_file;
  }
  if (text == "passthrough") {
    return IdentityKind::passthrough;
  }
  if (text == "none") {
    return IdentityKind::none;
  }
  return std::unexpected(Failure(fmt::format("'{}' is no identity model", text))
                             .with_hint("say mapped-xattr, mapped-file, passthrough or none")
                             .as_usage());
}

Outcome<fs::Multidevs> parse_multidevs(std::string_view text) {
  using fs::Multidevs;
  if (text == "remap") {
    return Multidevs::remap;
  }
  if (text == "forbid") {
    return Multidevs::forbid;
  }
  if (text == "warn") {
    return Multidevs::warn;
  }
  return std::unexpected(Failure(fmt::format("'{}' is no way to treat several file systems", text))
                             .with_hint("say remap, forbid or warn")
                             .as_usage());
}

Outcome<void> switch_off(ServeOptions& options, std::string_view names) {
  const std::pair<std::string_view, bool*> paths[] = {
      {"keep-inodes", &options.fast_paths.keeps_inodes},
      {"hold-readable", &options.fast_paths.holds_readable},
      {"share-reads", &options.fast_paths.shares_reads},
      {"fine-ctime", &options.fast_paths.trusts_fine_ctime},
      {"close-at-once", &options.fast_paths.closes_at_once}};
  while (!names.empty()) {
    const std::string_view name = names.substr(0, names.find(','));
    names.remove_prefix(std::min(names.size(), name.size() + 1));
    const auto found = std::ranges::find(paths, name, &std::pair<std::string_view, bool*>::first);
    if (found != std::end(paths)) {
      *found->second = false;
    } else if (name == "poll") {
      options.poll_us = 0;
    } else {
      return std::unexpected(
          Failure(fmt::format("'{}' is no fast path", name))
              .with_hint("say keep-inodes, hold-readable, share-reads, fine-ctime, "
                         "close-at-once or poll")
              .as_usage());
    }
  }
  return {};
}

}  // namespace nineroot::server

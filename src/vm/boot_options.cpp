#include "vm/boot_options.h"

#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "storage/guest_tree.h"
#include "vm/plain_tree.h"

namespace nineroot::vm {
namespace {

constexpr std::uint32_t kLeastMemoryMib = 64;
constexpr std::uint32_t kMostDefaultCpus = 4;
constexpr std::array<std::string_view, 3> kCaches = {"mmap", "loose", "none"};
constexpr std::array<std::string_view, 3> kMultidevs = {"remap", "forbid", "warn"};
constexpr std::array<std::string_view, 4> kIdentities = {"mapped-xattr", "mapped-file",
                                                         "passthrough", "none"};

std::uint32_t default_cpus() {
  cpu_set_t allowed;
  if (::sched_getaffinity(0, sizeof allowed, &allowed) != 0) {
    return 1;
  }
  return std::clamp(static_cast<std::uint32_t>(CPU_COUNT(&allowed)), 1U, kMostDefaultCpus);
}

template <std::size_t N>
Outcome<void> check_one_of(const char* what, const std::string& value,
                           const std::array<std::string_view, N>& known) {
  if (std::ranges::find(known, value) == known.end()) {
    return std::unexpected(Failure(fmt::format("there is no {} {}", what, value))
                               .with_hint(fmt::format("say one of {}", fmt::join(known, ", ")))
                               .as_usage());
  }
  return {};
}

std::string identity_of(storage::Layout layout) {
  switch (layout) {
    case storage::Layout::mapped_file:
      return "mapped-file";
    case storage::Layout::plain:
      // Only root can give files away; for others the guest's owners must be recorded.
      return ::geteuid() == 0 ? "passthrough" : "mapped-xattr";
    case storage::Layout::mapped_xattr:
      break;
  }
  return "mapped-xattr";
}

// A bare tree has no settings: what it is shows in itself.
Outcome<void> settle_bare_tree(const Machine& machine, const BootOptions& options,
                               Settings& settings) {
  const storage::GuestTree tree = TRY(storage::GuestTree::open(machine.root));
  if (options.identity.empty()) {
    settings.identity = identity_of(tree.layout());
  }
  if (is_own_plain_tree(machine.root, tree.layout())) {
    settings.map = {"squash-owner"};
  }
  return {};
}

// A guest that trusts what it knows must be alone with its tree.
Outcome<void> check_shared(const Settings& settings) {
  if (settings.is_shared && settings.cache == "loose") {
    return std::unexpected(
        Failure("a tree that is shared cannot be cached loosely: changes of others are not seen")
            .with_hint("say --cache mmap or --cache none with --shared")
            .as_usage());
  }
  return {};
}

}  // namespace

std::optional<std::uint32_t> parse_memory(std::string_view text) {
  std::uint32_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const std::string_view unit = text.substr(static_cast<std::size_t>(end - text.data()));
  if (error != std::errc()) {
    return std::nullopt;
  }
  std::uint64_t mib = number;
  if (unit == "G" || unit == "GiB" || unit == "g") {
    mib *= 1024;
  } else if (!(unit.empty() || unit == "M" || unit == "MiB" || unit == "m")) {
    return std::nullopt;
  }
  if (mib < kLeastMemoryMib || mib > UINT32_MAX) {
    return std::nullopt;
  }
  return static_cast<std::uint32_t>(mib);
}

Outcome<Settings> effective_settings(const Machine& machine, const BootOptions& options) {
  Settings settings = machine.settings;
  if (machine.is_bare_tree()) {
    TRY(settle_bare_tree(machine, options, settings));
  }
  settings.memory_mib = options.memory_mib.value_or(settings.memory_mib);
  settings.cpus = options.cpus.value_or(settings.cpus);
  if (settings.cpus == 0) {
    settings.cpus = default_cpus();
  }
  if (!options.cache.empty()) {
    settings.cache = options.cache;
  }
  if (!options.identity.empty()) {
    settings.identity = options.identity;
  }
  if (!options.map.empty()) {
    settings.map = options.map;
  }
  if (!options.multidevs.empty()) {
    settings.multidevs = options.multidevs;
  }
  settings.is_shared = settings.is_shared || options.is_shared;
  if (!options.append.empty()) {
    settings.append += (settings.append.empty() ? "" : " ") + options.append;
  }
  TRY(check_one_of("cache mode", settings.cache, kCaches));
  TRY(check_one_of("identity", settings.identity, kIdentities));
  TRY(check_one_of("way to treat several file systems", settings.multidevs, kMultidevs));
  TRY(check_shared(settings));
  return settings;
}

Outcome<TreeUse> tree_use(const Machine& machine, const BootOptions& options) {
  if (options.is_read_only) {
    return TreeUse::together;
  }
  const Settings settings = TRY(effective_settings(machine, options));
  if (settings.is_shared && settings.identity == "mapped-file") {
    // Two servers could mix up records, which are found by name (docs/sharing.md).
    if (!machine.run.empty()) {
      return std::unexpected(
          Failure(fmt::format("{} keeps its records as mapped-file, which has one guest at a time",
                              machine.name))
              .with_hint("leave --name out, and stop the guest that runs")
              .as_usage());
    }
    return TreeUse::alone;
  }
  if (settings.is_shared) {
    return TreeUse::together;
  }
  if (!machine.run.empty()) {
    return std::unexpected(
        Failure(fmt::format("a guest of {} has a name only beside others", machine.name))
            .with_hint("say --shared, at all that use the tree, or leave --name out")
            .as_usage());
  }
  return TreeUse::alone;
}

storage::Layout layout_of(std::string_view identity) {
  if (identity == "mapped-xattr") {
    return storage::Layout::mapped_xattr;
  }
  return identity == "mapped-file" ? storage::Layout::mapped_file : storage::Layout::plain;
}

}  // namespace nineroot::vm

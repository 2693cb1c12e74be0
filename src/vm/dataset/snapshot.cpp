#include "vm/dataset/snapshot.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <utility>

#include "base/log.h"
#include "storage/dataset/btrfs.h"
#include "storage/directory_names.h"
#include "storage/remove_tree.h"
#include "vm/dataset/durable_file.h"
#include "vm/machine.h"

namespace nineroot::vm {
namespace {

constexpr const char* kDirectory = "snapshots";
constexpr const char* kRecord = "snapshot.json";
constexpr int kVersion = 1;

// Names that check_machine_name() refuses, so that no snapshot has them.
constexpr const char* kNew = ".new-";
constexpr const char* kGone = ".gone-";

constexpr std::array<std::pair<Level, std::string_view>, 4> kLevels = {
    {{Level::crash, "crash"}, {Level::synced, "synced"}, {Level::app, "app"}, {Level::off, "off"}}};

Outcome<UniqueFd> open_directory(int parent, const std::string& name) {
  UniqueFd fd(::openat(parent, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!fd.is_open()) {
    return failure(Errno{errno}, "cannot open the directory {}", name);
  }
  return fd;
}

}  // namespace

std::string_view name_of(Level level) {
  return std::ranges::find(kLevels, level, &std::pair<Level, std::string_view>::first)->second;
}

std::optional<Level> level_of(std::string_view name) {
  const auto found = std::ranges::find(kLevels, name, &std::pair<Level, std::string_view>::second);
  return found != kLevels.end() ? std::optional(found->first) : std::nullopt;
}

std::string name_from_time(const std::string& rfc3339) {
  std::string name = rfc3339.substr(0, rfc3339.find('Z'));
  std::ranges::replace(name, ':', '-');
  std::ranges::replace(name, 'T', '_');
  return name;
}

nlohmann::json to_json(const Snapshot& snapshot) {
  nlohmann::json object = to_json(snapshot.sets);
  object["version"] = kVersion;
  object["name"] = snapshot.name;
  object["created"] = snapshot.created;
  object["level"] = name_of(snapshot.level);
  object["note"] = snapshot.note;
  object["keep_until"] = snapshot.keep_until;
  object["held"] = snapshot.is_held;
  object["cause"] = snapshot.cause;
  object["left_out"] = snapshot.left_out;
  return object;
}

Outcome<Snapshots> Snapshots::open(int machine) {
  if (::mkdirat(machine, kDirectory, 0700) != 0 && errno != EEXIST) {
    return failure(Errno{errno}, "cannot make a directory for snapshots");
  }
  UniqueFd directory = TRY(open_directory(machine, kDirectory));
  return Snapshots(std::move(directory));
}

Outcome<std::optional<Snapshot>> Snapshots::read(const std::string& name) const {
  const UniqueFd directory(
      ::openat(directory_.get(), name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!directory.is_open()) {
    return std::nullopt;
  }
  const std::string path = fmt::format("the record of the snapshot {}", name);
  const auto object = TRY(read_json(directory.get(), kRecord, path, kVersion));
  if (!object) {
    return failure("{} is missing", path);
  }
  Snapshot snapshot{.name = name};
  snapshot.created = TRY(member<std::string>(*object, "created", path));
  const std::string level = TRY(member<std::string>(*object, "level", path));
  const auto known = level_of(level);
  if (!known) {
    return failure("{} is damaged: '{}' is no level", path, level);
  }
  snapshot.level = *known;
  snapshot.note = TRY(member<std::string>(*object, "note", path));
  snapshot.keep_until = TRY(member<std::string>(*object, "keep_until", path));
  snapshot.is_held = TRY(member<bool>(*object, "held", path));
  snapshot.cause = TRY(member<std::string>(*object, "cause", path));
  snapshot.sets = TRY(catalogue_from_json(*object, path));
  const auto left_out = object->find("left_out");
  if (left_out != object->end() && left_out->is_array()) {
    for (const nlohmann::json& one : *left_out) {
      if (one.is_string()) {
        snapshot.left_out.push_back(one.get<std::string>());
      }
    }
  }
  return snapshot;
}

Outcome<std::vector<Snapshot>> Snapshots::list() const {
  const std::vector<std::string> names =
      TRY(context(storage::directory_names(directory_.get()), "cannot list the snapshots"));
  std::vector<Snapshot> snapshots;
  for (const std::string& name : names) {
    if (!check_machine_name(name)) {
      continue;
    }
    Outcome<std::optional<Snapshot>> snapshot = read(name);
    if (!snapshot) {
      log::warn("{}", snapshot.error().what());
    } else if (*snapshot) {
      snapshots.push_back(std::move(**snapshot));
    }
  }
  std::ranges::sort(snapshots, {},
                    [](const Snapshot& one) { return std::pair(one.created, one.name); });
  return snapshots;
}

bool Snapshots::has(const std::string& name) const {
  return ::faccessat(directory_.get(), name.c_str(), F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

std::string Snapshots::free_name(const std::string& base) const {
  std::string name = base;
  for (int i = 2; has(name); ++i) {
    name = fmt::format("{}-{}", base, i);
  }
  return name;
}

Outcome<Snapshot> Snapshots::find(const std::string& name) const {
  if (check_machine_name(name)) {
    Outcome<std::optional<Snapshot>> snapshot = read(name);
    if (!snapshot) {
      return std::unexpected(std::move(snapshot.error()));
    }
    if (*snapshot) {
      return std::move(**snapshot);
    }
  }
  const std::vector<Snapshot> all = TRY(list());
  std::string names;
  for (const Snapshot& one : all) {
    names += (names.empty() ? "" : ", ") + one.name;
  }
  return std::unexpected(
      Failure(fmt::format("there is no snapshot '{}'", name))
          .with_hint(names.empty() ? "there is none yet: `nineroot snapshot NAME` takes one"
                                   : "there are: " + names));
}

Outcome<UniqueFd> Snapshots::begin(const std::string& name) const {
  TRY(remove_copies(kNew + name));
  if (::mkdirat(directory_.get(), (kNew + name).c_str(), 0700) != 0) {
    return failure(Errno{errno}, "cannot make the snapshot {}", name);
  }
  return open_directory(directory_.get(), kNew + name);
}

Outcome<void> Snapshots::publish(const Snapshot& snapshot) const {
  const std::string begun = kNew + snapshot.name;
  const UniqueFd directory = TRY(open_directory(directory_.get(), begun));
  // The copies first: what is named must be there after a crash.
  if (::syncfs(directory.get()) != 0) {
    return failure(Errno{errno}, "cannot write the snapshot {} to the disk", snapshot.name);
  }
  TRY(write_durably(directory.get(), kRecord, to_json(snapshot).dump(2) + "\n"));
  if (::renameat2(directory_.get(), begun.c_str(), directory_.get(), snapshot.name.c_str(),
                  RENAME_NOREPLACE) != 0 ||
      ::fsync(directory_.get()) != 0) {
    return failure(Errno{errno}, "cannot give the snapshot {} its name", snapshot.name);
  }
  return {};
}

Outcome<void> Snapshots::update(const Snapshot& snapshot) const {
  const UniqueFd directory = TRY(open_directory(directory_.get(), snapshot.name));
  return write_durably(directory.get(), kRecord, to_json(snapshot).dump(2) + "\n");
}

Outcome<void> Snapshots::remove(const Snapshot& snapshot) const {
  const std::string gone = kGone + snapshot.name;
  TRY(remove_copies(gone));
  if (::renameat(directory_.get(), snapshot.name.c_str(), directory_.get(), gone.c_str()) != 0 ||
      ::fsync(directory_.get()) != 0) {
    return failure(Errno{errno}, "cannot remove the snapshot {}", snapshot.name);
  }
  return remove_copies(gone);
}

Outcome<void> Snapshots::remove_copies(const std::string& name) const {
  const UniqueFd directory(
      ::openat(directory_.get(), name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!directory.is_open()) {
    return {};
  }
  const std::vector<std::string> copies =
      TRY(context(storage::directory_names(directory.get()), "cannot read " + name));
  for (const std::string& copy : copies) {
    // For any driver: what is no subvolume is removed as the tree that it is.
    TRY(context(storage::btrfs::remove(directory.get(), copy), "cannot remove " + name));
  }
  return context(storage::remove_tree(directory_.get(), name), "cannot remove " + name);
}

Outcome<UniqueFd> Snapshots::open_copy(const Snapshot& snapshot, const DataSet& set) const {
  const UniqueFd directory = TRY(open_directory(directory_.get(), snapshot.name));
  Outcome<UniqueFd> copy = open_directory(directory.get(), copy_name(set.path));
  if (!copy) {
    return std::unexpected(std::move(copy.error())
                               .within(fmt::format("the snapshot {} has lost its copy of {}",
                                                   snapshot.name, set.path)));
  }
  return copy;
}

Outcome<void> Snapshots::sweep() const {
  const std::vector<std::string> names =
      TRY(context(storage::directory_names(directory_.get()), "cannot list the snapshots"));
  for (const std::string& name : names) {
    if (name.starts_with(kNew) || name.starts_with(kGone)) {
      TRY(remove_copies(name));
    }
  }
  return {};
}

}  // namespace nineroot::vm

#include "vm/dataset/pending_change.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <set>

#include "base/log.h"
#include "base/unique_fd.h"
#include "storage/dataset/btrfs.h"
#include "storage/descriptor.h"
#include "storage/directory_names.h"
#include "vm/dataset/durable_file.h"
#include "vm/dataset/kept_times.h"

namespace nineroot::vm {

void (*at_change_step)(const char* where, std::size_t step) = nullptr;

namespace {

constexpr const char* kFile = "pending.json";
constexpr const char* kWork = "work";
constexpr int kVersion = 1;
constexpr std::array<const char*, 3> kKinds = {"move", "exchange", "remove"};

void reached(const char* where, std::size_t step = 0) {
  if (at_change_step != nullptr) {
    at_change_step(where, step);
  }
}

nlohmann::json to_json(const PendingChange& change) {
  nlohmann::json object = vm::to_json(change.catalogue);
  object["version"] = kVersion;
  object["operation"] = change.operation;
  object["steps"] = nlohmann::json::array();
  for (const ChangeStep& step : change.steps) {
    object["steps"].push_back({{"kind", kKinds[static_cast<std::size_t>(step.kind)]},
                               {"from", step.from},
                               {"to", step.to},
                               {"inode", step.what.inode},
                               {"birth_ns", fmt::to_string(step.what.birth_ns)},
                               {"uuid", step.what.uuid}});
  }
  return object;
}

Outcome<ChangeStep> step_from_json(const nlohmann::json& object) {
  ChangeStep step;
  const std::string kind = TRY(member<std::string>(object, "kind", kFile));
  const std::string birth = TRY(member<std::string>(object, "birth_ns", kFile));
  const auto known = std::ranges::find(kKinds, kind);
  if (known == kKinds.end()) {
    return failure("{} is damaged: '{}' is no step", kFile, kind);
  }
  step.kind = static_cast<ChangeStep::Kind>(known - kKinds.begin());
  step.from = TRY(member<std::string>(object, "from", kFile));
  step.to = TRY(member<std::string>(object, "to", kFile));
  step.what.inode = TRY(member<std::uint64_t>(object, "inode", kFile));
  step.what.birth_ns = std::strtoll(birth.c_str(), nullptr, 10);
  step.what.uuid = TRY(member<std::string>(object, "uuid", kFile));
  return step;
}

Outcome<PendingChange> from_json(const nlohmann::json& object) {
  PendingChange change;
  change.operation = TRY(member<std::string>(object, "operation", kFile));
  change.catalogue = TRY(catalogue_from_json(object, kFile));
  const auto steps = object.find("steps");
  if (steps == object.end() || !steps->is_array()) {
    return failure("{} is damaged: it has no steps", kFile);
  }
  for (const nlohmann::json& one : *steps) {
    ChangeStep step = TRY(step_from_json(one));
    change.steps.push_back(std::move(step));
  }
  return change;
}

/// By names alone: what a guest has put in the way is not followed.  Closed if it is not there.
UniqueFd open_directory(const std::string& path) {
  Result<UniqueFd> directory = storage::open_directory_straight(path);
  return directory ? std::move(*directory) : UniqueFd();
}

/// A directory and the name of something in it.
struct Spot {
  UniqueFd parent;
  std::string name;
};

Spot spot_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return {.parent = open_directory(path.substr(0, std::max<std::size_t>(slash, 1))),
          .name = path.substr(slash + 1)};
}

bool is_at(const DirectoryIdentity& what, const std::string& path) {
  const UniqueFd directory = open_directory(path);
  if (!directory.is_open()) {
    return false;
  }
  const Outcome<DirectoryIdentity> there = DirectoryIdentity::of(directory.get());
  return there && *there == what;
}

Outcome<void> remove_at(const std::string& path) {
  const Spot spot = spot_of(path);
  const KeptTimes times(spot.parent.get());
  return context(storage::btrfs::remove(spot.parent.get(), spot.name), "cannot remove " + path);
}

/// Fine if it was done before.
Outcome<void> take(const ChangeStep& step) {
  if (step.kind == ChangeStep::Kind::remove) {
    return is_at(step.what, step.from) ? remove_at(step.from) : Outcome<void>();
  }
  if (is_at(step.what, step.to)) {
    return {};
  }
  if (!is_at(step.what, step.from)) {
    return std::unexpected(
        Failure(fmt::format("what was to come from {} to {} is at neither", step.from, step.to))
            .with_hint("somebody moved it: move it back, then try again"));
  }
  const Spot from = spot_of(step.from);
  const Spot to = spot_of(step.to);
  // The guest's directories around it have not changed for the guest.
  const KeptTimes from_times(from.parent.get());
  const KeptTimes to_times(to.parent.get());
  // XFS stamps what is exchanged, too (xfs_cross_rename).
  const KeptTimes moved_times(open_directory(step.from).get());
  const KeptTimes replaced_times(open_directory(step.to).get());
  const unsigned flags = step.kind == ChangeStep::Kind::exchange ? RENAME_EXCHANGE : 0;
  if (::renameat2(from.parent.get(), from.name.c_str(), to.parent.get(), to.name.c_str(), flags) !=
      0) {
    return failure(Errno{errno}, "cannot {} {} {} {}", flags != 0 ? "exchange" : "move", step.from,
                   flags != 0 ? "and" : "to", step.to);
  }
  return {};
}

/// The renames, on the disk: of each directory in which one was made.
Outcome<void> sync_steps(const PendingChange& change) {
  std::set<std::string> parents;
  for (const ChangeStep& step : change.steps) {
    for (const std::string& path : {step.from, step.to}) {
      if (path.empty()) {
        continue;
      }
      parents.insert(std::filesystem::path(path).parent_path().string());
    }
  }
  for (const std::string& parent : parents) {
    const UniqueFd directory = open_directory(parent);
    // What an exchange has taken away with it is gone from here.
    if (directory.is_open() && ::syncfs(directory.get()) != 0) {
      return failure(Errno{errno}, "cannot write {} to the disk", parent);
    }
  }
  return {};
}

Outcome<void> remove_work(int directory) {
  const UniqueFd work(::openat(directory, kWork, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!work.is_open()) {
    return {};
  }
  const std::vector<std::string> names =
      TRY(context(storage::directory_names(work.get()), "cannot look at what is left to remove"));
  for (const std::string& name : names) {
    TRY(context(storage::btrfs::remove(work.get(), name), "cannot remove what was replaced"));
  }
  return context(storage::btrfs::remove(directory, kWork), "cannot remove what was replaced");
}

Outcome<void> go_through(int directory, const PendingChange& change) {
  for (std::size_t i = 0; i < change.steps.size(); ++i) {
    reached("step", i);
    TRY(take(change.steps[i]));
  }
  reached("sync");
  TRY(sync_steps(change));
  reached("catalogue");
  TRY(write_catalogue(directory, change.catalogue));
  reached("journal");
  TRY(remove_durably(directory, kFile));
  reached("end");
  return remove_work(directory);
}

}  // namespace

Outcome<DirectoryIdentity> DirectoryIdentity::of(int directory) {
  struct statx info{};
  if (::statx(directory, "", AT_EMPTY_PATH, STATX_BASIC_STATS | STATX_BTIME, &info) != 0) {
    return failure(Errno{errno}, "cannot look at a directory");
  }
  DirectoryIdentity identity{
      .inode = info.stx_ino,
      .birth_ns = info.stx_btime.tv_sec * 1'000'000'000 + info.stx_btime.tv_nsec};
  if (storage::btrfs::is_subvolume(directory)) {
    const auto subvolume =
        TRY(context(storage::btrfs::info(directory), "cannot look at a subvolume"));
    for (const std::uint8_t byte : subvolume.uuid) {
      identity.uuid += fmt::format("{:02x}", byte);
    }
  }
  return identity;
}

Outcome<void> carry_out(const Machine& machine, int directory, const PendingChange& change) {
  reached("intent");
  TRY(write_durably(directory, kFile, to_json(change).dump(2) + "\n"));
  Outcome<void> done = go_through(directory, change);
  if (!done) {
    return std::unexpected(
        std::move(done.error())
            .within(fmt::format("the {} of {} is not finished", change.operation, machine.name)));
  }
  return {};
}

Outcome<void> finish_pending_change(const Machine& machine, int directory) {
  const std::string path = (machine.directory / kFile).string();
  const auto object = TRY(read_json(directory, kFile, path, kVersion));
  if (!object) {
    return remove_work(directory);
  }
  const PendingChange change = TRY(from_json(*object));
  log::info("finishing the {} of {}, which was interrupted", change.operation, machine.name);
  Outcome<void> done = go_through(directory, change);
  if (!done) {
    return std::unexpected(std::move(done.error())
                               .within(fmt::format("the {} of {}, which was interrupted, cannot be "
                                                   "finished",
                                                   change.operation, machine.name)));
  }
  return {};
}

std::string pending_operation(const std::filesystem::path& machine_directory) {
  const UniqueFd directory = open_directory(machine_directory.string());
  if (!directory.is_open()) {
    return "";
  }
  const auto object = read_json(directory.get(), kFile, kFile, kVersion);
  if (!object) {
    return "change that cannot be read";
  }
  if (!*object) {
    return "";
  }
  const auto operation = member<std::string>(**object, "operation", kFile);
  return operation ? *operation : "change that cannot be read";
}

}  // namespace nineroot::vm

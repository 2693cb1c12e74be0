#include "cli/tree_argument.h"

#include <algorithm>

#include "cli/snapshot_argument.h"
#include "storage/descriptor.h"
#include "vm/boot_options.h"
#include "vm/dataset/storage_use.h"

namespace nineroot::cli {
namespace {

bool is_within(const std::string& path, const std::string& directory) {
  return directory == "/" || path == directory || path.starts_with(directory + "/");
}

/// RFC 3339, as vm/timestamp.h writes it.
std::optional<timespec> moment_of(const std::string& text) {
  std::tm parts{};
  if (::strptime(text.c_str(), "%Y-%m-%dT%H:%M:%SZ", &parts) == nullptr) {
    return std::nullopt;
  }
  return timespec{.tv_sec = ::timegm(&parts), .tv_nsec = 0};
}

Outcome<NamedTree> open_parts(const vm::StorageUse& use, const vm::Snapshot& snapshot) {
  const vm::Machine& machine = use.machine();
  NamedTree named{.name = machine.name + "@" + snapshot.name,
                  .lineage = machine.root,
                  .parts = {},
                  .taken = {}};
  bool keeps_inodes = true;
  for (const vm::DataSet& set : snapshot.sets.sets) {
    const UniqueFd copy = TRY(use.snapshots().open_copy(snapshot, set));
    storage::GuestTree tree = TRY(storage::GuestTree::open(
        storage::path_of(copy.get()), vm::layout_of(machine.settings.identity)));
    const bool is_btrfs = set.driver == "btrfs";
    keeps_inodes = keeps_inodes && is_btrfs;
    named.parts.push_back({.path = set.path, .tree = std::move(tree), .is_copy = !is_btrfs});
  }
  if (keeps_inodes) {
    named.taken = moment_of(snapshot.created);
  }
  return named;
}

}  // namespace

storage::ComparedTree NamedTree::at(const std::string& path) const {
  // Nested parts come later.
  const auto part = std::find_if(parts.rbegin(), parts.rend(), [&path](const TreePart& one) {
    return is_within(path, one.path);
  });
  const std::string start = part->path == "/" ? path : path.substr(part->path.size());
  return {.root = part->tree.root(),
          .layout = part->tree.layout(),
          .name = name,
          .start = start.empty() ? "/" : start,
          .is_copy = part->is_copy};
}

Outcome<NamedTree> open_tree(const std::string& text) {
  const SnapshotArgument argument = SnapshotArgument::parse(text);
  const vm::Machine machine = TRY(vm::find_machine(argument.machine));
  if (!argument.snapshot.empty()) {
    const vm::StorageUse use = TRY(vm::StorageUse::look(machine));
    const vm::Snapshot snapshot = TRY(use.snapshots().find(argument.snapshot));
    return open_parts(use, snapshot);
  }
  storage::GuestTree tree = TRY(open_tree_of(machine));
  NamedTree named{.name = text, .lineage = machine.root, .parts = {}, .taken = {}};
  named.parts.push_back({.path = "/", .tree = std::move(tree)});
  return named;
}

Outcome<std::vector<NamedTree>> open_snapshots(const vm::Machine& machine) {
  std::vector<NamedTree> all;
  if (machine.is_bare_tree()) {
    return all;
  }
  const vm::StorageUse use = TRY(vm::StorageUse::look(machine));
  const std::vector<vm::Snapshot> snapshots = TRY(use.snapshots().list());
  for (const vm::Snapshot& snapshot : snapshots) {
    NamedTree one = TRY(open_parts(use, snapshot));
    all.push_back(std::move(one));
  }
  return all;
}

Outcome<storage::GuestTree> open_tree_of(const vm::Machine& machine) {
  if (machine.is_bare_tree()) {
    return storage::GuestTree::open(machine.root);
  }
  return storage::GuestTree::open(machine.root, vm::layout_of(machine.settings.identity));
}

Outcome<std::vector<vm::Machine>> find_machines(const std::vector<std::string>& names) {
  if (names.empty()) {
    return vm::list_machines();
  }
  std::vector<vm::Machine> machines;
  for (const std::string& name : names) {
    vm::Machine machine = TRY(vm::find_machine(name));
    if (std::ranges::find(machines, machine.root, &vm::Machine::root) == machines.end()) {
      machines.push_back(std::move(machine));
    }
  }
  return machines;
}

}  // namespace nineroot::cli

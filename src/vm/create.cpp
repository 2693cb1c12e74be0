#include "vm/create.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "storage/dataset/btrfs.h"
#include "storage/descriptor.h"
#include "storage/guest_tree.h"
#include "storage/xattr_probe.h"
#include "vm/create_source.h"
#include "vm/dataset/change_data_sets.h"
#include "vm/debian_bootstrap.h"
#include "vm/fill_tree.h"
#include "vm/furnish.h"
#include "vm/interruption.h"
#include "vm/remove_machine.h"
#include "vm/root_password.h"
#include "vm/staging.h"
#include "vm/timestamp.h"

namespace nineroot::vm {
namespace {

namespace fs = std::filesystem;
using storage::GuestTree;
using storage::Layout;
using Kind = CreateSource::Kind;

constexpr const char* kSquashOwner = "squash-owner";

Outcome<Layout> layout_of(const std::string& identity) {
  if (identity == "mapped-xattr") {
    return Layout::mapped_xattr;
  }
  if (identity == "mapped-file") {
    return Layout::mapped_file;
  }
  if (identity == "passthrough" || identity == "none") {
    return Layout::plain;
  }
  return std::unexpected(Failure(fmt::format("'{}' is no identity", identity))
                             .with_hint("say mapped-xattr, mapped-file, passthrough or none")
                             .as_usage());
}

/// The host's time zone as a name, if it has one.
std::optional<std::string> host_timezone() {
  std::error_code error;
  const std::string target = fs::read_symlink("/etc/localtime", error);
  constexpr std::string_view kMark = "/zoneinfo/";
  const std::size_t at = target.find(kMark);
  if (error || at == std::string::npos) {
    return std::nullopt;
  }
  return target.substr(at + kMark.size());
}

Outcome<void> check_hostname(const std::string& name) {
  const bool has_only_letters =
      name.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.") ==
      std::string::npos;
  if (!name.empty() && name.size() <= 64 && has_only_letters && name.front() != '-' &&
      name.front() != '.') {
    return {};
  }
  return std::unexpected(Failure(fmt::format("'{}' is no host name", name))
                             .with_hint("use letters, digits, '-' and '.', at most 64")
                             .as_usage());
}

/// A machine's name may have an underscore, a host's may not.
std::string hostname_from(std::string name) {
  for (char& c : name) {
    c = c == '_' ? '-' : c;
  }
  return name;
}

/// What only one kind of source can have.
Outcome<void> check_fit(const CreateRequest& request, const CreateSource& source) {
  const bool has_debian_wishes = request.is_standard || request.is_minimal ||
                                 !request.include.empty() || !request.mirrors.empty();
  if (source.kind != Kind::debian && has_debian_wishes) {
    return std::unexpected(
        Failure("--standard, --minimal, --include and --mirror are for --from debian:SUITE")
            .with_hint("packages of another tree are installed in the guest: `nineroot run`")
            .as_usage());
  }
  if (request.is_in_place && source.kind != Kind::directory) {
    return std::unexpected(
        Failure("--in-place is for a directory").with_hint("give one with --from").as_usage());
  }
  return {};
}

/// The tree `root` in the staging directory: an empty directory with the layout proven to work.
Outcome<UniqueFd> make_root(const Staging& staging, Layout layout) {
  // A subvolume where there are such: then it can be snapshotted and cloned at once.
  const bool is_subvolume = storage::btrfs::create(staging.fd(), "root").has_value() &&
                            ::fchmodat(staging.fd(), "root", 0700, 0) == 0;
  if (!is_subvolume && ::mkdirat(staging.fd(), "root", 0700) != 0) {
    return failure(Errno{errno}, "cannot make {}", (staging.path() / "root").string());
  }
  UniqueFd root(::openat(staging.fd(), "root", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!root.is_open()) {
    return failure(Errno{errno}, "cannot open {}", (staging.path() / "root").string());
  }
  TRY(storage::probe_layout(root.get(), staging.path().parent_path().string(), layout));
  return root;
}

bool has_squash_owner(const std::vector<std::string>& map) {
  return std::ranges::find(map, kSquashOwner) != map.end();
}

/// The rules for a copy of the source, which fill() has made.
std::vector<std::string> rules_of_copy(const CreateSource& source, Layout layout) {
  std::vector<std::string> rules = source.map;
  if (layout != Layout::plain) {
    std::erase(rules, kSquashOwner);
  }
  return rules;
}

Outcome<storage::Import::Done> fill(const CreateRequest& request, const CreateSource& source,
                                    int root, Layout layout, Interruption& interruption,
                                    Progress& progress) {
  if (source.kind == Kind::debian) {
    const DebianRequest debian{.suite = source.suite,
                               .is_standard = request.is_standard,
                               .is_minimal = request.is_minimal,
                               .has_ssh_server = request.ssh_keys.has_value(),
                               .include = request.include,
                               .mirrors = request.mirrors};
    const std::vector<std::string> command = TRY(debian_command(debian));
    return fill_from_debian(command, source.name, root, layout, interruption, progress);
  }
  storage::ImportSource from{.fd = source.fd.get(), .name = source.name, .layout = std::nullopt};
  if (source.kind == Kind::directory) {
    from.layout = source.layout;
    // A plain tree has nowhere to record it: there the rule stays.
    from.squashes_owner = layout != Layout::plain && has_squash_owner(source.map);
  }
  return fill_from(from, source.size, root, layout, interruption, progress);
}

Outcome<Furnishing> furnishing_for(const CreateRequest& request, const CreateSource& source) {
  Furnishing wanted;
  wanted.is_foreign = source.kind != Kind::debian;
  wanted.hostname = request.hostname;
  // A tree that stays in place is its owner's: only what was asked for is changed in it.
  wanted.has_network = !request.is_in_place;
  wanted.has_console = !request.is_in_place;
  if (!wanted.hostname && !request.is_in_place) {
    wanted.hostname = hostname_from(request.name);
  }
  wanted.timezone = request.timezone;
  if (!wanted.timezone && source.kind == Kind::debian) {
    wanted.timezone = host_timezone();
  }
  wanted.ssh_keys = request.ssh_keys;
  if (request.root_password) {
    wanted.root_password_hash = TRY(hash_password(*request.root_password));
  }
  return wanted;
}

Outcome<void> write_settings(const Staging& staging, const Settings& settings) {
  const UniqueFd file(
      ::openat(staging.fd(), "machine.toml", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644));
  if (!file.is_open()) {
    return failure(Errno{errno}, "cannot write the machine's settings");
  }
  return context(storage::write_all(file.get(), settings.to_toml()),
                 "cannot write the machine's settings");
}

/// The tree of a machine in place: a symlink to where it is.
Outcome<Layout> adopt(const Staging& staging, const CreateSource& source, Settings& settings,
                      bool has_identity) {
  std::optional<Layout> asked;
  if (has_identity) {
    asked = TRY(layout_of(settings.identity));
  }
  const GuestTree tree = TRY(GuestTree::open(source.path, asked));
  const Layout layout = tree.layout() == Layout::mapped_file ? Layout::mapped_file
                        : has_identity                       ? tree.layout()
                                                             : Layout::mapped_xattr;
  if (!has_identity) {
    settings.identity = layout == Layout::mapped_file ? "mapped-file" : "mapped-xattr";
  }
  TRY(storage::probe_layout(source.fd.get(), source.path.string(), layout));
  settings.map = source.map;
  if (::symlinkat(source.path.c_str(), staging.fd(), "root") != 0) {
    return failure(Errno{errno}, "cannot make a link to {}", source.path.string());
  }
  return layout;
}

Outcome<void> check_wishes(const CreateRequest& request) {
  TRY(check_machine_name(request.name));
  for (const std::string& path : request.data_sets) {
    TRY(data_set_path(path));
  }
  return request.hostname ? check_hostname(*request.hostname) : Outcome<void>();
}

Settings wanted_settings(const CreateRequest& request) {
  Settings settings;
  settings.memory_mib = request.memory_mib.value_or(settings.memory_mib);
  settings.cpus = request.cpus.value_or(settings.cpus);
  settings.identity = request.identity.value_or(settings.identity);
  return settings;
}

Outcome<void> make_data_sets(const Machine& machine, std::vector<std::string> paths,
                             Progress& progress) {
  if (paths.empty()) {
    return {};
  }
  std::ranges::sort(paths);  // Outer ones first.
  StorageUse use = TRY(StorageUse::begin(machine));
  for (const std::string& path : paths) {
    TRY(add_data_set(use, path, progress));
  }
  return {};
}

}  // namespace

Outcome<Machine> create_machine(const CreateRequest& request, Progress& progress,
                                std::vector<std::string>& notes) {
  TRY(check_wishes(request));
  Settings settings = wanted_settings(request);
  Layout layout = TRY(layout_of(settings.identity));
  CreateSource source = TRY(open_create_source(request.from));
  TRY(check_fit(request, source));
  if (source.kind == Kind::debian) {
    TRY(check_debian_host());
  }
  Furnishing furnishing = TRY(furnishing_for(request, source));
  settings.source = source.name;
  settings.created = now_text();

  const fs::path home = TRY(home_directory());
  // From here on a signal is an answer to be given, not an end in the middle.
  Interruption interruption = TRY(Interruption::watch());
  Staging staging = TRY(Staging::make(home, request.name));
  if (request.is_in_place) {
    layout = TRY(adopt(staging, source, settings, request.identity.has_value()));
    if (has_squash_owner(settings.map)) {
      notes.emplace_back(
          "the tree records no owners: what is yours in it, the guest sees as root's");
    }
  } else {
    const UniqueFd root = TRY(make_root(staging, layout));
    auto done = TRY(fill(request, source, root.get(), layout, interruption, progress));
    notes.insert(notes.end(), done.warnings.begin(), done.warnings.end());
    settings.map = rules_of_copy(source, layout);
    if (has_squash_owner(source.map)) {
      notes.emplace_back(
          "the tree records no owners: what is yours in it is root's in the machine");
    }
  }
  progress.begin("setting up the machine");
  const GuestTree tree = TRY(GuestTree::open(staging.path() / "root", layout));
  if (!request.timezone && furnishing.timezone &&
      !tree.exists("/usr/share/zoneinfo/" + *furnishing.timezone)) {
    furnishing.timezone.reset();  // The host's own, which nobody asked for.
  }
  TRY(furnish(tree, furnishing, notes));
  TRY(write_settings(staging, settings));
  progress.begin("putting it on the disk");
  TRY(interruption.check());
  const fs::path directory = TRY(staging.publish());
  progress.end();
  Machine machine{.name = request.name,
                  .directory = directory,
                  .root = directory / "root",
                  .settings = settings};
  const Outcome<void> divided = make_data_sets(machine, request.data_sets, progress);
  if (!divided) {
    [[maybe_unused]] const auto removed = remove_machine(machine);
    return std::unexpected(divided.error());
  }
  return machine;
}

}  // namespace nineroot::vm

// nineroot diff: in what two trees differ, as their guests see them.
#include <cstdio>
#include <set>

#include <CLI/CLI.hpp>

#include "cli/command.h"
#include "cli/difference_report.h"
#include "cli/tree_argument.h"
#include "storage/dataset/origin.h"
#include "storage/difference/renames.h"
#include "storage/difference/tree_difference.h"

namespace nineroot::cli {
namespace {

constexpr const char* kAbout =
    R"(A line for each path, from A to B: added, removed, modified (content, size or
symlink target), metadata (mode, owner, group, device, mtime, attributes, hard
links), type (a file became a directory, or the like) or renamed. Owners and
modes are the guest's, as recorded in the tree. A directory in which a name came
or went has another mtime.

Files with the same size and mtime count as equal; --content compares the bytes
too. A tree whose guest runs may change meanwhile: then the answer is only as
good as the moment.

With --json each line is an object: change, path, from (where it was called
otherwise), fields (what differs), before and after.

Exit status: 0 no difference, 1 differences, 2 trouble.)";

struct Arguments {
  std::string a;
  std::string b;
  std::string path = "/";
  bool reads_content = false;
  bool is_json = false;
};

void print(const storage::Difference& one, bool is_json) {
  if (is_json) {
    fmt::print("{}\n", to_json(one).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
  } else {
    fmt::print("{}\n", to_line(one));
  }
}

/// The older of the moments at which snapshots of one machine were taken.
std::optional<timespec> parted(const NamedTree& a, const NamedTree& b) {
  if (a.lineage != b.lineage || !a.taken || !b.taken) {
    return a.lineage == b.lineage ? (a.taken ? a.taken : b.taken) : std::nullopt;
  }
  return a.taken->tv_sec < b.taken->tv_sec ? a.taken : b.taken;
}

/// Where comparing begins: at `path`, and at each data set below it that one of the two has apart.
std::set<std::string> starts(const NamedTree& a, const NamedTree& b, const std::string& path) {
  std::set<std::string> all = {path};
  for (const NamedTree* tree : {&a, &b}) {
    for (const TreePart& part : tree->parts) {
      if (path == "/" || part.path.starts_with(path + "/")) {
        all.insert(part.path);
      }
    }
  }
  return all;
}

std::optional<storage::InodeState> original_of(int inode) {
  const storage::Origin origin = storage::read_origin(inode);
  if (origin == storage::Origin()) {
    return std::nullopt;
  }
  constexpr std::int64_t kNanoseconds = 1'000'000'000;
  return storage::InodeState{.number = origin.inode,
                             .ctime = {.tv_sec = origin.ctime_ns / kNanoseconds,
                                       .tv_nsec = origin.ctime_ns % kNanoseconds}};
}

/// Whether there are differences.
Outcome<bool> compare(const Arguments& arguments) {
  const NamedTree a = TRY(open_tree(arguments.a));
  const NamedTree b = TRY(open_tree(arguments.b));
  const std::string below = TRY(storage::clean_start(arguments.path));
  const std::set<std::string> all = starts(a, b, "/" + below);
  bool is_any = false;
  for (const std::string& start : all) {
    const storage::ComparedTree before = a.at(start);
    const storage::ComparedTree after = b.at(start);
    const storage::CompareOptions options{
        .reads_content = arguments.reads_content,
        .parted = parted(a, b),
        .original = a.lineage == b.lineage ? original_of : nullptr,
        .is_left_out = [&all](std::string_view path) { return all.contains(std::string(path)); },
        .path = start};
    storage::RenameFinder renames(before, after, options);
    TRY(storage::compare_trees(before, after, options,
                               [&renames](storage::Difference one) -> Outcome<void> {
                                 renames.take(std::move(one));
                                 return {};
                               }));
    TRY(renames.pass_on([&](const storage::Difference& one) -> Outcome<void> {
      is_any = true;
      print(one, arguments.is_json);
      return {};
    }));
  }
  return is_any;
}

/// As diff(1): main's own statuses of failures are taken by "differences".
Outcome<int> diff(const Arguments& arguments) {
  const Outcome<bool> compared = compare(arguments);
  if (!compared) {
    std::fputs(compared.error().text().c_str(), stderr);
    return 2;
  }
  return *compared ? 1 : 0;
}

}  // namespace

void register_diff(CLI::App& app, Action& action) {
  const auto arguments = std::make_shared<Arguments>();
  CLI::App* verb = app.add_subcommand("diff", "Show in what two trees differ");
  verb->footer(kAbout);
  verb->add_option("a", arguments->a, "A machine's name, NAME@SNAPSHOT, or a path to a tree")
      ->required();
  verb->add_option("b", arguments->b, "Another one")->required();
  verb->add_option("--path", arguments->path, "Only what is at and below this path of the guests'");
  verb->add_flag("--content", arguments->reads_content,
                 "Compare the bytes of files, whatever their times say");
  verb->add_flag("--json", arguments->is_json, "Print a JSON object per line");
  verb->callback([&action, arguments] { action = [arguments] { return diff(*arguments); }; });
}

}  // namespace nineroot::cli

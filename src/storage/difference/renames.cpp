#include "storage/difference/renames.h"

#include <algorithm>
#include <map>
#include <tuple>
#include <unordered_map>

#include "storage/descriptor.h"
#include "storage/difference/same_content.h"
#include "storage/entry_path.h"
#include "storage/tree_walk.h"

namespace nineroot::storage {
namespace {

/// What an inode keeps whatever it is called.
using Identity = std::tuple<std::uint64_t, std::int64_t, std::int64_t, std::uint32_t>;

std::optional<Identity> identity_of(const GuestInode& inode) {
  if (!inode.host.birth) {
    return std::nullopt;
  }
  return Identity(inode.host.number, inode.host.birth->tv_sec, inode.host.birth->tv_nsec,
                  inode.type());
}

/// Whether the rename of a directory above explains the one of `path`.
bool is_implied(const std::unordered_map<std::string, std::string>& directories,
                const Difference& one) {
  const auto above = directories.find(std::string(parent_path(one.path)));
  return above != directories.end() && parent_path(one.from) == above->second &&
         last_component(one.from) == last_component(one.path);
}

}  // namespace

/// `path` is as it was told: below options_.path, which in the tree is its start.
Result<UniqueFd> RenameFinder::open(const ComparedTree& tree, const std::string& path) const {
  const bool is_whole = options_.path.find_first_not_of('/') == std::string::npos;
  const std::string_view below = std::string_view(path).substr(is_whole ? 0 : options_.path.size());
  const Place start = TRY(walk(tree.root, tree.layout, tree.start, LastSymlink::keep));
  if (!start.exists()) {
    return fail(ENOENT);
  }
  const UniqueFd directory = TRY(open_canonical(start.inode.get(), parent_path(below)));
  const UniqueFd inode =
      TRY(open_inode(directory.get(), std::string(last_component(below)).c_str()));
  return open_content(inode.get());
}

Outcome<bool> RenameFinder::is_same_content(const Difference& one) const {
  const std::string what = "cannot compare the content of " + printable(one.path);
  const UniqueFd before = TRY(context(open(a_, one.from), what));
  const UniqueFd after = TRY(context(open(b_, one.path), what));
  return context(storage::is_same_content(before.get(), after.get()), what);
}

Outcome<void> RenameFinder::pair(Difference& removed, Difference& added) const {
  added.change = Change::renamed;
  added.from = std::move(removed.path);
  removed.path.clear();
  added.before = std::move(removed.before);
  added.fields = differing_fields(*added.before, *added.after);
  const bool is_to_be_read = options_.reads_content && S_ISREG(added.after->mode) &&
                             added.before->size == added.after->size && added.after->size > 0;
  if (is_to_be_read) {
    const bool is_same = TRY(is_same_content(added));
    if (!is_same) {
      added.fields.insert(added.fields.begin(), Field::content);
    }
  }
  return {};
}

Outcome<void> RenameFinder::pass_on(const DifferenceSink& onward) {
  std::multimap<Identity, Difference*> removed;
  for (Difference& one : all_) {
    if (one.change == Change::removed) {
      if (const auto identity = identity_of(*one.before)) {
        removed.emplace(*identity, &one);
      }
    }
  }
  std::unordered_map<std::string, std::string> directories;
  for (Difference& one : all_) {
    const auto identity =
        one.change == Change::added ? identity_of(*one.after) : std::optional<Identity>();
    const auto match = identity ? removed.find(*identity) : removed.end();
    if (match == removed.end() ||
        (!options_.parted && match->second->before->host.device != one.after->host.device)) {
      continue;
    }
    TRY(pair(*match->second, one));
    removed.erase(match);
    if (S_ISDIR(one.after->mode)) {
      directories.emplace(one.path, one.from);
    }
    if (is_implied(directories, one)) {
      if (one.fields.empty()) {
        one.path.clear();
      }
      one.change = change_of(one.fields, one.after->mode, options_.reads_content);
    }
  }
  for (Difference& one : all_) {
    if (!one.path.empty()) {
      TRY(onward(std::move(one)));
    }
  }
  return {};
}

}  // namespace nineroot::storage

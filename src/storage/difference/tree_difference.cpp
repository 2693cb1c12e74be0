#include "storage/difference/tree_difference.h"

#include <algorithm>
#include <utility>

#include "storage/difference/compared_side.h"
#include "storage/difference/link_pairs.h"
#include "storage/difference/same_content.h"
#include "storage/entry_path.h"

namespace nineroot::storage {
namespace {

/// A ctime counts in steps: a jiffy on most file systems, a second or two on some.  One that is no
/// older than this before the trees parted may be that of a later change too.
constexpr time_t kGrain = 2;

struct Name {
  std::string text;
  bool in_a = false;
  bool in_b = false;
};

/// A directory whose names are being gone through, in one tree or both.
struct Level {
  std::size_t path_size;  ///< Of Comparison::path_ while it is in this directory.
  bool in_a;
  bool in_b;
  std::vector<Name> names;  ///< The next one at the back.
};

/// The last one of all in front.
std::vector<Name> merge(std::vector<std::string> a, std::vector<std::string> b) {
  std::ranges::sort(a);
  std::ranges::sort(b);
  std::vector<Name> names;
  while (!a.empty() || !b.empty()) {
    const bool in_a = !a.empty() && (b.empty() || a.back() >= b.back());
    const bool in_b = !b.empty() && (a.empty() || b.back() >= a.back());
    names.push_back({.text = in_a ? a.back() : b.back(), .in_a = in_a, .in_b = in_b});
    if (in_a) {
      a.pop_back();
    }
    if (in_b) {
      b.pop_back();
    }
  }
  return names;
}

class Comparison {
 public:
  Comparison(ComparedSide a, ComparedSide b, std::string path, const CompareOptions& options,
             const DifferenceSink& sink)
      : a_(std::move(a)),
        b_(std::move(b)),
        options_(options),
        sink_(sink),
        path_(std::move(path)) {}

  Outcome<void> run() {
    TRY(visit({.text = {}, .in_a = a_.start().exists(), .in_b = b_.start().exists()}));
    while (!levels_.empty()) {
      Level& level = levels_.back();
      path_.resize(level.path_size);
      if (level.names.empty()) {
        TRY(leave());
        continue;
      }
      const Name name = std::move(level.names.back());
      level.names.pop_back();
      path_ += "/" + name.text;
      if (!options_.is_left_out || !options_.is_left_out(path_)) {
        TRY(visit(name));
      }
    }
    return {};
  }

 private:
  [[nodiscard]] std::string path() const { return path_.empty() ? "/" : path_; }

  Outcome<void> visit(const Name& name) {
    bool is_equal = false;
    if (name.in_a && name.in_b) {
      const auto ours = a_.host_inode(name.text);
      const auto theirs = b_.host_inode(name.text);
      is_equal = ours && theirs && is_surely_equal(name.text, *ours, *theirs);
      if (is_equal && (ours->is_same(*theirs) || !S_ISDIR(ours->mode))) {
        return {};
      }
    }
    Found before;
    Found after;
    if (name.in_a) {
      before = TRY(a_.find(name.text, path()));
    }
    if (name.in_b) {
      after = TRY(b_.find(name.text, path()));
    }
    if (!is_equal) {
      TRY(compare(before, after));
    }
    return enter(name.text, before, after);
  }

  /// Whether nothing of the inodes themselves can differ.  In mapped_file the guest's metadata are
  /// another inode's content.
  [[nodiscard]] bool is_surely_equal(const std::string& name, const HostInode& a,
                                     const HostInode& b) const {
    if (a_.layout() != b_.layout() || a_.layout() == Layout::mapped_file) {
      return false;
    }
    return a.is_same(b) || is_unchanged(a, b) || is_copy(name, a, b);
  }

  [[nodiscard]] bool is_unchanged(const HostInode& a, const HostInode& b) const {
    return options_.parted && a.number == b.number && (a.mode & S_IFMT) == (b.mode & S_IFMT) &&
           nineroot::storage::is_equal(a.ctime, b.ctime) &&
           a.ctime.tv_sec + kGrain < options_.parted->tv_sec;
  }

  [[nodiscard]] bool is_copy(const std::string& name, const HostInode& a,
                             const HostInode& b) const {
    if (!options_.original || (a.mode & S_IFMT) != (b.mode & S_IFMT)) {
      return false;
    }
    const auto of_a = a_.original(name, options_);
    const auto of_b = b_.original(name, options_);
    const InodeState ours = of_a.value_or(InodeState{a.number, a.ctime});
    const InodeState theirs = of_b.value_or(InodeState{b.number, b.ctime});
    return (of_a || of_b) && ours.number == theirs.number &&
           nineroot::storage::is_equal(ours.ctime, theirs.ctime);
  }

  Outcome<void> compare(const Found& before, const Found& after) {
    if (!before.inode && !after.inode) {
      return {};
    }
    Difference one{.path = path(), .from = {}, .fields = {}, .before = {}, .after = {}};
    if (!before.inode) {
      one.change = Change::added;
    } else if (!after.inode) {
      one.change = Change::removed;
    } else if (before.inode->type() != after.inode->type()) {
      one.change = Change::type;
    } else {
      one.fields = TRY(fields_of(before, after));
      if (one.fields.empty()) {
        return {};
      }
      one.change = change_of(one.fields, before.inode->mode, options_.reads_content);
    }
    one.before = before.inode;
    one.after = after.inode;
    return sink_(std::move(one));
  }

  Outcome<std::vector<Field>> fields_of(const Found& before, const Found& after) {
    const GuestInode& a = *before.inode;
    const GuestInode& b = *after.inode;
    std::vector<Field> fields = differing_fields(a, b);
    const bool has_names = !S_ISDIR(a.mode) && (a.links > 1 || b.links > 1);
    if (has_names && !links_.belong_together(a.host, b.host) && a.links == b.links) {
      fields.push_back(Field::links);
    }
    if (options_.reads_content && S_ISREG(a.mode) && a.size == b.size && a.size > 0 &&
        !a.host.is_same(b.host)) {
      const bool is_same = TRY(compare_content(before, after));
      if (!is_same) {
        fields.insert(fields.begin(), Field::content);
      }
    }
    return fields;
  }

  Outcome<bool> compare_content(const Found& before, const Found& after) {
    const auto ours = open_content(before.fd.get());
    if (!ours) {
      return a_.cannot_read(path(), ours.error());
    }
    const auto theirs = open_content(after.fd.get());
    if (!theirs) {
      return b_.cannot_read(path(), theirs.error());
    }
    return context(is_same_content(ours->get(), theirs->get()),
                   "cannot compare the content of " + printable(path()));
  }

  Outcome<void> enter(const std::string& name, Found& before, Found& after) {
    const bool in_a = before.is_directory();
    const bool in_b = after.is_directory();
    if (!in_a && !in_b) {
      return {};
    }
    std::vector<std::string> ours;
    std::vector<std::string> theirs;
    if (in_a) {
      ours = TRY(a_.enter(name, std::move(before.fd), path()));
    }
    if (in_b) {
      theirs = TRY(b_.enter(name, std::move(after.fd), path()));
    }
    levels_.push_back({.path_size = path_.size(),
                       .in_a = in_a,
                       .in_b = in_b,
                       .names = merge(std::move(ours), std::move(theirs))});
    return {};
  }

  Outcome<void> leave() {
    const Level level = std::move(levels_.back());
    levels_.pop_back();
    if (level.in_a) {
      TRY(a_.leave(path()));
    }
    if (level.in_b) {
      TRY(b_.leave(path()));
    }
    return {};
  }

  ComparedSide a_;
  ComparedSide b_;
  const CompareOptions& options_;
  const DifferenceSink& sink_;
  std::string path_;  ///< Of what is being looked at; empty for the root.
  std::vector<Level> levels_;
  LinkPairs links_;
};

}  // namespace

std::string_view name_of(Change change) {
  switch (change) {
    case Change::added:
      return "added";
    case Change::removed:
      return "removed";
    case Change::type:
      return "type";
    case Change::modified:
      return "modified";
    case Change::metadata:
      return "metadata";
    case Change::renamed:
      break;
  }
  return "renamed";
}

Change change_of(const std::vector<Field>& fields, std::uint32_t mode, bool read_content) {
  const bool is_modified = std::ranges::any_of(fields, [mode, read_content](Field field) {
    // Without a look at the bytes another mtime is all that tells of other content.
    return field == Field::content || field == Field::size || field == Field::target ||
           (field == Field::mtime && S_ISREG(mode) && !read_content);
  });
  return is_modified ? Change::modified : Change::metadata;
}

Outcome<void> compare_trees(const ComparedTree& a, const ComparedTree& b,
                            const CompareOptions& options, const DifferenceSink& sink) {
  std::string path = TRY(clean_start(options.path));
  ComparedSide side_a = TRY(ComparedSide::of(a));
  ComparedSide side_b = TRY(ComparedSide::of(b));
  if (!side_a.start().exists() && !side_b.start().exists()) {
    return failure(Errno{ENOENT}, "neither {} nor {} has {}", a.name, b.name, printable(a.start));
  }
  Comparison comparison(std::move(side_a), std::move(side_b), path.empty() ? path : "/" + path,
                        options, sink);
  return comparison.run();
}

}  // namespace nineroot::storage

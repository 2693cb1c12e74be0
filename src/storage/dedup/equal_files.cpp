#include "storage/dedup/equal_files.h"

#include <linux/fiemap.h>

#include <algorithm>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "storage/dedup/share_data.h"
#include "storage/extents.h"

namespace nineroot::storage {
namespace {

/// Files with one hash can differ only by design; then each round still shares some of them.
constexpr int kMostRounds = 4;

/// Where all of a file's data is, neighbours joined.
using Places = std::vector<std::pair<std::uint64_t, std::uint64_t>>;

/// btrfs keeps small files among its metadata, and says that they have a block.
bool is_inline(const std::vector<Extent>& extents) {
  return std::ranges::any_of(extents, [](const Extent& extent) {
    return (extent.flags & FIEMAP_EXTENT_DATA_INLINE) != 0;
  });
}

/// Nothing while some of the data has no place of its own.
std::optional<Places> places_of(const std::vector<Extent>& extents) {
  constexpr std::uint32_t kPlaceless = FIEMAP_EXTENT_UNKNOWN | FIEMAP_EXTENT_DELALLOC;
  Places places;
  std::uint64_t logical_end = 0;
  std::uint64_t physical_end = 0;
  for (const Extent& extent : extents) {
    if ((extent.flags & kPlaceless) != 0) {
      return std::nullopt;
    }
    if (places.empty() || extent.logical != logical_end || extent.physical != physical_end) {
      places.emplace_back(extent.logical, extent.physical);
    }
    logical_end = extent.logical + extent.length;
    physical_end = extent.physical + extent.length;
  }
  return places;
}

void count_error(int error, DedupReport& report) {
  if (error == ESTALE || error == ENOENT || error == ENOTDIR || error == ELOOP) {
    ++report.changed;
  } else if (error == EACCES) {
    ++report.unreadable;
  } else {
    ++report.refused;
  }
}

class EqualFiles {
 public:
  EqualFiles(FileList& list, bool is_dry_run, DedupReport& report)
      : list_(list), is_dry_run_(is_dry_run), report_(report) {}

  Outcome<void> share(std::span<ListedFile* const> files) {
    find_places(files);
    for (int round = 0; round < kMostRounds && members_.size() > 1; ++round) {
      TRY(share_once());
    }
    report_.changed += differing_;
    return {};
  }

 private:
  struct Member {
    ListedFile* file;
    std::optional<Places> places;
  };

  void find_places(std::span<ListedFile* const> files) {
    for (ListedFile* file : files) {
      const auto opened = list_.open(*file);
      if (!opened) {
        count_error(code(opened.error()), report_);
        continue;
      }
      const auto extents = read_extents(opened->get(), Dirty::ignored);
      if (!extents) {
        members_.push_back({.file = file, .places = {}});
      } else if (!is_inline(*extents)) {
        members_.push_back({.file = file, .places = places_of(*extents)});
      }
    }
  }

  /// Takes the source and all that it shares with out of members_, and what it differs from back.
  Outcome<void> share_once() {
    const std::size_t at = choose_source();
    const Member source = std::move(members_[at]);
    members_.erase(members_.begin() + static_cast<std::ptrdiff_t>(at));
    std::vector<ListedFile*> targets;
    for (const Member& member : members_) {
      if (list_.is_source_only(*member.file)) {
        continue;
      }
      if (member.places && member.places == source.places) {
        report_.shared_before += member.file->stamp.size;
      } else {
        targets.push_back(member.file);
      }
    }
    members_.clear();
    differing_ = 0;
    if (is_dry_run_) {
      report_.shared_files += targets.size();
      report_.shared_bytes += targets.size() * source.file->stamp.size;
      return {};
    }
    const auto opened = list_.open(*source.file);
    if (!opened) {
      count_error(code(opened.error()), report_);
      for (ListedFile* target : targets) {
        members_.push_back({.file = target, .places = {}});
      }
      return {};
    }
    for (std::span<ListedFile*> rest(targets); !rest.empty();) {
      const std::size_t count = std::min(rest.size(), kMostShareTargets);
      TRY(share_some(opened->get(), *source.file, rest.first(count)));
      rest = rest.subspan(count);
    }
    return {};
  }

  [[nodiscard]] std::size_t choose_source() const {
    std::map<Places, std::size_t> popularity;
    for (const Member& member : members_) {
      if (member.places) {
        ++popularity[*member.places];
      }
    }
    const auto rank = [this, &popularity](const Member& member) {
      return std::pair(list_.is_source_only(*member.file),
                       member.places ? popularity.at(*member.places) : 0);
    };
    const auto best = std::ranges::max_element(members_, {}, rank);
    return static_cast<std::size_t>(best - members_.begin());
  }

  Outcome<void> share_some(int source, const ListedFile& of, std::span<ListedFile*> files) {
    std::vector<UniqueFd> open_files;
    std::vector<ShareTarget> targets;
    std::vector<ListedFile*> taken;
    for (ListedFile* file : files) {
      auto opened = list_.open(*file);
      if (opened) {
        targets.push_back({.file = opened->get(), .shared = 0, .error = 0});
        open_files.push_back(std::move(*opened));
        taken.push_back(file);
      } else {
        count_error(code(opened.error()), report_);
      }
    }
    const auto shared = share_data(source, of.stamp.size, targets);
    if (!shared) {
      return failure(shared.error(), "cannot share the data of {}", list_.describe(of));
    }
    for (std::size_t i = 0; i < targets.size(); ++i) {
      if (targets[i].error == EOPNOTSUPP) {
        return failure(Errno{EOPNOTSUPP}, "cannot share the data of {}", list_.describe(of));
      }
      report_.shared_bytes += targets[i].shared;
      if (targets[i].error == 0) {
        ++report_.shared_files;
      } else if (targets[i].error == EAGAIN) {
        ++differing_;
        members_.push_back({.file = taken[i], .places = {}});
      } else {
        count_error(targets[i].error, report_);
      }
    }
    return {};
  }

  FileList& list_;
  bool is_dry_run_;
  DedupReport& report_;
  std::vector<Member> members_;
  std::uint64_t differing_ = 0;  ///< In the last round.
};

}  // namespace

Outcome<void> share_equal_files(FileList& list, std::span<ListedFile* const> files, bool is_dry_run,
                                DedupReport& report) {
  return EqualFiles(list, is_dry_run, report).share(files);
}

}  // namespace nineroot::storage

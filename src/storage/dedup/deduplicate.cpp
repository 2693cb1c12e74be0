#include "storage/dedup/deduplicate.h"

#include <algorithm>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "base/log.h"
#include "storage/dedup/equal_files.h"
#include "storage/descriptor.h"

namespace nineroot::storage {
namespace {

constexpr const char* kHint =
    "keep machines on btrfs, or on XFS with reflink, by setting NINEROOT_HOME";

/// Calls `use` with each run of neighbours that are `equal` and more than one.
template <class Equal, class Use>
Outcome<void> for_each_group(std::span<ListedFile* const> files, const Equal& equal,
                             const Use& use) {
  while (!files.empty()) {
    const auto other = std::ranges::find_if(
        files, [&](const ListedFile* one) { return !equal(*files.front(), *one); });
    const auto count = static_cast<std::size_t>(other - files.begin());
    if (count > 1) {
      TRY(use(files.first(count)));
    }
    files = files.subspan(count);
  }
  return {};
}

bool may_be_equal(const ListedFile& a, const ListedFile& b) {
  return a.volume->sharing == b.volume->sharing && a.stamp.size == b.stamp.size;
}

class Deduplication {
 public:
  Deduplication(const DedupOptions& options, const DedupWatch& watch)
      : options_(options), watch_(watch), index_(HashIndex::load(options.index)) {}

  Outcome<DedupReport> run(std::span<const DedupTree> trees) {
    TRY(list(trees));
    TRY(check_volumes());
    TRY(hash());
    const auto saved = index_.save(options_.index, options_.keep);
    if (!saved) {
      log::warn("{}; the next run hashes all files anew", saved.error().what());
    }
    TRY(share());
    report_.unreadable += list_.unreadable();
    return report_;
  }

 private:
  void begin(const std::string& phase, std::uint64_t total = 0) const {
    if (watch_.begin) {
      watch_.begin(phase, total);
    }
  }

  void update(std::uint64_t bytes, std::uint64_t files) const {
    if (watch_.update) {
      watch_.update(bytes, files);
    }
  }

  Outcome<void> list(std::span<const DedupTree> trees) {
    begin("listing files");
    for (const DedupTree& tree : trees) {
      TRY(list_.add(tree));
      update(0, list_.seen());
    }
    report_.files = list_.seen();
    return {};
  }

  /// Says what cannot share data before anything is hashed for it.
  Outcome<void> check_volumes() const {
    bool is_any_able = list_.volumes().empty();
    for (const auto& [device, volume] : list_.volumes()) {
      is_any_able = is_any_able || !volume.sharing.empty();
    }
    for (const auto& [device, volume] : list_.volumes()) {
      if (!volume.sharing.empty()) {
        continue;
      }
      const std::string what = fmt::format(
          "the file system of {} ({}) cannot share data between files", volume.tree, volume.type);
      if (!is_any_able) {
        return std::unexpected(Failure(what).with_hint(kHint));
      }
      log::warn("{}", what);
    }
    return {};
  }

  /// Fills candidates_ with the files of which another one has the size.
  Outcome<void> find_candidates() {
    std::vector<ListedFile*> all;
    for (ListedFile& file : list_.files()) {
      all.push_back(&file);
    }
    // Each inode once, whether it has several names or was met through several trees; as what is
    // only shared with, if it is that in one of them.
    std::ranges::sort(all, {}, [this](const ListedFile* file) {
      return std::tuple(std::string_view(file->volume->sharing), file->stamp.size,
                        file->volume->device, file->stamp.number, !list_.is_source_only(*file));
    });
    const auto repeated = std::ranges::unique(all, {}, [](const ListedFile* file) {
      return std::pair(file->volume->device, file->stamp.number);
    });
    all.erase(repeated.begin(), repeated.end());
    return for_each_group(all, may_be_equal, [this](auto group) -> Outcome<void> {
      const bool is_any_target = std::ranges::any_of(
          group, [this](const ListedFile* file) { return !list_.is_source_only(*file); });
      if (is_any_target) {
        candidates_.insert(candidates_.end(), group.begin(), group.end());
      }
      return {};
    });
  }

  Outcome<void> hash() {
    TRY(find_candidates());
    std::vector<ListedFile*> unknown;
    std::uint64_t total = 0;
    for (ListedFile* file : candidates_) {
      const auto known = index_.find(file->volume->numbering, file->stamp);
      if (known) {
        ++report_.known;
        file->hash = *known;
      } else {
        unknown.push_back(file);
        total += file->stamp.size;
      }
    }
    begin("hashing", total);
    // As they were listed, which is about how they lie on the disk.
    std::ranges::sort(unknown);
    for (ListedFile* file : unknown) {
      hash_one(*file);
      update(report_.hashed_bytes, report_.hashed);
    }
    std::erase_if(candidates_, [](const ListedFile* file) { return file->volume == nullptr; });
    return {};
  }

  /// A file that could not be hashed has no volume from then on.
  void hash_one(ListedFile& file) {
    const auto opened = list_.open(file);
    if (!opened) {
      ++(opened.error() == Errno{EACCES} ? report_.unreadable : report_.changed);
      file.volume = nullptr;
      return;
    }
    const auto hash = hash_content(opened->get(), file.stamp.size);
    const auto after = stat_of(opened->get());
    if (!hash) {
      log::warn("cannot read {}: {}", list_.describe(file), describe(hash.error()));
      ++report_.unreadable;
      file.volume = nullptr;
      return;
    }
    ++report_.hashed;
    report_.hashed_bytes += file.stamp.size;
    if (!after || FileStamp::of(*after) != file.stamp) {
      ++report_.changed;
      file.volume = nullptr;
      return;
    }
    file.hash = *hash;
    index_.put(file.volume->numbering, file.stamp, *hash);
  }

  Outcome<void> share() {
    std::ranges::sort(candidates_, {}, [](const ListedFile* file) {
      return std::tie(file->volume->sharing, file->stamp.size, file->hash, file->tree);
    });
    const auto is_equal = [](const ListedFile& a, const ListedFile& b) {
      return may_be_equal(a, b) && a.hash == b.hash;
    };
    begin(options_.is_dry_run ? "comparing" : "sharing");
    const auto shared = for_each_group(candidates_, is_equal, [this](auto group) {
      auto done = share_equal_files(list_, group, options_.is_dry_run, report_);
      update(report_.shared_bytes, report_.shared_files);
      return done;
    });
    return shared ? shared : std::unexpected(Failure(shared.error()).with_hint(kHint));
  }

  const DedupOptions& options_;
  const DedupWatch& watch_;
  HashIndex index_;
  FileList list_;
  std::vector<ListedFile*> candidates_;
  DedupReport report_;
};

}  // namespace

Outcome<DedupReport> deduplicate(std::span<const DedupTree> trees, const DedupOptions& options,
                                 const DedupWatch& watch) {
  return Deduplication(options, watch).run(trees);
}

}  // namespace nineroot::storage

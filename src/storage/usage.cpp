#include "storage/usage.h"

#include <fcntl.h>

#include <algorithm>
#include <set>
#include <utility>

#include "storage/descriptor.h"
#include "storage/extents.h"
#include "storage/file_system.h"
#include "storage/tree_scan.h"

namespace nineroot::storage {
namespace {

/// One tree on its way to be measured.
class TreeMeter {
 public:
  TreeMeter(int root, const std::string& name, std::map<std::string, ExtentSet>& seen)
      : scan_(root, name), seen_(seen) {}

  Outcome<Usage> run(std::uint64_t& shared_in_total) {
    Scanned found;
    while (true) {
      const bool is_there = TRY(scan_.next(found));
      if (!is_there) {
        break;
      }
      add(found);
    }
    usage_.unreadable += scan_.unreadable();
    shared_in_total += shared_in_total_;
    return usage_;
  }

 private:
  void add(const Scanned& found) {
    const struct stat& host = found.host;
    if (!S_ISDIR(host.st_mode) && host.st_nlink > 1 &&
        !linked_.emplace(host.st_dev, host.st_ino).second) {
      return;
    }
    const std::uint64_t allocated = static_cast<std::uint64_t>(host.st_blocks) * 512;
    ++usage_.inodes;
    usage_.logical += S_ISREG(host.st_mode) ? static_cast<std::uint64_t>(host.st_size) : 0;
    usage_.allocated += allocated;
    const bool has_extents = S_ISREG(host.st_mode) && allocated > 0;
    const std::uint64_t common = has_extents ? add_shared(found) : 0;
    usage_.exclusive += allocated - std::min(allocated, common);
  }

  /// Bytes of a file that others share.
  std::uint64_t add_shared(const Scanned& found) {
    const std::string* domain = domain_of(found);
    if (domain == nullptr) {
      return 0;
    }
    const auto file = scan_.open(found, O_RDONLY);
    const auto extents = file ? read_extents(file->get(), Dirty::ignored)
                              : Result<std::vector<Extent>>(std::unexpected(file.error()));
    if (!extents) {
      usage_.unreadable += extents.error() == Errno{ENOENT} ? 0 : 1;
      return 0;
    }
    std::uint64_t bytes = 0;
    for (const Extent& extent : *extents) {
      if (extent.is_shared()) {
        bytes += extent.length;
        usage_.shared += own_[*domain].add(extent.physical, extent.length);
        shared_in_total_ += seen_[*domain].add(extent.physical, extent.length);
      }
    }
    return bytes;
  }

  /// Nothing where it cannot be told what is shared.
  const std::string* domain_of(const Scanned& found) {
    const auto known = domains_.find(found.host.st_dev);
    if (known != domains_.end()) {
      return known->second.empty() ? nullptr : &known->second;
    }
    std::string domain;
    const auto file = scan_.open(found, O_RDONLY);
    if (!file) {
      return nullptr;  // The next file may tell.
    }
    if (tells_shared_extents(file->get())) {
      domain = sharing_domain(file->get()).value_or("");
    }
    const std::string& kept = domains_.emplace(found.host.st_dev, domain).first->second;
    return kept.empty() ? nullptr : &kept;
  }

  TreeScan scan_;
  Usage usage_;
  std::map<std::string, ExtentSet>& seen_;
  std::map<std::string, ExtentSet> own_;
  std::uint64_t shared_in_total_ = 0;
  std::map<dev_t, std::string> domains_;  ///< Empty: cannot be told.
  std::set<std::pair<dev_t, ino_t>> linked_;
};

}  // namespace

Usage& Usage::operator+=(const Usage& other) {
  inodes += other.inodes;
  logical += other.logical;
  allocated += other.allocated;
  exclusive += other.exclusive;
  shared += other.shared;
  unreadable += other.unreadable;
  return *this;
}

Outcome<Usage> UsageMeter::measure(int root, const std::string& name) {
  std::uint64_t shared = total_.shared;
  const Usage one = TRY(TreeMeter(root, name, seen_).run(shared));
  total_ += one;
  total_.shared = shared;
  return one;
}

}  // namespace nineroot::storage

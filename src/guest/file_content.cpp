#include "guest/file_content.h"

#include <fcntl.h>
#include <unistd.h>

#include "guest/herald.h"

namespace nineroot::guest {
namespace {

using agent::RefreshTask;

// Drops what is clean; what the guest has written and not sent yet stays.  Since Linux 6.8 what
// lies beyond the end that the client last knew of counts as zeros, until a page there is dropped
// (fs/netfs/misc.c, netfs_release_folio): so the last one is read first and dropped as well.
void drop_pages(int file) {
  posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED);
  struct stat status{};
  char last = 0;
  if (fstat(file, &status) == 0 && status.st_size > 0 &&
      pread(file, &last, 1, status.st_size - 1) == 1) {
    posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED);
  }
}

// Those who wait for a writer to close the file are told so.  As root: Linux may choose this very
// descriptor to write back what others have written.  Not of a program, which could not be started
// in that moment.
void announce_close(int dir, const std::string& name, const struct stat& status) {
  if ((status.st_mode & 0111U) == 0) {
    const UniqueFd closed_at_once = open_file(dir, name, O_WRONLY);
  }
}

// The client's length of a file to the host's.
class Length {
 public:
  Length(int dir, const std::string& name, int file) : dir_(dir), name_(name), file_(file) {}

  /// Whether it is now as on the host, where it was `size` a moment ago.
  bool adopt(std::uint64_t size) {
    constexpr int kTries = 3;  // The host may be changing it.
    for (int i = 0; i < kTries; ++i) {
      if (known() > size) {
        // What the guest has written beyond the end, and is not on the host yet, makes it longer.
        sync_file_range(
            file_, 0, 0,
            SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER);
      }
      if (known() == size) {
        return true;
      }
      const Result<std::uint64_t> on_host = herald_asks_size(dir_, name_);
      if (!on_host) {
        return false;
      }
      size = *on_host;
      if (known() != size) {
        change_to(size);
      }
    }
    return known() == size;
  }

  /// Open for writing if the file has grown: until it is closed, nobody is told that it was.
  UniqueFd take_writer() { return std::move(writer_); }

 private:
  [[nodiscard]] std::uint64_t known() const {
    struct stat status{};
    return fstat(file_, &status) == 0 ? static_cast<std::uint64_t>(status.st_size) : 0;
  }

  void change_to(std::uint64_t size) {
    const std::uint64_t from = known();
    if (size < from) {
      (void)herald_truncation(dir_, name_, size);
    } else if (Result<UniqueFd> writer = herald_growth(dir_, name_, from, size)) {
      writer_ = std::move(*writer);
    }
  }

  int dir_;
  const std::string& name_;
  int file_;
  UniqueFd writer_;
};

}  // namespace

UniqueFd open_file(int dir, const std::string& name, int access) {
  return UniqueFd(
      openat(dir, name.c_str(), access | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
}

bool refresh_content(int dir, const std::string& name, const RefreshTask& task, bool has_heralds) {
  struct stat status{};
  const UniqueFd file = open_file(dir, name, O_RDONLY);
  if (!file.is_open() || fstat(file.get(), &status) != 0 || !S_ISREG(status.st_mode)) {
    return true;
  }
  if (!has_heralds) {
    drop_pages(file.get());
    return static_cast<std::uint64_t>(status.st_size) == task.size;
  }
  // Pages first where the file has grown, so that nobody who is woken finds old ones; but not where
  // it has shrunk, as the client makes zeros of what it cannot read any more.
  if (static_cast<std::uint64_t>(status.st_size) <= task.size) {
    drop_pages(file.get());
  }
  Length length(dir, name, file.get());
  const bool is_adopted = length.adopt(task.size);
  const UniqueFd writer = length.take_writer();
  drop_pages(file.get());
  // Growth has woken those who watch.
  const bool is_told = task.is_quiet || writer.is_open();
  (void)herald_touch(dir, name, is_told ? Touch::quiet : Touch::content);
  if (!is_told) {
    announce_close(dir, name, status);
  }
  return is_adopted;
}

bool refresh_length(int dir, const std::string& name, std::uint64_t size) {
  struct stat status{};
  if (fstatat(dir, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(status.st_mode) ||
      static_cast<std::uint64_t>(status.st_size) == size) {
    return true;
  }
  const UniqueFd file = open_file(dir, name, O_RDONLY);
  return !file.is_open() || Length(dir, name, file.get()).adopt(size);
}

}  // namespace nineroot::guest

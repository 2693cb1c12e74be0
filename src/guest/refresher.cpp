#include "guest/refresher.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <utility>

#include "guest/file_content.h"
#include "guest/herald.h"
#include "guest/report.h"

namespace nineroot::guest {
namespace {

using agent::RefreshTask;

// What the client makes of an inode number of the server's (fs/9p/v9fs.h, v9fs_qid2ino), and the
// part of that which is the host's own.
constexpr std::uint64_t kClientOffset = 2;
constexpr std::uint64_t kHostBits = (std::uint64_t{1} << 48U) - 1;

Result<UniqueFd> open_below(int root, const std::string& path, std::uint64_t flags) {
  open_how how{};
  how.flags = flags | O_CLOEXEC;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV;
  UniqueFd fd(static_cast<int>(
      syscall(SYS_openat2, root, path.empty() ? "." : path.c_str(), &how, sizeof how)));
  if (!fd.is_open()) {
    return fail_errno();
  }
  return fd;
}

std::uint64_t host_number(const struct stat& status) {
  return (status.st_ino - kClientOffset) & kHostBits;
}

bool is_same_file(const struct stat& status, const RefreshTask& task) {
  // A number that does not fit is not told apart: better to keep a name than to drop a good one.
  return task.number > kHostBits || host_number(status) == task.number;
}

// What the guest wrote goes to the host first: the client may be about to forget the file.
void write_out(int dir, const std::string& name, const struct stat& status) {
  if (S_ISREG(status.st_mode)) {
    if (const UniqueFd file = open_file(dir, name, O_RDONLY); file.is_open()) {
      fdatasync(file.get());
    }
  }
}

}  // namespace

Refresher::Refresher(UniqueFd root, std::string drop_caches, bool has_heralds)
    : root_(std::move(root)), drop_caches_(std::move(drop_caches)), has_heralds_(has_heralds) {
}

Result<void> Refresher::run(const RefreshTask& task) {
  switch (task.kind) {
    case RefreshTask::Kind::everything:
      TRY(remove_what_left());
      sync();
      // Twice: what was used a moment ago survives the first time.
      TRY(drop("3"));
      return drop("3");
    case RefreshTask::Kind::settle:
    case RefreshTask::Kind::names:
      TRY(remove_what_left());
      if (task.kind == RefreshTask::Kind::settle && !must_drop_names_) {
        return {};
      }
      must_drop_names_ = false;
      TRY(drop("2"));
      return drop("2");
    case RefreshTask::Kind::path:
      return run_path(task);
  }
  return {};
}

Result<std::optional<Refresher::Place>> Refresher::find(const std::string& path) const {
  const std::size_t slash = path.rfind('/');
  const bool has_parent = slash != std::string::npos;
  Result<UniqueFd> dir = open_directory(has_parent ? path.substr(0, slash) : "");
  if (!dir) {
    const int why = code(dir.error());
    if (why == ENOENT || why == ENOTDIR || why == ELOOP || why == EXDEV) {
      return std::nullopt;
    }
    return std::unexpected(dir.error());
  }
  return Place{.dir = std::move(*dir), .name = has_parent ? path.substr(slash + 1) : path};
}

Result<void> Refresher::run_path(const RefreshTask& task) {
  const std::optional<Place> place = TRY(find(task.path));
  if (!place) {
    return {};
  }
  const int dir = place->dir.get();
  const std::string& name = place->name;
  if (name.empty()) {
    if (has_heralds_) {
      (void)herald_touch(dir, "", task.is_quiet ? Touch::quiet : Touch::attributes);
    }
    return {};
  }
  if (task.number == 0) {
    if (!wait_for_new_name(dir, name, task)) {
      refresh_gone(dir, name, task);
    }
    return {};
  }
  const bool is_told = move_directory(dir, name, task) || refresh_new(dir, name, task);
  // What the guest wrote itself it has right, and those who watch have been told; but the host may
  // have made the file longer or shorter just before.
  const bool is_own = has_heralds_ && !task.is_quiet && is_guests_own_change(dir, name);
  if (task.has_content && !task.is_directory) {
    const bool is_in_line = is_own ? refresh_length(dir, name, task.size)
                                   : refresh_content(dir, name, task, has_heralds_);
    must_drop_names_ = must_drop_names_ || !is_in_line;
  }
  if (is_own) {
    return {};
  }
  if (has_heralds_ && task.has_attributes && !is_told) {
    (void)herald_touch(dir, name, task.is_quiet ? Touch::quiet : Touch::attributes);
  }
  // Walking there again is what makes the client ask for attributes.
  struct stat ignored{};
  fstatat(dir, name.c_str(), &ignored, AT_SYMLINK_NOFOLLOW);
  return {};
}

// A directory that the guest has by a name that is gone.
bool Refresher::wait_for_new_name(int dir, const std::string& name, const RefreshTask& task) {
  struct stat status{};
  if (!has_heralds_ || !task.is_directory ||
      fstatat(dir, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISDIR(status.st_mode)) {
    return false;
  }
  left_.push_back(task);
  left_numbers_[host_number(status)] = task.path;
  return true;
}

// Rather than removed by the one name and made by the other, as whoever works in it would be left
// in a directory that is dead.
bool Refresher::move_directory(int dir, const std::string& name, const RefreshTask& task) {
  const auto left = left_numbers_.find(task.number);
  if (!task.is_directory || left == left_numbers_.end()) {
    return false;
  }
  const Result<std::optional<Place>> old = find(left->second);
  if (!old || !*old || !herald_move((*old)->dir.get(), (*old)->name, dir, name)) {
    return false;
  }
  std::erase_if(left_, [&](const RefreshTask& gone) { return gone.path == left->second; });
  left_numbers_.erase(left);
  return true;
}

Result<void> Refresher::remove_what_left() {
  left_numbers_.clear();
  for (const RefreshTask& task : std::exchange(left_, {})) {
    const std::optional<Place> place = TRY(find(task.path));
    if (place) {
      refresh_gone(place->dir.get(), place->name, task);
    }
  }
  return {};
}

Result<UniqueFd> Refresher::open_directory(const std::string& path) const {
  return open_below(root_.get(), path, O_PATH | O_DIRECTORY);
}

void Refresher::refresh_gone(int dir, const std::string& name, const RefreshTask& task) {
  struct stat status{};
  if (!has_heralds_) {
    must_drop_names_ = true;
    return;
  }
  if (fstatat(dir, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0) {
    write_out(dir, name, status);
    (void)herald_removal(dir, name, S_ISDIR(status.st_mode));
  } else if (errno == ENOENT && !task.is_quiet) {
    (void)herald_removal_of_unknown(dir, name, task.is_directory);
  }
}

// Whether those who watch were told of a new name.
bool Refresher::refresh_new(int dir, const std::string& name, const RefreshTask& task) {
  if (!has_heralds_) {
    must_drop_names_ = true;
    return false;
  }
  if (task.is_new && !task.is_quiet && herald_creation(dir, name, task.is_directory)) {
    return true;
  }
  // The guest has the name: of this file, or still of another.
  struct stat status{};
  if (fstatat(dir, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) {
    return false;
  }
  const bool is_stale_link = S_ISLNK(status.st_mode) && task.has_content;
  if ((is_same_file(status, task) && S_ISDIR(status.st_mode) == task.is_directory) &&
      !is_stale_link) {
    return false;
  }
  write_out(dir, name, status);
  if (!herald_removal(dir, name, S_ISDIR(status.st_mode))) {
    must_drop_names_ = true;
    return false;
  }
  return !task.is_quiet && herald_creation(dir, name, task.is_directory);
}

Result<void> Refresher::drop(const char* what) {
  const UniqueFd file(open(drop_caches_.c_str(), O_WRONLY | O_CLOEXEC));
  if (!file.is_open() || write(file.get(), what, 1) != 1) {
    return fail_errno();
  }
  return {};
}

namespace {

// The root without what the guest has mounted on it; where the kernel cannot give that (before
// 5.2), the root, and what is below such mounts is out of reach.
UniqueFd open_root() {
  UniqueFd root(
      static_cast<int>(syscall(SYS_open_tree, AT_FDCWD, "/", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC)));
  if (!root.is_open()) {
    root.reset(open("/", O_PATH | O_DIRECTORY | O_CLOEXEC));
  }
  return root;
}

std::string answer(Refresher& refresher, std::string_view record) {
  const std::optional<RefreshTask> task = agent::decode_refresh_task(record);
  if (!task) {
    return "this is no task\n";
  }
  const Result<void> done = refresher.run(*task);
  return done ? "ok\n" : error_text(code(done.error())) + "\n";
}

bool write_all(std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = write(STDOUT_FILENO, text.data(), text.size());
    if (written <= 0) {
      return false;
    }
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

}  // namespace

int refresh_guest() {
  prctl(PR_SET_NAME, "nineroot-refresh");
  UniqueFd root = open_root();
  const bool has_heralds = knows_heralds(root.get());
  Refresher refresher(std::move(root), "/proc/sys/vm/drop_caches", has_heralds);
  std::string pending;
  std::array<char, 16384> piece{};
  for (ssize_t got = 0; (got = read(STDIN_FILENO, piece.data(), piece.size())) > 0;) {
    pending.append(piece.data(), static_cast<std::size_t>(got));
    std::string answers;
    std::size_t begin = 0;
    for (std::size_t end = 0; (end = pending.find('\0', begin)) != std::string::npos;
         begin = end + 1) {
      answers += answer(refresher, std::string_view(pending).substr(begin, end - begin));
    }
    pending.erase(0, begin);
    if (pending.size() > agent::kMaxRefreshRecord || !write_all(answers)) {
      return 1;
    }
  }
  return 0;
}

}  // namespace nineroot::guest

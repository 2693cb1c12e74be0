#include "vm/tree_watch.h"

#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <system_error>

namespace nineroot::vm {
namespace {

namespace fs = std::filesystem;

// Not closing after writing: what was written has told of itself, and the refresher in the guest
// makes files be opened and closed here.
constexpr std::uint32_t kWanted = IN_MODIFY | IN_ATTRIB | IN_CREATE | IN_DELETE | IN_MOVED_FROM |
                                  IN_MOVED_TO | IN_ONLYDIR | IN_DONT_FOLLOW | IN_EXCL_UNLINK;

std::string join(const std::string& directory, const std::string& name) {
  return directory.empty() ? name : directory + "/" + name;
}

Failure too_many_watches(int error, std::size_t directories) {
  Failure why(fmt::format("the host lets this user watch no more than {} directories", directories),
              Errno{error});
  return std::move(why).with_hint(
      "allow more (as root: sysctl fs.inotify.max_user_watches=1048576), or name the paths that "
      "are to be watched");
}

}  // namespace

Outcome<TreeWatch> TreeWatch::open(const fs::path& root, const std::vector<std::string>& paths) {
  UniqueFd inotify(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
  if (!inotify.is_open()) {
    Failure why("cannot watch the tree", Errno{errno});
    return std::unexpected(
        std::move(why).with_hint("if this user has too many watchers already, as root: sysctl "
                                 "fs.inotify.max_user_instances=1024"));
  }
  TreeWatch watch(root, std::move(inotify), paths);
  TRY(watch.watch_all());
  for (const std::string& path : paths) {
    if (!watch.numbers_.contains(path)) {
      return failure("cannot watch {}: it is no directory",
                     (path.empty() ? root : root / path).string());
    }
  }
  return watch;
}

Outcome<void> TreeWatch::watch_all() {
  for (const std::string& top : tops_) {
    TRY(watch_tree(top, nullptr));
  }
  return {};
}

// False for what is no directory (any more).
Outcome<bool> TreeWatch::watch_directory(const std::string& path) {
  const fs::path directory = path.empty() ? root_ : root_ / path;
  const int number = ::inotify_add_watch(inotify_.get(), directory.c_str(), kWanted);
  if (number < 0) {
    if (errno == ENOSPC || errno == ENOMEM) {
      return std::unexpected(too_many_watches(errno, paths_.size()));
    }
    return false;
  }
  if (const auto known = paths_.find(number); known != paths_.end() && known->second != path) {
    numbers_.erase(known->second);
  }
  paths_[number] = path;
  numbers_[path] = number;
  return true;
}

// A directory is watched before it is read, so that nothing made in it meanwhile is missed.
Outcome<void> TreeWatch::watch_tree(const std::string& path, HostChanges* found) {
  std::vector<std::string> waiting = {path};
  while (!waiting.empty()) {
    const std::string directory = std::move(waiting.back());
    waiting.pop_back();
    const bool is_watched = TRY(watch_directory(directory));
    if (!is_watched) {
      continue;
    }
    std::error_code error;
    fs::directory_iterator entry(directory.empty() ? root_ : root_ / directory, error);
    for (; !error && entry != fs::directory_iterator(); entry.increment(error)) {
      const std::string name = entry->path().filename().string();
      if (is_hidden_from_guest(name)) {
        continue;
      }
      std::error_code ignored;
      const bool is_directory = fs::is_directory(entry->symlink_status(ignored));
      if (is_directory) {
        waiting.push_back(join(directory, name));
      }
      if (found != nullptr) {
        (*found)[join(directory, name)].add({.is_new = true,
                                             .has_content = !is_directory,
                                             .has_attributes = false,
                                             .is_directory = is_directory});
      }
    }
  }
  return {};
}

void TreeWatch::forget_tree(const std::string& path) {
  const auto forget = [this](std::map<std::string, int>::iterator at) {
    ::inotify_rm_watch(inotify_.get(), at->second);
    paths_.erase(at->second);
    return numbers_.erase(at);
  };
  if (const auto self = numbers_.find(path); self != numbers_.end()) {
    forget(self);
  }
  for (auto at = numbers_.lower_bound(path + "/");
       at != numbers_.end() && at->first.starts_with(path + "/");) {
    at = forget(at);
  }
}

Outcome<bool> TreeWatch::read(HostChanges& changes) {
  alignas(inotify_event) std::array<char, 65536> buffer;
  bool is_complete = true;
  for (ssize_t size = 0; (size = ::read(inotify_.get(), buffer.data(), buffer.size())) > 0;) {
    for (ssize_t at = 0; at < size;) {
      inotify_event event{};
      std::memcpy(&event, buffer.data() + at, sizeof event);
      const char* name = buffer.data() + at + sizeof event;
      at += static_cast<ssize_t>(sizeof event + event.len);
      if ((event.mask & IN_Q_OVERFLOW) != 0) {
        is_complete = false;
        continue;
      }
      TRY(take(event.wd, event.mask, event.len > 0 ? name : "", changes));
    }
  }
  if (!is_complete) {
    TRY(watch_all());
  }
  return is_complete;
}

Outcome<void> TreeWatch::take(int number, std::uint32_t mask, const std::string& name,
                              HostChanges& changes) {
  const auto known = paths_.find(number);
  if (known == paths_.end()) {
    return {};
  }
  const std::string directory = known->second;
  if ((mask & IN_IGNORED) != 0) {
    if (const auto at = numbers_.find(directory); at != numbers_.end() && at->second == number) {
      numbers_.erase(at);
    }
    paths_.erase(known);
    return {};
  }
  if (is_hidden_from_guest(name) || (name.empty() && (mask & IN_ATTRIB) == 0)) {
    return {};
  }
  const std::string path = name.empty() ? directory : join(directory, name);
  const bool is_directory = name.empty() || (mask & IN_ISDIR) != 0;
  const bool is_new = (mask & (IN_CREATE | IN_MOVED_TO)) != 0;
  changes[path].add({.is_new = is_new,
                     .has_content = (mask & IN_MODIFY) != 0 || (is_new && !is_directory),
                     .has_attributes = (mask & IN_ATTRIB) != 0,
                     .is_directory = is_directory});
  if (is_directory && (mask & IN_MOVED_FROM) != 0) {
    forget_tree(path);
  }
  if (is_directory && is_new) {
    TRY(watch_tree(path, &changes));
  }
  return {};
}

}  // namespace nineroot::vm

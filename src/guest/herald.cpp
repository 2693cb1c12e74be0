#include "guest/herald.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "base/herald.h"

namespace nineroot::guest {
namespace {

Result<void> result_of(int value) {
  if (value != 0) {
    return fail_errno();
  }
  return {};
}

// The calls that know no directory's descriptor go through its link in /proc.
std::string path_of(int dir, const std::string& name) {
  return "/proc/self/fd/" + std::to_string(dir) + (name.empty() ? "" : "/" + name);
}

// setfsuid() takes the capabilities on files away from all but root.  They stay permitted.
void raise_all_capabilities() {
  __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {};
  if (syscall(SYS_capget, &header, data) == 0) {
    for (__user_cap_data_struct& part : data) {
      part.effective = part.permitted;
    }
    syscall(SYS_capset, &header, data);
  }
}

// ENODATA is the answer of a server that has understood.
Result<void> announce_on(const std::string& path, const std::string& what) {
  if (lgetxattr(path.c_str(), what.c_str(), nullptr, 0) < 0 && errno == ENODATA) {
    return {};
  }
  return fail(errno == EEXIST ? EEXIST : ENAMETOOLONG);
}

Result<void> announce(int dir, std::string_view what, const std::string& name) {
  return announce_on(path_of(dir, "") + "/.", std::string(what) + name);
}

// What the server does not write, once it is announced (base/herald.h, kHeraldWritesVoid).
class VoidBytes {
 public:
  static Result<VoidBytes> make() {
    VoidBytes bytes;
    if (getrandom(bytes.pattern_.data(), bytes.pattern_.size(), 0) !=
        static_cast<ssize_t>(bytes.pattern_.size())) {
      return fail_errno();
    }
    return bytes;
  }

  [[nodiscard]] std::string announcement(std::uint64_t from, std::uint64_t end) const {
    std::string text =
        std::string(kHeraldWritesVoid) + std::to_string(from) + "." + std::to_string(end) + ".";
    for (const std::uint8_t byte : pattern_) {
      constexpr std::string_view kDigits = "0123456789abcdef";
      text += {kDigits[byte >> 4U], kDigits[byte & 15U]};
    }
    return text;
  }

  [[nodiscard]] Result<void> write(int file, std::uint64_t from, std::uint64_t end) const {
    std::string text;
    for (std::uint64_t at = from; at < end; ++at) {
      text += static_cast<char>(pattern_[at % pattern_.size()]);
    }
    if (pwrite(file, text.data(), text.size(), static_cast<off_t>(from)) !=
        static_cast<ssize_t>(text.size())) {
      return fail(errno == ESTALE ? ESTALE : EIO);
    }
    return {};
  }

 private:
  std::array<std::uint8_t, kVoidPatternSize> pattern_{};
};

}  // namespace

AsHerald::AsHerald() {
  syscall(SYS_setfsuid, kHeraldUid);
  raise_all_capabilities();
}

AsHerald::~AsHerald() {
  syscall(SYS_setfsuid, geteuid());
  raise_all_capabilities();
}

bool knows_heralds(int root) {
  const AsHerald herald;
  char value = 0;
  const std::string question(kHeraldQuestion);
  return getxattr(path_of(root, "").c_str(), question.c_str(), &value, 1) == 1 && value == '1';
}

Result<void> herald_removal(int dir, const std::string& name, bool is_directory) {
  const AsHerald herald;
  return result_of(unlinkat(dir, name.c_str(), is_directory ? AT_REMOVEDIR : 0));
}

Result<void> herald_removal_of_unknown(int dir, const std::string& name, bool is_directory) {
  const AsHerald herald;
  TRY(announce(dir, is_directory ? kHeraldRemovesDirectory : kHeraldRemoves, name));
  return result_of(unlinkat(dir, name.c_str(), is_directory ? AT_REMOVEDIR : 0));
}

Result<void> herald_creation(int dir, const std::string& name, bool is_directory) {
  const AsHerald herald;
  TRY(announce(dir, kHeraldMakes, name));
  return result_of(is_directory ? mkdirat(dir, name.c_str(), 0700)
                                : mknodat(dir, name.c_str(), S_IFREG | 0600, 0));
}

Result<void> herald_move(int old_dir, const std::string& old_name, int dir,
                         const std::string& name) {
  const AsHerald herald;
  TRY(announce(old_dir, kHeraldMovesFrom, old_name));
  TRY(announce(dir, kHeraldMovesTo, name));
  return result_of(renameat(old_dir, old_name.c_str(), dir, name.c_str()));
}

bool is_guests_own_change(int dir, const std::string& name) {
  const AsHerald herald;
  const std::string question(kHeraldAsksWhose);
  return lgetxattr(path_of(dir, name).c_str(), question.c_str(), nullptr, 0) < 0 && errno == EEXIST;
}

Result<std::uint64_t> herald_asks_size(int dir, const std::string& name) {
  const AsHerald herald;
  std::array<char, 32> digits{};
  const std::string question(kHeraldAsksSize);
  const ssize_t length =
      lgetxattr(path_of(dir, name).c_str(), question.c_str(), digits.data(), digits.size());
  std::uint64_t size = 0;
  if (length <= 0 ||
      std::from_chars(digits.data(), digits.data() + length, size).ptr != digits.data() + length) {
    return fail(EPROTO);
  }
  return size;
}

Result<void> herald_truncation(int dir, const std::string& name, std::uint64_t size) {
  const AsHerald herald;
  return result_of(truncate(path_of(dir, name).c_str(), static_cast<off_t>(size)));
}

Result<UniqueFd> herald_growth(int dir, const std::string& name, std::uint64_t from,
                               std::uint64_t end) {
  // A direct write drops the pages that it covers and moves the end in one step, behind the lock
  // that readers take (fs/netfs/direct_write.c; mm/filemap.c generic_file_direct_write before Linux
  // 6.8).  So the page that has the old end in it is written, and then the new end; what lies
  // between them the client has never seen.
  constexpr std::uint64_t kPage = 4096;
  const std::uint64_t first = from - from % kPage;
  const std::uint64_t last = std::max(first + kPage, end - std::min(end, kPage));
  const AsHerald herald;
  const VoidBytes bytes = TRY(VoidBytes::make());
  TRY(announce_on(path_of(dir, name), bytes.announcement(first, end)));
  UniqueFd file(openat(dir, name.c_str(),
                       O_WRONLY | O_DIRECT | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
  if (!file.is_open()) {
    return fail_errno();
  }
  TRY(bytes.write(file.get(), first, std::min(first + kPage, end)));
  TRY(bytes.write(file.get(), last, std::max(last, end)));
  return file;
}

Result<void> herald_touch(int dir, const std::string& name, Touch touch) {
  const AsHerald herald;
  const timespec now{.tv_sec = 0, .tv_nsec = UTIME_NOW};
  const timespec omit{.tv_sec = 0, .tv_nsec = UTIME_OMIT};
  // Both times are IN_ATTRIB, the time of modification alone is IN_MODIFY, that of access IN_ACCESS
  // (include/linux/fsnotify.h, fsnotify_change).
  const timespec times[2] = {touch == Touch::content ? omit : now,
                             touch == Touch::quiet ? omit : now};
  if (name.empty()) {
    return result_of(utimensat(AT_FDCWD, path_of(dir, "").c_str(), times, 0));
  }
  return result_of(utimensat(dir, name.c_str(), times, AT_SYMLINK_NOFOLLOW));
}

}  // namespace nineroot::guest

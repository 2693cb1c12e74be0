#include "guest/herald.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

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
Result<void> announce(int dir, std::string_view what, const std::string& name) {
  const std::string question = std::string(what) + name;
  if (getxattr(path_of(dir, "").c_str(), question.c_str(), nullptr, 0) < 0 && errno == ENODATA) {
    return {};
  }
  return fail(errno == EEXIST ? EEXIST : ENAMETOOLONG);
}

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

bool is_guests_own_change(int dir, const std::string& name) {
  const AsHerald herald;
  const std::string question(kHeraldAsksWhose);
  return lgetxattr(path_of(dir, name).c_str(), question.c_str(), nullptr, 0) < 0 && errno == EEXIST;
}

Result<void> herald_size(int dir, const std::string& name, std::uint64_t size) {
  const AsHerald herald;
  return result_of(truncate(path_of(dir, name).c_str(), static_cast<off_t>(size)));
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

#include "guest/switch_root.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "base/unique_fd.h"
#include "guest/read_text.h"

namespace nineroot::guest {
namespace {

// Whatever is on another device is somebody else's: the moved mounts and the new root.
void delete_tree(int parent, const std::string& name, dev_t device) {
  struct stat status{};
  if (fstatat(parent, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0 || status.st_dev != device) {
    return;
  }
  if (!S_ISDIR(status.st_mode)) {
    unlinkat(parent, name.c_str(), 0);
    return;
  }
  const UniqueFd directory(
      openat(parent, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (directory.is_open()) {
    for (const std::string& child : names_in("/proc/self/fd/" + std::to_string(directory.get()))) {
      delete_tree(directory.get(), child, device);
    }
  }
  unlinkat(parent, name.c_str(), AT_REMOVEDIR);
}

void move_mount(const std::string& from, const std::string& to) {
  mkdir(to.c_str(), 0755);
  if (mount(from.c_str(), to.c_str(), nullptr, MS_MOVE, nullptr) != 0) {
    say("warning: cannot move " + from + " into the root: " + error_text(errno));
    umount2(from.c_str(), MNT_DETACH);
  }
}

}  // namespace

Or<void> switch_root(const std::string& root) {
  const UniqueFd old(open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  struct stat status{};
  if (!old.is_open() || fstat(old.get(), &status) != 0) {
    return std::unexpected("cannot open the initramfs: " + error_text(errno));
  }
  // /proc is the last one: deleting needs it, and it is in the new root from then on.
  move_mount("/dev", root + "/dev");
  move_mount("/sys", root + "/sys");
  move_mount("/proc", root + "/proc");
  if (chdir(root.c_str()) != 0 || mount(".", "/", nullptr, MS_MOVE, nullptr) != 0 ||
      chroot(".") != 0 || chdir("/") != 0) {
    return std::unexpected("cannot make the mounted tree the root: " + error_text(errno));
  }
  for (const std::string& name : names_in("/proc/self/fd/" + std::to_string(old.get()))) {
    delete_tree(old.get(), name, status.st_dev);
  }
  return {};
}

Or<std::string> find_init(const std::string& wanted) {
  if (!wanted.empty()) {
    if (access(wanted.c_str(), X_OK) != 0) {
      return std::unexpected("cannot start init=" + wanted + ": " + error_text(errno));
    }
    return wanted;
  }
  std::string tried;
  for (const char* path :
       {"/sbin/init", "/lib/systemd/systemd", "/etc/init", "/bin/init", "/bin/sh"}) {
    if (access(path, X_OK) == 0) {
      return path;
    }
    tried += std::string(tried.empty() ? "" : ", ") + path + ": " + error_text(errno);
  }
  return std::unexpected("the root has no init that can be started (" + tried + ")");
}

}  // namespace nineroot::guest

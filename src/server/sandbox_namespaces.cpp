// The sandbox's namespaces: the export becomes the root of everything.
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <string>

#include "fs/sys.h"
#include "server/sandbox_layers.h"

namespace nineroot::server {
namespace {

Result<void> done(long status) {
  if (status < 0) {
    return fail_errno();
  }
  return {};
}

Result<void> write_file(const char* path, const std::string& text) {
  const UniqueFd fd(::open(path, O_WRONLY | O_CLOEXEC));
  if (!fd.is_open()) {
    return fail_errno();
  }
  return fs::sys::write_all(fd.get(), std::as_bytes(std::span(text)));
}

/// Only our own ids exist in there: files of others stay theirs.
Result<void> map_own_ids(uid_t uid, gid_t gid) {
  TRY(write_file("/proc/self/setgroups", "deny"));
  TRY(write_file("/proc/self/uid_map", fmt::format("{0} {0} 1", uid)));
  return write_file("/proc/self/gid_map", fmt::format("{0} {0} 1", gid));
}

}  // namespace

Result<UniqueFd> enter_namespaces(const UniqueFd& root) {
  const uid_t uid = ::geteuid();
  const gid_t gid = ::getegid();
  const int common = CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS;
  if (uid == 0) {
    TRY(done(::unshare(common)));
  } else {
    TRY(done(::unshare(common | CLONE_NEWUSER)));
    TRY(map_own_ids(uid, gid));
  }
  // What the host mounts inside the tree later shall be seen; nothing goes the other way.
  TRY(done(::mount(nullptr, "/", nullptr, MS_REC | MS_SLAVE, nullptr)));
  std::string path(PATH_MAX, '\0');
  const ssize_t size =
      ::readlink(fmt::format("/proc/self/fd/{}", root.get()).c_str(), path.data(), path.size());
  TRY(done(size));
  path.resize(static_cast<std::size_t>(size));
  TRY(done(::mount(path.c_str(), path.c_str(), nullptr, MS_BIND | MS_REC, nullptr)));
  const UniqueFd bound(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  TRY(done(bound.get()));
  const struct statx wanted = TRY(fs::sys::stat(root.get()));
  const struct statx got = TRY(fs::sys::stat(bound.get()));
  if (wanted.stx_ino != got.stx_ino || wanted.stx_dev_minor != got.stx_dev_minor ||
      wanted.stx_dev_major != got.stx_dev_major) {
    return fail(ESTALE);  // Renamed or mounted over between two looks.
  }
  // The working directory is /proc/self/fd and must still be that afterwards: it stays reachable
  // as our working directory alone, when the old root is gone.
  const UniqueFd fd_directory(::open("/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  TRY(done(fd_directory.get()));
  TRY(done(::fchdir(bound.get())));
  TRY(done(::syscall(SYS_pivot_root, ".", ".")));
  TRY(done(::umount2(".", MNT_DETACH)));
  TRY(done(::chdir("/")));
  UniqueFd inside(::open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  TRY(done(inside.get()));
  TRY(done(::fchdir(fd_directory.get())));
  return inside;
}

Result<void> drop_capabilities(bool keeps_file_capabilities, bool makes_owners) {
  std::uint32_t kept = 0;
  if (keeps_file_capabilities) {
    for (const unsigned capability : {CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH, CAP_FOWNER}) {
      kept |= 1U << capability;
    }
  }
  if (keeps_file_capabilities && makes_owners) {
    for (const unsigned capability :
         {CAP_CHOWN, CAP_FSETID, CAP_MKNOD, CAP_SETFCAP, CAP_SYS_ADMIN}) {
      kept |= 1U << capability;
    }
  }
  __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  __user_cap_data_struct data[2]{};
  TRY(done(::syscall(SYS_capget, &header, data)));
  const __user_cap_data_struct now[2] = {data[0], data[1]};
  for (unsigned i = 0; i < 2; ++i) {
    const std::uint32_t allowed = i == 0 ? kept : 0;
    data[i] = {.effective = now[i].effective & allowed,
               .permitted = now[i].permitted & allowed,
               .inheritable = 0};
  }
  return done(::syscall(SYS_capset, &header, data));
}

}  // namespace nineroot::server

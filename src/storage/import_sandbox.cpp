#include "storage/import_sandbox.h"

#include <linux/landlock.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <memory>
#include <span>

#include <seccomp.h>

namespace nineroot::storage {
namespace {

// The rights of Landlock's second version, which also knows of linking between directories.
constexpr std::uint64_t kReadRights = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR;
constexpr std::uint64_t kReferRight = 1ULL << 13U;
constexpr std::uint64_t kAllRights = (1ULL << 14U) - 1;
constexpr std::uint64_t kWriteRights =
    (kAllRights & ~static_cast<std::uint64_t>(LANDLOCK_ACCESS_FS_EXECUTE));

Result<void> allow_below(int ruleset, int directory, std::uint64_t rights) {
  const landlock_path_beneath_attr below{.allowed_access = rights, .parent_fd = directory};
  if (::syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &below, 0) != 0) {
    return fail_errno();
  }
  return {};
}

Result<void> restrict_files(int writable, int readable) {
  const long version =
      ::syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION);
  if (version < 2) {
    return {};  // Version 1 would forbid hard links between directories, which trees need.
  }
  static_assert((kAllRights & kReferRight) != 0);
  const landlock_ruleset_attr attributes{.handled_access_fs = kAllRights};
  const int ruleset =
      static_cast<int>(::syscall(SYS_landlock_create_ruleset, &attributes, sizeof(attributes), 0));
  if (ruleset < 0) {
    return fail_errno();
  }
  TRY(allow_below(ruleset, writable, kWriteRights));
  if (readable >= 0) {
    TRY(allow_below(ruleset, readable, kReadRights));
  }
  if (::syscall(SYS_landlock_restrict_self, ruleset, 0) != 0) {
    return fail_errno();
  }
  ::close(ruleset);
  return {};
}

// Files by descriptor, memory, and the end.  What libarchive, its decompressors, malloc and the
// sanitizers need; no sockets but the one that is open, no exec, no new processes.
constexpr std::array kAllowed = {
    SCMP_SYS(read),
    SCMP_SYS(write),
    SCMP_SYS(pread64),
    SCMP_SYS(pwrite64),
    SCMP_SYS(readv),
    SCMP_SYS(writev),
    SCMP_SYS(lseek),
    SCMP_SYS(open),
    SCMP_SYS(openat),
    SCMP_SYS(close),
    SCMP_SYS(stat),
    SCMP_SYS(fstat),
    SCMP_SYS(newfstatat),
    SCMP_SYS(statx),
    SCMP_SYS(fstatfs),
    SCMP_SYS(getdents64),
    SCMP_SYS(fcntl),
    SCMP_SYS(dup),
    SCMP_SYS(mkdirat),
    SCMP_SYS(unlinkat),
    SCMP_SYS(linkat),
    SCMP_SYS(symlinkat),
    SCMP_SYS(mknodat),
    SCMP_SYS(renameat),
    SCMP_SYS(readlinkat),
    SCMP_SYS(readlink),
    SCMP_SYS(ftruncate),
    SCMP_SYS(utimensat),
    SCMP_SYS(chmod),
    SCMP_SYS(fchmodat),
    SCMP_SYS(fchownat),
    SCMP_SYS(getxattr),
    SCMP_SYS(setxattr),
    SCMP_SYS(listxattr),
    SCMP_SYS(copy_file_range),
    SCMP_SYS(send),
    SCMP_SYS(sendto),
    SCMP_SYS(brk),
    SCMP_SYS(mmap),
    SCMP_SYS(munmap),
    SCMP_SYS(mremap),
    SCMP_SYS(mprotect),
    SCMP_SYS(madvise),
    SCMP_SYS(futex),
    SCMP_SYS(rt_sigaction),
    SCMP_SYS(rt_sigprocmask),
    SCMP_SYS(rt_sigreturn),
    SCMP_SYS(sigaltstack),
    SCMP_SYS(getpid),
    SCMP_SYS(gettid),
    SCMP_SYS(tgkill),
    SCMP_SYS(geteuid),
    SCMP_SYS(getrandom),
    SCMP_SYS(clock_gettime),
    SCMP_SYS(gettimeofday),
    SCMP_SYS(sysinfo),
    SCMP_SYS(sched_yield),
    SCMP_SYS(getrlimit),
    SCMP_SYS(exit),
    SCMP_SYS(exit_group),
    SCMP_SYS(restart_syscall),
};

// The undefined-behaviour sanitizer asks through a pipe whether memory can be read.
#ifdef __SANITIZE_ADDRESS__
constexpr std::array kAllowedToSanitizers = {SCMP_SYS(pipe), SCMP_SYS(pipe2)};
#else
constexpr std::array<int, 0> kAllowedToSanitizers = {};
#endif

/// FICLONE, _IOW(0x94, 9, int): the only ioctl that a copier needs.
constexpr scmp_datum_t kFiclone = 0x40049409;

Result<void> restrict_calls() {
  const auto release = [](void* context) { ::seccomp_release(context); };
  const std::unique_ptr<void, decltype(release)> filter(::seccomp_init(SCMP_ACT_ERRNO(EPERM)));
  if (filter == nullptr) {
    return fail(ENOMEM);
  }
  for (const std::span<const int> calls :
       {std::span<const int>(kAllowed), std::span<const int>(kAllowedToSanitizers)}) {
    for (const int call : calls) {
      if (const int error = ::seccomp_rule_add(filter.get(), SCMP_ACT_ALLOW, call, 0); error != 0) {
        return fail(-error);
      }
    }
  }
  int error = ::seccomp_rule_add(filter.get(), SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1,
                                 SCMP_A1(SCMP_CMP_EQ, kFiclone));
  if (error == 0) {
    error = ::seccomp_load(filter.get());
  }
  return error == 0 ? Result<void>() : fail(-error);
}

}  // namespace

Outcome<void> enter_import_sandbox(int writable, int readable) {
  constexpr const char* kWhat = "cannot shut in the process that reads the archive";
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
    return failure(Errno{errno}, "{}", kWhat);
  }
  TRY(context(restrict_files(writable, readable), kWhat));
  return context(restrict_calls(), kWhat);
}

}  // namespace nineroot::storage

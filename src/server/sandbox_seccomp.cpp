// The sandbox's seccomp filter: what a file server needs, and nothing that makes a process, a
// socket or a mapping of code.
#include <fcntl.h>
#include <sched.h>
#include <sys/mman.h>
#include <unistd.h>

#include <memory>

#include <seccomp.h>

#include "server/sandbox_layers.h"

namespace nineroot::server {
namespace {

constexpr const char* kAllowed[] = {
    // Files and directories, as fs/sys.cpp uses them.
    "openat2",
    "openat",
    "open",
    "close",
    "close_range",
    "read",
    "readv",
    "preadv",
    "preadv2",
    "pread64",
    "write",
    "writev",
    "pwritev",
    "pwritev2",
    "pwrite64",
    "lseek",
    "getdents64",
    "statx",
    "newfstatat",
    "fstat",
    "stat",
    "lstat",
    "fstatfs",
    "statfs",
    "fsync",
    "fdatasync",
    "syncfs",
    "truncate",
    "ftruncate",
    "chmod",
    "fchmod",
    "fchmodat",
    "fchown",
    "fchownat",
    "utimensat",
    "mkdirat",
    "mknodat",
    "symlinkat",
    "linkat",
    "renameat",
    "renameat2",
    "unlink",
    "unlinkat",
    "readlink",
    "readlinkat",
    "getxattr",
    "lgetxattr",
    "fgetxattr",
    "listxattr",
    "flistxattr",
    "setxattr",
    "fsetxattr",
    "removexattr",
    "fremovexattr",
    "dup",
    "flock",
    "faccessat",
    "faccessat2",
    "copy_file_range",
    "sync_file_range",
    "fallocate",
    // Sockets that are there already, and those that they accept.
    "accept",
    "accept4",
    "recvmsg",
    "recvfrom",
    "sendmsg",
    "sendto",
    "shutdown",
    "getsockopt",
    "setsockopt",
    "getsockname",
    "getpeername",
    // Waiting and waking.
    "poll",
    "ppoll",
    "epoll_create1",
    "epoll_ctl",
    "epoll_wait",
    "epoll_pwait",
    "eventfd2",
    "timerfd_create",
    "timerfd_settime",
    "futex",
    "nanosleep",
    "clock_nanosleep",
    "clock_gettime",
    "clock_getres",
    "gettimeofday",
    "restart_syscall",
    "sched_yield",
    "pipe2",
    // Memory and threads.
    "brk",
    "munmap",
    "mremap",
    "madvise",
    "membarrier",
    "set_robust_list",
    "rseq",
    "gettid",
    "getpid",
    "getuid",
    "geteuid",
    "exit",
    "exit_group",
    "sched_getaffinity",
    "getcpu",
    "getrandom",
    "getrusage",
    "sysinfo",
    "uname",
    // Signals.
    "rt_sigaction",
    "rt_sigprocmask",
    "rt_sigreturn",
    "rt_sigtimedwait",
    "sigaltstack",
    "signalfd4",
};

Result<void> allow(scmp_filter_ctx filter, const char* name) {
  const int number = ::seccomp_syscall_resolve_name(name);
  if (number == __NR_SCMP_ERROR) {
    return {};  // libseccomp does not know it, so nothing here can use it.
  }
  const int error = ::seccomp_rule_add(filter, SCMP_ACT_ALLOW, number, 0);
  return error == 0 || error == -EEXIST ? Result<void>{} : fail(-error);
}

Result<void> check(int error) {
  return error == 0 ? Result<void>{} : fail(-error);
}

}  // namespace

Result<void> filter_system_calls() {
  const std::unique_ptr<void, void (*)(scmp_filter_ctx)> filter(
      ::seccomp_init(SCMP_ACT_ERRNO(EPERM)), &::seccomp_release);
  if (!filter) {
    return fail(ENOMEM);
  }
  for (const char* name : kAllowed) {
    TRY(allow(filter.get(), name));
  }
  // getxattrat(2), which libseccomp does not know yet.
  constexpr int kGetxattrat = 464;
  TRY(check(::seccomp_rule_add(filter.get(), SCMP_ACT_ALLOW, kGetxattrat, 0)));
  // Threads, by the call whose flags a filter can see; libc falls back to it on ENOSYS.
  TRY(check(::seccomp_rule_add(filter.get(), SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0)));
  TRY(check(::seccomp_rule_add(filter.get(), SCMP_ACT_ALLOW, SCMP_SYS(clone), 1,
                               SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD))));
  // Memory, never executable.
  for (const int number : {SCMP_SYS(mmap), SCMP_SYS(mprotect)}) {
    TRY(check(::seccomp_rule_add(filter.get(), SCMP_ACT_ALLOW, number, 1,
                                 SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0))));
  }
  // Not F_SETOWN and its kin, by which the kernel can be made to signal other processes.
  for (const int command : {F_DUPFD, F_DUPFD_CLOEXEC, F_GETFD, F_SETFD, F_GETFL, F_SETFL, F_GETLK,
                            F_OFD_GETLK, F_OFD_SETLK, F_GET_SEALS, F_ADD_SEALS}) {
    TRY(check(::seccomp_rule_add(filter.get(), SCMP_ACT_ALLOW, SCMP_SYS(fcntl), 1,
                                 SCMP_A1(SCMP_CMP_EQ, static_cast<scmp_datum_t>(command)))));
  }
  // Signals and limits of our own process alone.
  TRY(check(::seccomp_rule_add(filter.get(), SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1,
                               SCMP_A0(SCMP_CMP_EQ, static_cast<scmp_datum_t>(::getpid())))));
  TRY(check(::seccomp_rule_add(filter.get(), SCMP_ACT_ALLOW, SCMP_SYS(prlimit64), 1,
                               SCMP_A0(SCMP_CMP_EQ, 0))));
  // Names of threads.
  TRY(check(::seccomp_rule_add(filter.get(), SCMP_ACT_ALLOW, SCMP_SYS(prctl), 1,
                               SCMP_A0(SCMP_CMP_EQ, 15 /* PR_SET_NAME */))));
  return check(::seccomp_load(filter.get()));
}

}  // namespace nineroot::server

#include "tests/stress/acting_user.h"

#include <grp.h>
#include <sys/fsuid.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>

namespace nineroot::stress {
namespace {

struct User {
  uid_t uid;
  gid_t gid;
  std::array<gid_t, 2> groups;
  mode_t mask;
};

constexpr std::array<User, kUsers> kTable = {{{0, 0, {0, 0}, 022},
                                              {1000, 1000, {1001, 2000}, 002},
                                              {1001, 1001, {2000, 2001}, 022},
                                              {70000, 70000, {1000, 70001}, 077}}};

void become(const User& user) {
  // Only root's effective uid may set groups, and only of this thread without glibc's wrapper.
  if (geteuid() == 0 && syscall(SYS_setgroups, user.groups.size(), user.groups.data()) != 0) {
    std::perror("setgroups");
    std::abort();
  }
  setfsgid(user.gid);
  setfsuid(user.uid);
  umask(user.mask);
}

}  // namespace

ActingUser::ActingUser(int index) {
  if (geteuid() == 0) {
    become(kTable.at(static_cast<std::size_t>(index)));
  }
}

ActingUser::~ActingUser() {
  if (geteuid() == 0) {
    become(kTable[0]);
  }
}

}  // namespace nineroot::stress

// Who makes a system call: the thread's file-system uid, gid, groups and umask, set for a scope.
#pragma once

namespace nineroot::stress {

inline constexpr int kUsers = 4;

/// Index 0 is root.  The kernel takes the capabilities that override permissions from a thread
/// whose file-system uid leaves 0, and gives them back on the way to 0 (capabilities(7)).
class ActingUser {
 public:
  explicit ActingUser(int index);
  ~ActingUser();
  ActingUser(const ActingUser&) = delete;
  ActingUser& operator=(const ActingUser&) = delete;
};

}  // namespace nineroot::stress

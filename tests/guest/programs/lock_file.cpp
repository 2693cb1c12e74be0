// Takes a lock and keeps it until standard input ends.
//
//   lock_file FILE fcntl|ofd|flock wait|try
//
// Says "locked" when it has it; with `try` it ends with status 1 if somebody else has it.
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <string>

namespace {

bool take(int file, const std::string& how, bool waits) {
  if (how == "flock") {
    return flock(file, LOCK_EX | (waits ? 0 : LOCK_NB)) == 0;
  }
  struct flock lock{};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  lock.l_start = 100;
  lock.l_len = 10;
  if (how == "ofd") {
    return fcntl(file, waits ? F_OFD_SETLKW : F_OFD_SETLK, &lock) == 0;
  }
  return fcntl(file, waits ? F_SETLKW : F_SETLK, &lock) == 0;
}

}  // namespace

int main(int count, char** words) {
  if (count != 4) {
    std::fputs("usage: lock_file FILE fcntl|ofd|flock wait|try\n", stderr);
    return 2;
  }
  const int file = open(words[1], O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (file < 0) {
    std::perror(words[1]);
    return 2;
  }
  if (!take(file, words[2], std::strcmp(words[3], "wait") == 0)) {
    std::perror("not locked");
    return 1;
  }
  std::puts("locked");
  std::fflush(stdout);
  char byte = 0;
  while (read(STDIN_FILENO, &byte, 1) > 0) {
  }
  return 0;
}

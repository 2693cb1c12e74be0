// with_ext4 IMAGE DIRECTORY PROGRAM [ARGUMENT...]: runs a program in a guest that has an ext4 on
// DIRECTORY, from a copy of IMAGE in memory, so that what the program does there asks nobody else.
#include <fcntl.h>
#include <linux/loop.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <string>

namespace {

void need(bool is_right, const std::string& what) {
  if (!is_right) {
    std::perror(("with_ext4: " + what).c_str());
    std::exit(125);
  }
}

int copy_without_zeros(const char* image) {
  constexpr const char* kCopy = "/tmp/model.img";
  const int from = open(image, O_RDONLY | O_CLOEXEC);
  const int to = open(kCopy, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  need(from >= 0 && to >= 0, image);
  std::array<char, 65536> piece{};
  off_t at = 0;
  for (ssize_t got = 0; (got = read(from, piece.data(), piece.size())) > 0; at += got) {
    if (std::any_of(piece.begin(), piece.begin() + got, [](char c) { return c != 0; })) {
      need(pwrite(to, piece.data(), static_cast<size_t>(got), at) == got, kCopy);
    }
  }
  need(ftruncate(to, at) == 0, kCopy);
  close(from);
  return to;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4) {
    std::fprintf(stderr, "usage: with_ext4 IMAGE DIRECTORY PROGRAM [ARGUMENT...]\n");
    return 2;
  }
  const int image = copy_without_zeros(argv[1]);
  const int loop = open("/dev/loop0", O_RDWR | O_CLOEXEC);
  need(loop >= 0, "/dev/loop0");
  need(ioctl(loop, LOOP_SET_FD, image) == 0, "loop device");
  need(mount("/dev/loop0", argv[2], "ext4", MS_NOATIME, "") == 0, argv[2]);
  execv(argv[3], argv + 3);
  need(false, argv[3]);
}

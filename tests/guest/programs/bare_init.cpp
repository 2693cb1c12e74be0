// The init of a kernel tree: loads the modules that kernel_tree.py laid into /modules, mounts a
// tmpfs on /tmp, and reaps orphans for ever.  Everything else is left to programs that nineroot's
// agent starts; the agent also powers the guest off.
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <string>
#include <system_error>
#include <vector>

namespace {

// Their names begin with a number that tells their order.
std::vector<std::string> modules_in_order() {
  std::vector<std::string> files;
  std::error_code none;
  for (const auto& entry : std::filesystem::directory_iterator("/modules", none)) {
    files.push_back(entry.path().string());
  }
  std::ranges::sort(files);
  return files;
}

void load(const std::string& file) {
  const int descriptor = open(file.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0 || syscall(SYS_finit_module, descriptor, "", 0) != 0) {
    std::perror(("bare_init: " + file).c_str());
  }
  close(descriptor);
}

}  // namespace

int main() {
  // What the kernel opened for the initramfs is the console, if anything.
  if (const int console = open("/dev/console", O_RDWR); console >= 0) {
    for (int descriptor = 0; descriptor < 3; ++descriptor) {
      dup2(console, descriptor);
    }
  }
  umask(022);
  for (const std::string& file : modules_in_order()) {
    load(file);
  }
  if (mount("tmpfs", "/tmp", "tmpfs", 0, "mode=1777") != 0) {
    std::perror("bare_init: /tmp");
  }
  // The kernel reaps the children of a process that ignores their end, orphans too.
  std::signal(SIGCHLD, SIG_IGN);
  for (;;) {
    pause();
  }
}

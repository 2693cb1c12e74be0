#include "guest/init.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <string>

#include "base/unique_fd.h"
#include "guest/agent_process.h"
#include "guest/kernel_words.h"
#include "guest/modules.h"
#include "guest/mount_root.h"
#include "guest/read_text.h"
#include "guest/report.h"
#include "guest/switch_root.h"

namespace nineroot::guest {
namespace {

constexpr const char* kNewRoot = "/root";

void mount_kernel_file_system(const char* type, const char* target, unsigned long flags) {
  mkdir(target, 0755);
  if (mount(type, target, type, flags, nullptr) != 0 && errno != EBUSY) {
    say(std::string("warning: cannot mount ") + target + ": " + error_text(errno));
  }
}

KernelWords read_kernel_words() {
  const Result<std::string> text = read_text("/proc/cmdline");
  if (!text) {
    give_up("cannot read the kernel's command line: " + error_text(code(text.error())));
  }
  KernelWords words = parse_kernel_words(*text);
  if (!words.unknown.empty()) {
    give_up("the word \"" + words.unknown + "\" on the kernel's command line makes no sense");
  }
  return words;
}

}  // namespace

void boot(char** arguments, char** environment) {
  mount_kernel_file_system("devtmpfs", "/dev", MS_NOSUID | MS_NOEXEC);
  mount_kernel_file_system("proc", "/proc", MS_NOSUID | MS_NODEV | MS_NOEXEC);
  mount_kernel_file_system("sysfs", "/sys", MS_NOSUID | MS_NODEV | MS_NOEXEC);
  const KernelWords words = read_kernel_words();
  load_modules();
  const UniqueFd self(open("/proc/self/exe", O_PATH | O_CLOEXEC));
  mkdir(kNewRoot, 0755);
  if (const Or<void> mounted = mount_root(words, kNewRoot); !mounted) {
    give_up(mounted.error());
  }
  if (const Or<void> switched = switch_root(kNewRoot); !switched) {
    give_up(switched.error());
  }
  const Or<std::string> init = find_init(words.init);
  if (!init) {
    give_up(init.error());
  }
  start_agent(self.get());
  std::string name = *init;
  arguments[0] = name.data();
  execve(init->c_str(), arguments, environment);
  give_up("cannot start " + *init + ": " + error_text(errno));
}

}  // namespace nineroot::guest

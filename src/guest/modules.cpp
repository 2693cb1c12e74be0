#include "guest/modules.h"

#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <string>

#include "base/unique_fd.h"
#include "guest/read_text.h"
#include "guest/report.h"

namespace nineroot::guest {
namespace {

void load(const std::string& name) {
  const UniqueFd file(open(("/modules/" + name).c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.is_open()) {
    say("warning: cannot open the module " + name + ": " + error_text(errno));
    return;
  }
  if (syscall(SYS_finit_module, file.get(), "", 0) != 0 && errno != EEXIST) {
    say("warning: the kernel refuses the module " + name + ": " + error_text(errno));
  }
}

}  // namespace

void load_modules() {
  const Result<std::string> order = read_text("/modules/order");
  if (!order) {
    say("warning: cannot read /modules/order: " + error_text(code(order.error())));
    return;
  }
  for (const std::string& name : lines_of(*order)) {
    load(name);
  }
}

}  // namespace nineroot::guest

#include "vm/embedded_init.h"

// Defined by embedded_init.S, which the build system writes.
extern "C" const char nineroot_embedded_init_begin[];
extern "C" const char nineroot_embedded_init_end[];

namespace nineroot::vm {

std::string_view embedded_init() {
  return {static_cast<const char*>(nineroot_embedded_init_begin),
          static_cast<const char*>(nineroot_embedded_init_end)};
}

}  // namespace nineroot::vm

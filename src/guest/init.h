// The way from the kernel's first process to the guest's own init.
#pragma once

namespace nineroot::guest {

/// Never returns: becomes the guest's init, or says what is wrong and powers off.  `arguments` and
/// `environment` are the kernel's, handed on.
[[noreturn]] void boot(char** arguments, char** environment);

}  // namespace nineroot::guest

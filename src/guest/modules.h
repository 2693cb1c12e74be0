// Loading the kernel modules that the builder of the initramfs put in.
#pragma once

namespace nineroot::guest {

/// Loads /modules/NAME.ko for every line NAME.ko of /modules/order, in that order.  A module that
/// the kernel has already is fine; others that fail are reported and left out, because the mount
/// that needs them gives the better message.
void load_modules();

}  // namespace nineroot::guest

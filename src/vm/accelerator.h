// Whether a guest really starts on this host's KVM, or has to be emulated.
#pragma once

#include <chrono>
#include <filesystem>
#include <string>
#include <string_view>

#include "base/failure.h"
#include "vm/qemu_command.h"

namespace nineroot::vm {

/// What was chosen, and why not the faster one.
struct AcceleratorChoice {
  Accelerator accelerator = Accelerator::tcg;
  std::string reason;  ///< Why KVM is not used; empty for KVM.
};

/// `wanted` is auto, kvm or tcg.  auto takes KVM only where the CPU can virtualise and a guest of a
/// few instructions ran to its end: on some hosts /dev/kvm opens and guests hang on it.
Outcome<AcceleratorChoice> choose_accelerator(std::string_view wanted);

/// Whether the text of /proc/cpuinfo shows the flag vmx or svm.
[[nodiscard]] bool cpu_can_virtualise(std::string_view cpuinfo);

/// Runs a guest that writes a byte to a port and halts, in a process that is killed after
/// `patience`.  Fails with what did not work.
Outcome<void> try_kvm(const std::filesystem::path& device, std::chrono::milliseconds patience);

}  // namespace nineroot::vm

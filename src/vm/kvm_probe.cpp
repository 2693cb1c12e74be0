// try_kvm: the smallest guest, run through the ioctls of <linux/kvm.h> in a child process, because
// on a host where KVM is broken KVM_RUN may never return.
#include <fcntl.h>
#include <linux/kvm.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "base/unique_fd.h"
#include "vm/accelerator.h"

namespace nineroot::vm {
namespace {

// The steps, in their order; the child's exit status is the one that failed.
enum class Step : int { done, open, version, machine, memory, cpu, registers, run, port, halt };

constexpr const char* kFailed[] = {
    "",
    "/dev/kvm cannot be opened",
    "/dev/kvm does not speak KVM's interface 12",
    "KVM makes no machine",
    "KVM takes no memory",
    "KVM makes no CPU",
    "KVM sets no registers",
    "KVM does not run its CPU",
    "a trial guest on KVM does not reach its first port",
    "a trial guest on KVM does not reach its end",
};

constexpr std::uint16_t kPort = 0x3f8;
constexpr std::uint64_t kStart = 0x1000;
constexpr std::size_t kMemorySize = 0x1000;

// Real mode: mov dx, 0x3f8; mov al, 'k'; out dx, al; hlt.
constexpr std::uint8_t kCode[] = {0xba, 0xf8, 0x03, 0xb0, 'k', 0xee, 0xf4};

int control(int fd, unsigned long request, void* argument) {
  return ::ioctl(fd, request, argument);
}

// ioctls whose argument is a number.
int control(int fd, unsigned long request, unsigned long argument = 0) {
  return ::ioctl(fd, request, argument);
}

bool set_registers(int cpu) {
  kvm_sregs special{};
  if (control(cpu, KVM_GET_SREGS, &special) != 0) {
    return false;
  }
  special.cs.base = 0;
  special.cs.selector = 0;
  kvm_regs registers{};
  registers.rip = kStart;
  registers.rflags = 2;  // The bit that is always set.
  return control(cpu, KVM_SET_SREGS, &special) == 0 && control(cpu, KVM_SET_REGS, &registers) == 0;
}

Step run_to_halt(int cpu, const kvm_run* state) {
  if (control(cpu, KVM_RUN) != 0) {
    return Step::run;
  }
  if (state->exit_reason != KVM_EXIT_IO || state->io.port != kPort) {
    return Step::port;
  }
  if (control(cpu, KVM_RUN) != 0 || state->exit_reason != KVM_EXIT_HLT) {
    return Step::halt;
  }
  return Step::done;
}

// Only system calls: this runs after fork.
Step run_guest(const char* device) {
  const int kvm = ::open(device, O_RDWR | O_CLOEXEC);
  if (kvm < 0) {
    return Step::open;
  }
  if (control(kvm, KVM_GET_API_VERSION) != 12) {
    return Step::version;
  }
  const int machine = control(kvm, KVM_CREATE_VM);
  if (machine < 0) {
    return Step::machine;
  }
  void* memory =
      ::mmap(nullptr, kMemorySize, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) {
    return Step::memory;
  }
  std::copy(std::begin(kCode), std::end(kCode), static_cast<std::uint8_t*>(memory));
  kvm_userspace_memory_region region{.slot = 0,
                                     .flags = 0,
                                     .guest_phys_addr = kStart,
                                     .memory_size = kMemorySize,
                                     .userspace_addr = reinterpret_cast<std::uintptr_t>(memory)};
  if (control(machine, KVM_SET_USER_MEMORY_REGION, &region) != 0) {
    return Step::memory;
  }
  const int cpu = control(machine, KVM_CREATE_VCPU);
  const int size = control(kvm, KVM_GET_VCPU_MMAP_SIZE);
  if (cpu < 0 || size < static_cast<int>(sizeof(kvm_run))) {
    return Step::cpu;
  }
  void* state =
      ::mmap(nullptr, static_cast<std::size_t>(size), PROT_READ | PROT_WRITE, MAP_SHARED, cpu, 0);
  if (state == MAP_FAILED) {
    return Step::cpu;
  }
  if (!set_registers(cpu)) {
    return Step::registers;
  }
  return run_to_halt(cpu, static_cast<const kvm_run*>(state));
}

}  // namespace

Outcome<void> try_kvm(const std::filesystem::path& device, std::chrono::milliseconds patience) {
  const pid_t child = ::fork();
  if (child < 0) {
    return failure(Errno{errno}, "cannot try KVM");
  }
  if (child == 0) {
    ::_exit(static_cast<int>(run_guest(device.c_str())));
  }
  const UniqueFd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, child, 0)));
  pollfd poll_fd{.fd = pidfd.get(), .events = POLLIN, .revents = 0};
  if (!pidfd.is_open() || ::poll(&poll_fd, 1, static_cast<int>(patience.count())) != 1) {
    ::kill(child, SIGKILL);
    // Not waited for without end: a broken KVM may hold the child in the kernel.
    poll_fd.revents = 0;
    if (::poll(&poll_fd, 1, static_cast<int>(patience.count())) == 1) {
      ::waitpid(child, nullptr, 0);
    }
    return failure("a trial guest on KVM hangs");
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  if (!WIFEXITED(status)) {
    return failure("a trial guest on KVM crashes");
  }
  const int step = WEXITSTATUS(status);
  if (step != 0) {
    return failure(
        "{}",
        kFailed[std::min<std::size_t>(static_cast<std::size_t>(step), std::size(kFailed) - 1)]);
  }
  return {};
}

}  // namespace nineroot::vm

// A 9P device that the benchmark drives: a process that serves a tree, and the way to its ring.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <string>

#include "bench/ring_driver/guest_memory_file.h"

namespace nineroot::bench {

class Device {
 public:
  virtual ~Device() = default;

  /// Tells the device of new requests.
  virtual void kick() = 0;

  /// Waits until the device has seen the last kick, where that can be known.
  virtual void finish_kick() {}

  /// How often it interrupted so far; nothing is known of it if negative.
  [[nodiscard]] virtual std::int64_t interrupts() = 0;

  /// Nanoseconds of CPU of all its threads since its start.
  [[nodiscard]] virtual std::uint64_t cpu() const = 0;
};

/// `nineroot serve --vhost-user`, as the program at `program`.  Throws std::runtime_error.
[[nodiscard]] std::unique_ptr<Device> start_nineroot(const std::string& program,
                                                     const std::string& tree,
                                                     GuestMemoryFile& memory);

/// QEMU's own virtio-9p-pci, driven through -accel qtest.  Throws std::runtime_error.
[[nodiscard]] std::unique_ptr<Device> start_qemu(const std::string& program,
                                                 const std::string& tree, GuestMemoryFile& memory);

}  // namespace nineroot::bench

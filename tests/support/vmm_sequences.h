// What each VMM that can attach a vhost-user device sends when, as recorded from QEMU 11.1 and
// UML and as read in the sources of Cloud Hypervisor, crosvm and libkrun.
#pragma once

#include <cstdint>
#include <string>

#include "tests/support/driver_sim.h"
#include "tests/support/fake_frontend.h"
#include "tests/support/guest_ram.h"

namespace nineroot::test {

enum class Vmm { qemu, cloud_hypervisor, crosvm, uml, libkrun };

[[nodiscard]] std::string name_of(Vmm vmm);

/// The memory that this VMM would share.
[[nodiscard]] GuestRam ram_of(Vmm vmm);

/// One front-end that behaves as `vmm`.  Throws std::runtime_error where that VMM would give up.
class VmmSequence {
 public:
  VmmSequence(Vmm vmm, FakeFrontend& frontend, GuestRam& ram)
      : vmm_(vmm), frontend_(frontend), ram_(ram) {}

  /// From connect to the guest's first look at the device.
  void connect();

  /// The guest's driver probes (reads the tag) and sets up its ring, or a stopped VM goes on.
  /// `base` is what the last stop() returned, or the driver's first index.
  void start(DriverSim& driver, std::uint16_t base);

  /// Stops the ring.  Returns the index to go on from: the back-end's answer where the VMM asks
  /// for one, else what this VMM makes up (0).
  std::uint16_t stop();

  /// The tag in the device's configuration, read as this VMM reads it.
  [[nodiscard]] std::string read_tag();

  // Single messages, acknowledged where this VMM asks for it.

  void set_backend_channel();
  void set_mem_table();
  void add_mem_reg(const virtio::MemoryRegion& region);
  void rem_mem_reg(const virtio::MemoryRegion& region);
  void set_enabled(bool is_enabled);
  void set_call(int fd);

 private:
  void tell(virtio::VhostRequest request, std::span<const std::byte> payload = {},
            const std::vector<int>& fds = {});
  [[nodiscard]] bool is_acked(virtio::VhostRequest request) const;
  void set_features(const DriverSim& driver);
  void set_num(const DriverSim& driver);
  void set_base(std::uint16_t base);
  void set_addresses(const DriverSim& driver);
  void set_kick(const DriverSim& driver);

  Vmm vmm_;
  FakeFrontend& frontend_;
  GuestRam& ram_;
  bool has_added_memory_ = false;
};

}  // namespace nineroot::test

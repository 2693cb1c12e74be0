// A vhost-user back-end without a socket: tests hand it messages and look at its ring.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/support/driver_sim.h"
#include "tests/support/fake_frontend.h"
#include "tests/support/guest_ram.h"
#include "virtio/vhost_user_backend.h"

namespace nineroot::test {

class BackendBench : public testing::Test {
 protected:
  struct Listener final : virtio::VringListener {
    void ring_restarted() override { ++restarts; }

    void ring_resumed() override { ++resumes; }

    int restarts = 0;
    int resumes = 0;
  };

  /// Hands over a message that asks for no acknowledgement.
  void tell(virtio::VhostRequest request, std::span<const std::byte> payload,
            const std::vector<int>& fds = {});
  [[nodiscard]] bool is_acked(virtio::VhostRequest request, std::span<const std::byte> payload,
                              const std::vector<int>& fds = {});
  /// The payload of the reply.
  [[nodiscard]] std::vector<std::byte> ask(virtio::VhostRequest request,
                                           std::span<const std::byte> payload = {});
  [[nodiscard]] bool ends_connection(virtio::VhostRequest request,
                                     std::span<const std::byte> payload);
  [[nodiscard]] static std::uint64_t number(std::span<const std::byte> payload);
  /// What GET_CONFIG gives, as text.
  [[nodiscard]] std::string config(std::uint32_t offset, std::uint32_t size);

  /// SET_MEM_TABLE of the first `count` regions.
  [[nodiscard]] std::vector<std::byte> mem_table(std::size_t count) const;
  [[nodiscard]] virtio::VringAddress addresses() const;

  /// Features, memory and the ring of driver_; all but SET_VRING_ENABLE.
  void configure(std::uint16_t base = 0);
  /// The last part of it: the ring.
  void configure_ring(std::uint16_t base);

  GuestRam ram_ = GuestRam::pc(0x4000000);
  DriverSim driver_{ram_};
  Listener listener_;
  virtio::VhostUserBackend backend_{{.device_features = 1,
                                     .config = {std::byte{4}, std::byte{0}, std::byte{'r'},
                                                std::byte{'o'}, std::byte{'o'}, std::byte{'t'}},
                                     .max_chain_bytes = 1U << 20U},
                                    listener_};
};

}  // namespace nineroot::test

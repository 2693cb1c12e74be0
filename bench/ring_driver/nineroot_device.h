// nineroot as the device: the benchmark is its vhost-user front-end.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/unique_fd.h"
#include "bench/ring_driver/child.h"
#include "bench/ring_driver/device.h"
#include "tests/support/fake_frontend.h"

namespace nineroot::bench {

class NinerootDevice final : public Device {
 public:
  /// `serve` is the command but for its socket.  Throws std::runtime_error.
  NinerootDevice(std::vector<std::string> serve, GuestMemoryFile& memory);
  ~NinerootDevice() override;

  void kick() override;
  std::int64_t interrupts() override;
  [[nodiscard]] std::uint64_t cpu() const override { return child_.cpu(); }
  [[nodiscard]] pid_t pid() const { return child_.pid(); }

 private:
  void tell(virtio::VhostRequest request, std::span<const std::byte> payload,
            const std::vector<int>& fds = {});

  std::string path_;
  Child child_;
  test::FakeFrontend frontend_;
  UniqueFd kick_;
  UniqueFd call_;
  std::int64_t interrupts_ = 0;
};

}  // namespace nineroot::bench

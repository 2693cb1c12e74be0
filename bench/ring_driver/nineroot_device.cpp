// nineroot as the device: the benchmark is its vhost-user front-end.
#include <sys/eventfd.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <stdexcept>

#include "bench/ring_driver/child.h"
#include "bench/ring_driver/device.h"
#include "bench/ring_driver/ring.h"
#include "tests/support/fake_frontend.h"
#include "virtio/ring_layout.h"

namespace nineroot::bench {
namespace {

using test::FakeFrontend;
using test::payload_of;
using enum virtio::VhostRequest;

std::string socket_path(const std::string& name) {
  return (std::filesystem::temp_directory_path() /
          ("nineroot-ring-" + std::to_string(::getpid()) + name))
      .string();
}

/// $RING_SERVE_WITHOUT: fast paths to go without.
std::vector<std::string> command(const std::string& program, const std::string& tree,
                                 const std::string& socket) {
  std::vector<std::string> words{program, "serve", tree, "--vhost-user", socket, "--once"};
  const char* without = std::getenv("RING_SERVE_WITHOUT");
  if (without != nullptr && *without != '\0') {
    words.insert(words.end(), {"--without", without});
  }
  return words;
}

class NinerootDevice final : public Device {
 public:
  NinerootDevice(const std::string& program, const std::string& tree, GuestMemoryFile& memory)
      : path_(socket_path(".vhost")),
        child_(command(program, tree, path_)),
        frontend_(UniqueFd(connect_to(path_, child_))),
        kick_(::eventfd(0, EFD_CLOEXEC)),
        call_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    frontend_.send(SET_OWNER);
    (void)frontend_.ask_number(GET_FEATURES);
    frontend_.send(SET_PROTOCOL_FEATURES, payload_of(frontend_.ask_number(GET_PROTOCOL_FEATURES)));
    frontend_.send(SET_FEATURES,
                   payload_of(virtio::kFeatureVersion1 | virtio::kFeatureProtocol |
                              virtio::kFeatureIndirect | virtio::kFeatureEventIdx | 1U));
    const virtio::MemoryRegion region{.guest_address = 0,
                                      .size = GuestMemoryFile::kSize,
                                      .user_address = kUserBase,
                                      .file_offset = 0};
    tell(SET_MEM_TABLE, payload_of(virtio::MemTableHeader{.count = 1, .padding = 0}, region),
         {memory.fd()});
    tell(SET_VRING_NUM, payload_of(virtio::VringState{.index = 0, .value = kRingSize}));
    tell(SET_VRING_BASE, payload_of(virtio::VringState{.index = 0, .value = 0}));
    tell(SET_VRING_ADDR,
         payload_of(virtio::VringAddress{.index = 0,
                                         .flags = 0,
                                         .descriptors = kUserBase + Ring::kDescriptors,
                                         .used = kUserBase + Ring::kUsed,
                                         .avail = kUserBase + Ring::kAvail,
                                         .log = 0}));
    tell(SET_VRING_CALL, payload_of(std::uint64_t{0}), {call_.get()});
    tell(SET_VRING_KICK, payload_of(std::uint64_t{0}), {kick_.get()});
    tell(SET_VRING_ENABLE, payload_of(virtio::VringState{.index = 0, .value = 1}));
  }

  ~NinerootDevice() override { frontend_.hang_up(); }

  void kick() override { (void)::eventfd_write(kick_.get(), 1); }

  std::int64_t interrupts() override {
    eventfd_t count = 0;
    if (::eventfd_read(call_.get(), &count) == 0) {
      interrupts_ += static_cast<std::int64_t>(count);
    }
    return interrupts_;
  }

  [[nodiscard]] std::uint64_t cpu() const override { return child_.cpu(); }

 private:
  static constexpr std::uint64_t kUserBase = 0x7f0000000000;

  void tell(virtio::VhostRequest request, std::span<const std::byte> payload,
            const std::vector<int>& fds = {}) {
    if (!frontend_.send_acked(request, payload, fds)) {
      throw std::runtime_error("nineroot refuses a vhost-user message");
    }
  }

  std::string path_;
  Child child_;
  FakeFrontend frontend_;
  UniqueFd kick_;
  UniqueFd call_;
  std::int64_t interrupts_ = 0;
};

}  // namespace

std::unique_ptr<Device> start_nineroot(const std::string& program, const std::string& tree,
                                       GuestMemoryFile& memory) {
  return std::make_unique<NinerootDevice>(program, tree, memory);
}

}  // namespace nineroot::bench

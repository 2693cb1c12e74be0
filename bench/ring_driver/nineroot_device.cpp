#include "bench/ring_driver/nineroot_device.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <stdexcept>

#include "bench/ring_driver/ring.h"
#include "virtio/ring_layout.h"

namespace nineroot::bench {
namespace {

using test::payload_of;
using enum virtio::VhostRequest;

constexpr std::uint64_t kUserBase = 0x7f0000000000;

/// Another one for each device of this process.
std::string socket_path() {
  static unsigned count = 0;
  return (std::filesystem::temp_directory_path() /
          ("nineroot-ring-" + std::to_string(::getpid()) + "-" + std::to_string(count++)))
      .string();
}

std::vector<std::string> with_socket(std::vector<std::string> serve, const std::string& path) {
  serve.insert(serve.end(), {"--vhost-user", path, "--once"});
  return serve;
}

}  // namespace

NinerootDevice::NinerootDevice(std::vector<std::string> serve, GuestMemoryFile& memory)
    : path_(socket_path()),
      child_(with_socket(std::move(serve), path_)),
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

NinerootDevice::~NinerootDevice() {
  frontend_.hang_up();
}

void NinerootDevice::kick() {
  (void)::eventfd_write(kick_.get(), 1);
}

std::int64_t NinerootDevice::interrupts() {
  eventfd_t count = 0;
  if (::eventfd_read(call_.get(), &count) == 0) {
    interrupts_ += static_cast<std::int64_t>(count);
  }
  return interrupts_;
}

void NinerootDevice::tell(virtio::VhostRequest request, std::span<const std::byte> payload,
                          const std::vector<int>& fds) {
  if (!frontend_.send_acked(request, payload, fds)) {
    throw std::runtime_error("nineroot refuses a vhost-user message");
  }
}

std::unique_ptr<Device> start_nineroot(const std::string& program, const std::string& tree,
                                       GuestMemoryFile& memory) {
  std::vector<std::string> words{program, "serve", tree};
  const char* without = std::getenv("RING_SERVE_WITHOUT");
  if (without != nullptr && *without != '\0') {
    words.insert(words.end(), {"--without", without});
  }
  return std::make_unique<NinerootDevice>(std::move(words), memory);
}

}  // namespace nineroot::bench

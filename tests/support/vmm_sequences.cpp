#include "tests/support/vmm_sequences.h"

#include <fcntl.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <array>
#include <stdexcept>

#include "virtio/ring_layout.h"

namespace nineroot::test {
namespace {

using virtio::VhostRequest;
using enum virtio::VhostRequest;

/// All that the back-end offers.
constexpr std::uint64_t kProtocolFeatures = 0x8229;
constexpr std::uint32_t kQemuConfigSize = 64;

/// With space for what UML sends after its only region.
constexpr std::size_t kUmlTableSize = 72;

}  // namespace

std::string name_of(Vmm vmm) {
  switch (vmm) {
    case Vmm::qemu:
      return "Qemu";
    case Vmm::cloud_hypervisor:
      return "CloudHypervisor";
    case Vmm::crosvm:
      return "Crosvm";
    case Vmm::uml:
      return "Uml";
    case Vmm::libkrun:
      return "Libkrun";
  }
  return "";
}

GuestRam ram_of(Vmm vmm) {
  return vmm == Vmm::uml ? GuestRam::flat() : GuestRam::pc();
}

bool VmmSequence::is_acked(VhostRequest request) const {
  switch (vmm_) {
    case Vmm::qemu:
      return request != SET_OWNER && request != SET_FEATURES && request != SET_PROTOCOL_FEATURES &&
             request != SET_VRING_NUM && request != SET_VRING_BASE && request != SET_VRING_ADDR;
    case Vmm::cloud_hypervisor:
      return request != SET_OWNER && request != SET_PROTOCOL_FEATURES;
    case Vmm::uml:
      return request != SET_OWNER;
    case Vmm::crosvm:
    case Vmm::libkrun:
      break;
  }
  return false;
}

void VmmSequence::tell(VhostRequest request, std::span<const std::byte> payload,
                       const std::vector<int>& fds) {
  if (!is_acked(request)) {
    frontend_.send(request, payload, fds);
  } else if (!frontend_.send_acked(request, payload, fds)) {
    throw std::runtime_error("the back-end refuses request " +
                             std::to_string(static_cast<unsigned>(request)));
  }
}

void VmmSequence::connect() {
  const bool owns_first = vmm_ == Vmm::cloud_hypervisor || vmm_ == Vmm::crosvm || vmm_ == Vmm::uml;
  if (owns_first) {
    tell(SET_OWNER);
  }
  const std::uint64_t features = frontend_.ask_number(GET_FEATURES);
  if ((features & virtio::kFeatureProtocol) == 0 || (features & 1) == 0) {
    throw std::runtime_error("no protocol features or no mount tag");
  }
  if (frontend_.ask_number(GET_PROTOCOL_FEATURES) != kProtocolFeatures) {
    throw std::runtime_error("other protocol features than expected");
  }
  tell(SET_PROTOCOL_FEATURES, payload_of(kProtocolFeatures));
  if (vmm_ == Vmm::crosvm || vmm_ == Vmm::uml) {
    set_backend_channel();
  }
  if (vmm_ != Vmm::uml && frontend_.ask_number(GET_QUEUE_NUM) != 1) {
    throw std::runtime_error("not one queue");
  }
  if (vmm_ == Vmm::qemu) {
    if (frontend_.ask_number(GET_MAX_MEM_SLOTS) < 32) {
      throw std::runtime_error("too few memory slots");
    }
    set_backend_channel();
    tell(SET_OWNER);
    (void)frontend_.ask_number(GET_FEATURES);
    // Of notifiers that QEMU forwards to nobody.
    const UniqueFd masked(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    tell(SET_VRING_CALL, payload_of(std::uint64_t{0}), {masked.get()});
    tell(SET_VRING_ERR, payload_of(std::uint64_t{0}), {masked.get()});
  }
}

void VmmSequence::set_backend_channel() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK) != 0) {
    throw std::runtime_error("no pipe");
  }
  const UniqueFd reading(ends[0]);
  const UniqueFd writing(ends[1]);
  tell(SET_BACKEND_REQ_FD, {}, {writing.get()});
}

std::string VmmSequence::read_tag() {
  const auto read = [&](std::uint32_t offset, std::uint32_t size, std::uint32_t flags) {
    auto request = payload_of(virtio::ConfigHeader{.offset = offset, .size = size, .flags = flags});
    request.resize(request.size() + size);
    auto reply = frontend_.ask(GET_CONFIG, request);
    if (reply.size() != request.size()) {
      throw std::runtime_error("a configuration of another size than asked for");
    }
    reply.erase(reply.begin(), reply.begin() + sizeof(virtio::ConfigHeader));
    return reply;
  };
  std::string tag;
  std::uint16_t length = 1;
  for (std::uint32_t i = 0; i < length; ++i) {
    std::vector<std::byte> config;
    if (vmm_ == Vmm::qemu) {
      config = read(0, kQemuConfigSize, 0);
    } else if (vmm_ == Vmm::uml) {
      config = read(0, i + 3, 0);
    } else {
      config = read(0, 2, 0);
      const auto letter = read(i + 2, 1, vmm_ == Vmm::crosvm ? 1 : 0);
      config.resize(i + 3);
      config[i + 2] = letter[0];
    }
    length = *virtio::load_payload<std::uint16_t>(config);
    tag.push_back(static_cast<char>(config[i + 2]));
  }
  return tag;
}

void VmmSequence::set_features(const DriverSim& driver) {
  std::uint64_t features = virtio::kFeatureVersion1 | virtio::kFeatureProtocol | 1;
  features |= driver.options().has_event_idx ? virtio::kFeatureEventIdx : 0;
  features |= driver.options().has_indirect ? virtio::kFeatureIndirect : 0;
  tell(SET_FEATURES, payload_of(features));
}

void VmmSequence::set_mem_table() {
  auto payload = payload_of(virtio::MemTableHeader{
      .count = static_cast<std::uint32_t>(ram_.regions().size()), .padding = 0});
  std::vector<int> fds;
  for (const virtio::MemoryRegion& region : ram_.regions()) {
    virtio::append_payload(payload, region);
    fds.push_back(ram_.fd());
  }
  if (vmm_ == Vmm::uml) {
    payload.resize(kUmlTableSize);
  }
  tell(SET_MEM_TABLE, payload, fds);
}

void VmmSequence::add_mem_reg(const virtio::MemoryRegion& region) {
  tell(ADD_MEM_REG, payload_of(virtio::MemTableHeader{}, region), {ram_.fd()});
}

void VmmSequence::rem_mem_reg(const virtio::MemoryRegion& region) {
  tell(REM_MEM_REG, payload_of(virtio::MemTableHeader{}, region));
}

void VmmSequence::set_num(const DriverSim& driver) {
  tell(SET_VRING_NUM, payload_of(virtio::VringState{.index = 0, .value = driver.options().size}));
}

void VmmSequence::set_base(std::uint16_t base) {
  tell(SET_VRING_BASE, payload_of(virtio::VringState{.index = 0, .value = base}));
}

void VmmSequence::set_addresses(const DriverSim& driver) {
  tell(SET_VRING_ADDR, payload_of(virtio::VringAddress{
                           .index = 0,
                           .flags = 0,
                           .descriptors = ram_.user_address(driver.descriptor_address()),
                           .used = ram_.user_address(driver.used_address()),
                           .avail = ram_.user_address(driver.avail_address()),
                           .log = 0}));
}

void VmmSequence::set_kick(const DriverSim& driver) {
  tell(SET_VRING_KICK, payload_of(std::uint64_t{0}), {driver.kick_fd()});
}

void VmmSequence::set_call(int fd) {
  tell(SET_VRING_CALL, payload_of(std::uint64_t{0}), {fd});
}

void VmmSequence::set_enabled(bool is_enabled) {
  tell(SET_VRING_ENABLE, payload_of(virtio::VringState{.index = 0, .value = is_enabled ? 1U : 0U}));
}

void VmmSequence::start(DriverSim& driver, std::uint16_t base) {
  if (vmm_ == Vmm::libkrun) {
    tell(SET_OWNER);
    set_mem_table();
  }
  set_features(driver);
  if (vmm_ == Vmm::qemu) {
    // With memory slots QEMU sends differences only, also across stop and start.
    for (const virtio::MemoryRegion& region : ram_.regions()) {
      if (!has_added_memory_) {
        add_mem_reg(region);
      }
    }
    has_added_memory_ = true;
  } else if (vmm_ != Vmm::libkrun) {
    set_mem_table();
  }
  if (vmm_ == Vmm::uml) {
    set_call(driver.call_fd());
  }
  set_num(driver);
  if (vmm_ == Vmm::cloud_hypervisor || vmm_ == Vmm::crosvm) {
    set_addresses(driver);
    set_base(base);
    set_call(driver.call_fd());
    set_kick(driver);
  } else {
    set_base(base);
    set_addresses(driver);
    set_kick(driver);
    if (vmm_ != Vmm::uml) {
      set_call(driver.call_fd());
    }
  }
  if (vmm_ == Vmm::qemu) {
    ::eventfd_write(driver.kick_fd(), 1);  // QEMU makes the eventfd with a count of 1.
  }
  set_enabled(true);
  if (vmm_ == Vmm::qemu) {
    set_call(driver.call_fd());
  }
}

std::uint16_t VmmSequence::stop() {
  set_enabled(false);
  if (vmm_ == Vmm::uml) {
    (void)frontend_.ask_number(GET_FEATURES);
    return 0;
  }
  if (vmm_ == Vmm::libkrun) {
    return 0;
  }
  const auto reply = frontend_.ask(GET_VRING_BASE, payload_of(virtio::VringState{}));
  return static_cast<std::uint16_t>(virtio::load_payload<virtio::VringState>(reply).value().value);
}

}  // namespace nineroot::test

#include "vm/module_needs.h"

#include <array>

namespace nineroot::vm {
namespace {

constexpr std::size_t kIndexLimit = 64U << 20U;

constexpr std::array<std::string_view, 4> kVirtio = {"virtio_pci", "9pnet", "9pnet_virtio", "9p"};

// Since Linux 5.16 the transports over sockets are a module of their own, 9pnet_fd; before that
// 9pnet has them, so it is asked for but not required.
constexpr std::array<std::string_view, 4> kTcp = {"virtio_pci", "virtio_net", "9pnet", "9p"};

// virtio_rng: without it a guest may wait long for its first random number.
constexpr std::array<std::string_view, 4> kOptional = {"9pnet_fd", "virtio_console", "virtio_mmio",
                                                       "virtio_rng"};

std::string read_or_empty(const storage::GuestTree& tree, const std::string& path) {
  return tree.read_file(path, kIndexLimit).value_or(std::string());
}

}  // namespace

std::span<const std::string_view> required_modules(RootTransport transport) {
  if (transport == RootTransport::tcp) {
    return kTcp;
  }
  return kVirtio;
}

std::span<const std::string_view> optional_modules() {
  return kOptional;
}

ModuleIndex read_module_index(const storage::GuestTree& tree, const std::string& modules) {
  return ModuleIndex(read_or_empty(tree, modules + "/modules.dep"),
                     read_or_empty(tree, modules + "/modules.builtin"),
                     read_or_empty(tree, modules + "/modules.softdep"));
}

}  // namespace nineroot::vm

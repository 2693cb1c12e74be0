#include "vm/initramfs.h"

#include <algorithm>
#include <vector>

#include "vm/cpio_archive.h"
#include "vm/decompress.h"
#include "vm/embedded_init.h"
#include "vm/module_needs.h"

namespace nineroot::vm {
namespace {

constexpr std::size_t kModuleLimit = 64U << 20U;

Outcome<void> check_required(const ModuleIndex& index, const Kernel& kernel,
                             RootTransport transport) {
  for (const std::string_view name : required_modules(transport)) {
    if (!index.has(name)) {
      return std::unexpected(
          Failure(fmt::format("the kernel {} lacks the module {}", kernel.release, name))
              .with_hint("boot one that has 9P (Debian: the package linux-image-amd64)"));
    }
  }
  return {};
}

Outcome<std::string> read_module(const storage::GuestTree& tree, const std::string& path) {
  const std::string packed =
      TRY(context(tree.read_file(path, kModuleLimit), fmt::format("cannot read {}", path)));
  Outcome<std::string> content = decompress(packed, kModuleLimit);
  if (!content) {
    return std::unexpected(
        std::move(content).error().within(fmt::format("cannot use the module {}", path)));
  }
  return content;
}

Outcome<void> add_modules(const storage::GuestTree& tree, const Kernel& kernel,
                          RootTransport transport, CpioArchive& archive) {
  std::string order;
  if (!kernel.modules.empty()) {
    const ModuleIndex index = read_module_index(tree, kernel.modules);
    TRY(check_required(index, kernel, transport));
    std::vector<std::string_view> wanted;
    std::ranges::copy(required_modules(transport), std::back_inserter(wanted));
    std::ranges::copy(optional_modules(), std::back_inserter(wanted));
    for (const std::string& file : index.load_order(wanted)) {
      const std::string content = TRY(read_module(tree, kernel.modules + "/" + file));
      const std::string name = module_name(file) + ".ko";
      archive.add_file("modules/" + name, 0600, content);
      order += name + "\n";
    }
  }
  archive.add_file("modules/order", 0600, order);
  return {};
}

}  // namespace

Outcome<std::string> build_initramfs(const storage::GuestTree& tree, const Kernel& kernel,
                                     RootTransport transport) {
  CpioArchive archive;
  // The kernel opens /dev/console for the init before that can mount anything.
  archive.add_directory("dev", 0755);
  archive.add_character_device("dev/console", 0600, 5, 1);
  archive.add_directory("modules", 0700);
  TRY(add_modules(tree, kernel, transport, archive));
  archive.add_file("init", 0700, embedded_init());
  return std::move(archive).finish();
}

std::string init_command_line(const RootMount& mount) {
  std::string line = fmt::format(
      "console=ttyS0 panic=10 {} nineroot.transport={} nineroot.tag={} "
      "nineroot.cache={}",
      mount.is_read_only ? "ro nineroot.ro" : "rw",
      mount.transport == RootTransport::tcp ? "tcp" : "virtio", mount.tag, mount.cache);
  if (mount.msize != 0) {
    line += fmt::format(" nineroot.msize={}", mount.msize);
  }
  if (mount.is_shared) {
    line += " nineroot.locktimeout=1";
  }
  return line;
}

}  // namespace nineroot::vm

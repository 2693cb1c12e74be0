#include "vm/kernel.h"

#include <unistd.h>

#include <algorithm>
#include <array>

#include "vm/kernel_image.h"
#include "vm/kernel_version.h"
#include "vm/module_index.h"
#include "vm/module_needs.h"

namespace nineroot::vm {
namespace {

using storage::GuestTree;

constexpr std::array<std::string_view, 3> kImagePrefixes = {"vmlinuz", "bzImage", "kernel"};

// The release that the image itself tells; else the part of its name after the prefix.
std::string release_of(const GuestTree& tree, const std::string& image, std::string_view suffix) {
  if (const Result<UniqueFd> file = tree.open_file(image)) {
    std::string head(kKernelImageHead, '\0');
    const ssize_t got = ::pread(file->get(), head.data(), head.size(), 0);
    if (got > 0) {
      head.resize(static_cast<std::size_t>(got));
      if (std::optional<std::string> release = kernel_image_release(head)) {
        return std::move(*release);
      }
    }
  }
  return std::string(suffix);
}

bool is_regular(const GuestTree& tree, const std::string& path) {
  const Result<storage::GuestStat> status = tree.stat(path);
  return status && status->is_regular();
}

std::string first_that_exists(const GuestTree& tree, const std::vector<std::string>& paths) {
  const auto found =
      std::ranges::find_if(paths, [&tree](const std::string& path) { return tree.exists(path); });
  return found == paths.end() ? std::string() : *found;
}

// Debian, Fedora and Alpine, Arch, openSUSE, each with the name's ending and with the release.
std::string find_initrd(const GuestTree& tree, std::string_view suffix,
                        const std::string& release) {
  std::vector<std::string> paths;
  for (const std::string_view ending : {suffix, std::string_view(release)}) {
    for (const char* shape : {"/boot/initrd.img-{}", "/boot/initramfs-{}.img", "/boot/initramfs-{}",
                              "/boot/initrd-{}"}) {
      paths.push_back(fmt::format(fmt::runtime(shape), ending));
    }
  }
  return first_that_exists(tree, paths);
}

// A kernel whose drivers are all built in may have no modules at all; then its configuration
// tells, if it is there.
bool has_all_built_in(const GuestTree& tree, const std::string& release,
                      const std::vector<std::string_view>& options) {
  const Result<std::string> config = tree.read_file("/boot/config-" + release, 4U << 20U);
  return config && std::ranges::all_of(options, [&config](std::string_view option) {
           return config->contains(fmt::format("\n{}=y\n", option));
         });
}

void find_out_9p(const GuestTree& tree, Kernel& kernel) {
  if (kernel.modules.empty()) {
    kernel.has_9p = has_all_built_in(tree, kernel.release,
                                     {"CONFIG_9P_FS", "CONFIG_NET_9P_VIRTIO", "CONFIG_VIRTIO_PCI"});
    kernel.has_9p_tcp = has_all_built_in(tree, kernel.release,
                                         {"CONFIG_9P_FS", "CONFIG_NET_9P_FD", "CONFIG_VIRTIO_NET"});
    return;
  }
  const ModuleIndex index = read_module_index(tree, kernel.modules);
  kernel.has_9p = index.has_all(required_modules(RootTransport::virtio));
  kernel.has_9p_tcp = index.has_all(required_modules(RootTransport::tcp));
}

void add_kernel(const GuestTree& tree, const std::string& image, std::string_view suffix,
                std::vector<Kernel>& kernels) {
  if (!is_regular(tree, image)) {
    return;
  }
  Kernel kernel;
  kernel.release = release_of(tree, image, suffix);
  if (kernel.release.empty()) {
    return;
  }
  const auto same = std::ranges::find(kernels, kernel.release, &Kernel::release);
  if (same != kernels.end()) {
    // A second image of one release is a copy or a rescue image; the plainly named one is better.
    if (suffix == kernel.release) {
      same->image = image;
    }
    return;
  }
  kernel.image = image;
  kernel.modules = first_that_exists(
      tree, {"/lib/modules/" + kernel.release, "/usr/lib/modules/" + kernel.release});
  kernel.initrd = find_initrd(tree, suffix, kernel.release);
  find_out_9p(tree, kernel);
  kernels.push_back(std::move(kernel));
}

void add_kernels_of_boot(const GuestTree& tree, std::vector<Kernel>& kernels) {
  const Result<std::vector<std::string>> names = tree.list("/boot");
  for (const std::string& name : names.value_or(std::vector<std::string>())) {
    for (const std::string_view prefix : kImagePrefixes) {
      if (name.starts_with(prefix)) {
        const std::string_view rest = std::string_view(name).substr(prefix.size());
        add_kernel(tree, "/boot/" + name, rest.starts_with('-') ? rest.substr(1) : rest, kernels);
        break;
      }
    }
  }
}

// Where Fedora and Arch keep the image beside its modules.
void add_kernels_of_modules(const GuestTree& tree, std::vector<Kernel>& kernels) {
  for (const std::string base : {"/lib/modules/", "/usr/lib/modules/"}) {
    const Result<std::vector<std::string>> names = tree.list(base);
    for (const std::string& name : names.value_or(std::vector<std::string>())) {
      add_kernel(tree, base + name + "/vmlinuz", name, kernels);
    }
  }
}

std::string names_of(const std::vector<Kernel>& kernels) {
  std::string names;
  for (const Kernel& kernel : kernels) {
    names += (names.empty() ? "" : ", ") + kernel.release;
  }
  return names;
}

}  // namespace

Outcome<std::vector<Kernel>> find_kernels(const GuestTree& tree) {
  std::vector<Kernel> kernels;
  add_kernels_of_boot(tree, kernels);
  add_kernels_of_modules(tree, kernels);
  std::ranges::sort(kernels, [](const Kernel& one, const Kernel& other) {
    return is_older_release(other.release, one.release);
  });
  return kernels;
}

Outcome<Kernel> choose_kernel(const GuestTree& tree) {
  const std::vector<Kernel> kernels = TRY(find_kernels(tree));
  if (kernels.empty()) {
    return std::unexpected(
        Failure("there is no kernel in the tree (neither /boot/vmlinuz-* nor "
                "/lib/modules/*/vmlinuz)")
            .with_hint("install one in it (Debian: linux-image-amd64), or give one of the host's "
                       "with --kernel"));
  }
  const auto best = std::ranges::find_if(kernels, &Kernel::has_9p);
  if (best != kernels.end()) {
    return *best;
  }
  const bool is_without_index = std::ranges::all_of(kernels, [&tree](const Kernel& kernel) {
    return !kernel.modules.empty() && !tree.exists(kernel.modules + "/modules.dep");
  });
  if (is_without_index) {
    return std::unexpected(
        Failure(fmt::format("the modules of the kernel {} have no index modules.dep",
                            kernels.front().release))
            .with_hint("run depmod in the tree (package kmod)"));
  }
  return std::unexpected(
      Failure(fmt::format("no kernel in the tree can mount 9P over virtio: {}", names_of(kernels)))
          .with_hint("Debian's cloud kernels are built without 9P: install the package "
                     "linux-image-amd64 instead"));
}

}  // namespace nineroot::vm

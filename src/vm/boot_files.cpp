#include "vm/boot_files.h"

#include <fcntl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <optional>

#include "vm/kernel_image.h"

namespace nineroot::vm {
namespace {

namespace fs = std::filesystem;

Outcome<UniqueFd> create(const fs::path& file) {
  UniqueFd fd(::open(file.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!fd.is_open()) {
    return failure(Errno{errno}, "cannot write {}", file.string());
  }
  return fd;
}

Outcome<void> write_file(const fs::path& file, std::string_view content) {
  const UniqueFd fd = TRY(create(file));
  while (!content.empty()) {
    const ssize_t written = ::write(fd.get(), content.data(), content.size());
    if (written < 0 && errno != EINTR) {
      return failure(Errno{errno}, "cannot write {}", file.string());
    }
    content.remove_prefix(written > 0 ? static_cast<std::size_t>(written) : 0);
  }
  return {};
}

Outcome<void> copy_from_tree(const storage::GuestTree& tree, const std::string& guest_path,
                             const fs::path& file) {
  const UniqueFd from = TRY(
      context(tree.open_file(guest_path), fmt::format("cannot read the guest's {}", guest_path)));
  const UniqueFd to = TRY(create(file));
  ssize_t copied = 0;
  while ((copied = ::sendfile(to.get(), from.get(), nullptr, 1U << 20U)) > 0) {
  }
  if (copied < 0) {
    return failure(Errno{errno}, "cannot copy the guest's {} to {}", guest_path, file.string());
  }
  return {};
}

Outcome<BootKernel> host_kernel(const storage::GuestTree& tree, const std::string& wanted) {
  std::ifstream stream(wanted, std::ios::binary);
  if (!stream) {
    return failure(Errno{errno}, "cannot read the kernel {}", wanted);
  }
  std::string start(kKernelImageHead, '\0');
  stream.read(start.data(), static_cast<std::streamsize>(start.size()));
  start.resize(static_cast<std::size_t>(stream.gcount()));
  const std::optional<std::string> release = kernel_image_release(start);
  if (!release) {
    return std::unexpected(Failure(fmt::format("{} is not an x86 kernel image (bzImage)", wanted))
                               .with_hint("give the file vmlinuz-... or bzImage"));
  }
  BootKernel found{.kernel = {}, .host_file = fs::absolute(wanted)};
  // Modules of the same release in the tree; without them the kernel must have 9P built in.
  for (const Kernel& kernel : find_kernels(tree).value_or(std::vector<Kernel>{})) {
    if (kernel.release == *release) {
      found.kernel = kernel;
    }
  }
  if (found.kernel.release.empty()) {
    found.kernel.release = *release;
    const std::string modules = "/lib/modules/" + *release;
    found.kernel.modules = tree.exists(modules) ? modules : "";
    found.kernel.has_9p = true;
    found.kernel.has_9p_tcp = true;
  }
  return found;
}

// The command line for an initrd that is not ours, as its distribution's scripts read it.
std::string foreign_command_line(const RootMount& mount) {
  return fmt::format(
      "root={} rootfstype=9p rootflags=trans=virtio,version=9p2000.L,msize={},cache={},posixacl{} "
      "{} console=ttyS0 panic=-1",
      mount.tag, mount.msize == 0 ? 512000U : mount.msize, mount.cache,
      mount.is_shared ? ",locktimeout=1" : "", mount.is_read_only ? "ro" : "rw");
}

}  // namespace

Outcome<BootKernel> find_boot_kernel(const storage::GuestTree& tree, const std::string& wanted) {
  if (wanted.empty()) {
    BootKernel chosen;
    chosen.kernel = TRY(choose_kernel(tree));
    return chosen;
  }
  if (wanted.find('/') != std::string::npos) {
    return host_kernel(tree, wanted);
  }
  const std::vector<Kernel> kernels = TRY(find_kernels(tree));
  std::vector<std::string> releases;
  for (const Kernel& kernel : kernels) {
    if (kernel.release == wanted) {
      return BootKernel{.kernel = kernel, .host_file = {}};
    }
    releases.push_back(kernel.release);
  }
  return std::unexpected(Failure(fmt::format("the tree has no kernel {}", wanted))
                             .with_hint(releases.empty()
                                            ? "it has none at all"
                                            : fmt::format("it has {}", fmt::join(releases, ", "))));
}

Outcome<BootFiles> prepare_boot_files(const storage::GuestTree& tree, const BootKernel& kernel,
                                      const std::string& wanted_initrd, const RootMount& mount,
                                      const std::string& append, const RuntimePaths& paths) {
  BootFiles files{.kernel = kernel.host_file, .initrd = {}, .command_line = {}, .has_agent = false};
  if (files.kernel.empty()) {
    files.kernel = paths.kernel();
    TRY(copy_from_tree(tree, kernel.kernel.image, files.kernel));
  }
  files.has_agent = wanted_initrd.empty();
  if (files.has_agent) {
    files.initrd = paths.initrd();
    const std::string archive = TRY(build_initramfs(tree, kernel.kernel, mount.transport));
    TRY(write_file(files.initrd, archive));
    files.command_line = init_command_line(mount);
  } else {
    if (mount.transport != RootTransport::virtio) {
      return std::unexpected(
          Failure("an initrd that is not nineroot's own cannot mount the root over TCP")
              .with_hint("leave --initrd out, or use QEMU 10.2 or newer (scripts/get-qemu)"));
    }
    if (wanted_initrd != "guest") {
      files.initrd = fs::absolute(wanted_initrd);
      if (::access(files.initrd.c_str(), R_OK) != 0) {
        return failure(Errno{errno}, "cannot read the initrd {}", wanted_initrd);
      }
    } else if (kernel.kernel.initrd.empty()) {
      return std::unexpected(
          Failure(fmt::format("the tree has no initrd for its kernel {}", kernel.kernel.release))
              .with_hint("leave --initrd out: nineroot builds one"));
    } else {
      files.initrd = paths.initrd();
      TRY(copy_from_tree(tree, kernel.kernel.initrd, files.initrd));
    }
    files.command_line = foreign_command_line(mount);
  }
  if (!append.empty()) {
    files.command_line += " " + append;
  }
  return files;
}

}  // namespace nineroot::vm

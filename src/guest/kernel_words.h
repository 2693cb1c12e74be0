// The words of the kernel's command line that our init obeys.  Who writes them is
// vm/initramfs.h, init_command_line(); the kernel itself ignores words of the form nineroot.NAME.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace nineroot::guest {

/// What to mount as the root and what to start from it.
struct KernelWords {
  bool uses_tcp = false;           ///< nineroot.transport=tcp; else virtio.
  std::string tag = "root";        ///< nineroot.tag=, the virtio device's mount tag.
  std::string cache = "mmap";      ///< nineroot.cache=
  std::uint32_t msize = 0;         ///< nineroot.msize=; 0: the transport's best.
  std::uint32_t lock_timeout = 0;  ///< nineroot.locktimeout=, seconds; 0: the kernel's own.
  bool is_read_only = false;       ///< nineroot.ro
  std::string init;                ///< init=; empty: the usual places.
  std::string unknown;             ///< The first nineroot. word that is not one of these.
};

/// Words are parted by white space outside of double quotes, as the kernel does; of a word that
/// comes twice the last one counts.
[[nodiscard]] KernelWords parse_kernel_words(std::string_view command_line);

}  // namespace nineroot::guest

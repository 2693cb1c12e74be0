// What a kernel image says of itself.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace nineroot::vm {

/// How much of an image kernel_image_release() wants to see, in bytes.
inline constexpr std::size_t kKernelImageHead = 65536;

/// The release in an x86 bzImage's header ("6.1.0-49-amd64"), whatever its file is called; nothing
/// for another kind of image.  Source: Linux Documentation/arch/x86/boot.rst, kernel_version.
[[nodiscard]] std::optional<std::string> kernel_image_release(std::string_view head);

}  // namespace nineroot::vm

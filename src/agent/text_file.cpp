#include "agent/text_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>

#include "base/unique_fd.h"

namespace nineroot::agent {

std::string text_of(const std::string& path) {
  constexpr std::size_t kLimit = 1U << 20U;
  const UniqueFd file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  std::string text;
  std::array<char, 4096> piece{};
  ssize_t got = 0;
  while ((got = read(file.get(), piece.data(), piece.size())) > 0) {
    text.append(piece.data(), static_cast<std::size_t>(got));
    if (text.size() > kLimit) {
      return "";
    }
  }
  return got == 0 ? text : "";
}

}  // namespace nineroot::agent

#include "storage/directory_names.h"

#include <dirent.h>
#include <fcntl.h>

#include <memory>

#include "base/unique_fd.h"
#include "storage/descriptor.h"

namespace nineroot::storage {

Result<std::vector<std::string>> directory_names(int directory) {
  UniqueFd fd(::openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd.is_open()) {
    return fail_errno();
  }
  const auto close_stream = [](DIR* stream) { ::closedir(stream); };
  const std::unique_ptr<DIR, decltype(close_stream)> stream(::fdopendir(fd.get()));
  if (stream == nullptr) {
    return fail_errno();
  }
  static_cast<void>(fd.release());  // The stream's now.
  std::vector<std::string> names;
  while (true) {
    errno = 0;
    const dirent* entry = ::readdir(stream.get());
    if (entry == nullptr) {
      if (errno != 0) {
        return fail_errno();
      }
      return names;
    }
    const std::string_view name(entry->d_name);
    if (name != "." && name != "..") {
      names.emplace_back(name);
    }
  }
}

}  // namespace nineroot::storage

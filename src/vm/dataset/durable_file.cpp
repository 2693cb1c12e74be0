#include "vm/dataset/durable_file.h"

#include <fcntl.h>
#include <unistd.h>

#include "base/unique_fd.h"
#include "storage/descriptor.h"

namespace nineroot::vm {
namespace {

constexpr std::size_t kLargest = std::size_t{16} << 20U;

Result<void> sync_directory(int directory) {
  if (::fsync(directory) != 0) {
    return fail_errno();
  }
  return {};
}

Result<void> write_and_rename(int directory, const std::string& name, const std::string& text) {
  const std::string temporary = name + ".new";
  const UniqueFd file(::openat(directory, temporary.c_str(),
                               O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!file.is_open()) {
    return fail_errno();
  }
  TRY(storage::write_all(file.get(), text));
  if (::fsync(file.get()) != 0 ||
      ::renameat(directory, temporary.c_str(), directory, name.c_str()) != 0) {
    return fail_errno();
  }
  return sync_directory(directory);
}

}  // namespace

Outcome<void> write_durably(int directory, const std::string& name, const std::string& text) {
  return context(write_and_rename(directory, name, text), "cannot write " + name);
}

Outcome<void> remove_durably(int directory, const std::string& name) {
  if (::unlinkat(directory, name.c_str(), 0) != 0 && errno != ENOENT) {
    return failure(Errno{errno}, "cannot remove {}", name);
  }
  return context(sync_directory(directory), "cannot remove " + name);
}

Outcome<std::optional<nlohmann::json>> read_json(int directory, const std::string& name,
                                                 const std::string& path, int version) {
  const UniqueFd file(::openat(directory, name.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
  if (!file.is_open()) {
    if (errno == ENOENT) {
      return std::nullopt;
    }
    return failure(Errno{errno}, "cannot read {}", path);
  }
  const std::string text =
      TRY(context(storage::read_all(file.get(), kLargest), "cannot read " + path));
  nlohmann::json object = nlohmann::json::parse(text, nullptr, false);
  if (!object.is_object()) {
    return failure("{} is damaged: it holds no JSON object", path);
  }
  const auto found = object.find("version");
  if (found == object.end() || !found->is_number_integer() || found->get<int>() != version) {
    return std::unexpected(
        Failure(fmt::format("{} is of another version of nineroot", path))
            .with_hint(
                fmt::format("this one knows version {}; use the one that wrote it", version)));
  }
  return object;
}

}  // namespace nineroot::vm

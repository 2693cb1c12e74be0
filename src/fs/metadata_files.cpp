#include "fs/metadata_files.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <string>
#include <vector>

#include "base/mapped_format.h"
#include "fs/sys.h"

namespace nineroot::fs::metadata {
namespace {

std::string directory_name() {
  return std::string(mapped::kMetadataDir);
}

/// The directory of the records in `dir_fd`, for what is not safe by a path of two parts.
Result<UniqueFd> open_directory(int dir_fd) {
  return sys::open_beneath(dir_fd, directory_name().c_str(), O_PATH | O_DIRECTORY);
}

Result<void> make_directory(int dir_fd) {
  auto made = sys::make_dir(dir_fd, directory_name().c_str(), 0700);
  if (!made && made.error() == Errno{EEXIST}) {
    return {};
  }
  return made;
}

Result<UniqueFd> open_regular(int dir_fd, const char* path, int flags) {
  // O_NONBLOCK: open(2) of a fifo would wait for its other end.
  UniqueFd fd = TRY(sys::open_beneath(dir_fd, path, flags | O_NONBLOCK, 0600));
  const struct statx stat = TRY(sys::stat(fd.get()));
  if (!S_ISREG(stat.stx_mode)) {
    return fail(EINVAL);
  }
  return fd;
}

/// The entries of a directory without "." and "..".
Result<std::vector<std::string>> names_in(int dir_fd, const char* name) {
  UniqueFd fd = TRY(sys::open_beneath(dir_fd, name, O_RDONLY | O_DIRECTORY));
  DIR* dir = ::fdopendir(fd.get());
  if (dir == nullptr) {
    return fail_errno();
  }
  [[maybe_unused]] const int owned_by_dir = fd.release();
  std::vector<std::string> names;
  while (const dirent* entry = ::readdir(dir)) {
    const std::string_view text = entry->d_name;
    if (text != "." && text != "..") {
      names.emplace_back(text);
    }
  }
  ::closedir(dir);
  return names;
}

/// Of a file, or of an empty directory.
Result<void> remove_any(int dir_fd, const char* name) {
  auto removed = sys::unlink(dir_fd, name, false);
  if (!removed && removed.error() == Errno{EISDIR}) {
    return sys::unlink(dir_fd, name, true);
  }
  return removed;
}

}  // namespace

Result<UniqueFd> open_record(int dir_fd, const char* name, int flags) {
  if ((flags & O_CREAT) != 0) {
    TRY(make_directory(dir_fd));
  }
  return open_regular(dir_fd, (directory_name() + "/" + name).c_str(), flags);
}

Result<UniqueFd> open_root_record(int root_fd, int flags) {
  return open_regular(root_fd, std::string(mapped::kMetadataRoot).c_str(), flags);
}

bool means_none(Errno error) {
  const int number = code(error);
  return number == ENOENT || number == ENOTDIR || number == ELOOP || number == EISDIR ||
         number == ENXIO || number == EINVAL;
}

Result<void> remove_record(int dir_fd, const char* name) {
  const UniqueFd directory = TRY(open_directory(dir_fd));
  return sys::unlink(directory.get(), name, false);
}

Result<void> link_record(int dir_fd, const char* name, int new_dir_fd, const char* new_name) {
  const UniqueFd directory = TRY(open_directory(dir_fd));
  TRY(make_directory(new_dir_fd));
  const UniqueFd new_directory = TRY(open_directory(new_dir_fd));
  return sys::link_at(directory.get(), name, new_directory.get(), new_name);
}

Result<void> link_record(int fd, int new_dir_fd, const char* new_name) {
  TRY(make_directory(new_dir_fd));
  const UniqueFd new_directory = TRY(open_directory(new_dir_fd));
  return sys::link(fd, new_directory.get(), new_name);
}

Result<void> rename_record(int dir_fd, const char* name, int new_dir_fd, const char* new_name) {
  const UniqueFd directory = TRY(open_directory(dir_fd));
  TRY(make_directory(new_dir_fd));
  const UniqueFd new_directory = TRY(open_directory(new_dir_fd));
  return sys::rename(directory.get(), name, new_directory.get(), new_name);
}

Result<void> set_aside(int dir_fd, const char* name) {
  const UniqueFd directory = TRY(open_directory(dir_fd));
  // What a server that died left there may be a link of this record, and then rename(2) does
  // nothing.
  (void)sys::unlink(directory.get(), directory_name().c_str(), false);
  return sys::rename(directory.get(), name, directory.get(), directory_name().c_str());
}

Result<void> take_back(int dir_fd, const char* name) {
  const UniqueFd directory = TRY(open_directory(dir_fd));
  return sys::rename(directory.get(), directory_name().c_str(), directory.get(), name);
}

Result<void> remove_aside(int dir_fd) {
  const UniqueFd directory = TRY(open_directory(dir_fd));
  return sys::unlink(directory.get(), directory_name().c_str(), false);
}

Result<void> clear(int dir_fd, const char* name) {
  const std::vector<std::string> entries = TRY(names_in(dir_fd, name));
  // All of them before any record goes: those of what stays are still needed.
  for (const std::string& entry : entries) {
    if (entry != mapped::kMetadataDir) {
      return fail(ENOTEMPTY);
    }
  }
  if (entries.empty()) {
    return {};
  }
  const UniqueFd parent = TRY(sys::open_beneath(dir_fd, name, O_PATH | O_DIRECTORY));
  if (const auto records = open_directory(parent.get())) {
    const std::vector<std::string> stale = TRY(names_in(records->get(), "."));
    for (const std::string& record : stale) {
      TRY(remove_any(records->get(), record.c_str()));
    }
  }
  return remove_any(parent.get(), directory_name().c_str());
}

}  // namespace nineroot::fs::metadata

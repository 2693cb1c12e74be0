#include "bench/workload/small_files.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <string_view>
#include <utility>

#include "bench/workload/must.h"

namespace nineroot::workload {
namespace {

constexpr unsigned kFilesPerDirectory = 50;
constexpr std::size_t kFileSize = 100;

std::string directory_of(const Share& share, unsigned number) {
  return share.directory + "/d" + std::to_string(number / kFilesPerDirectory);
}

std::string path_of(const Share& share, unsigned number, char kind = 'f') {
  return directory_of(share, number) + '/' + kind + std::to_string(number);
}

std::string content_of(unsigned number) {
  return std::string(kFileSize, static_cast<char>('a' + number % 26));
}

/// Calls `visit(directory, entry)` for each name of the directory `path` but "." and "..".
template <class Visit>
void for_each_name(const std::string& path, Visit visit) {
  DIR* directory = opendir(path.c_str());
  if (directory == nullptr) {
    give_up("opendir", path);
  }
  while (const dirent* entry = readdir(directory)) {
    if (std::string_view name = entry->d_name; name != "." && name != "..") {
      visit(dirfd(directory), *entry);
    }
  }
  closedir(directory);
}

bool is_directory(int directory, const dirent& entry) {
  if (entry.d_type != DT_UNKNOWN) {
    return entry.d_type == DT_DIR;
  }
  struct stat attributes{};
  must(fstatat(directory, entry.d_name, &attributes, AT_SYMLINK_NOFOLLOW), "lstat", entry.d_name);
  return S_ISDIR(attributes.st_mode);
}

/// `visit(directory, entry)` has its part in the tally.
template <class Visit>
Tally visit_below(const std::string& path, Visit visit) {
  Tally tally;
  for_each_name(path, [&](int directory, const dirent& entry) {
    tally += visit(directory, entry);
    if (is_directory(directory, entry)) {
      tally += visit_below(path + '/' + entry.d_name, visit);
    }
  });
  return tally;
}

Tally create_one(const std::string& path, unsigned number) {
  const int fd = must(open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL, 0644), "create", path);
  const std::string content = content_of(number);
  must(write(fd, content.data(), content.size()), "write", path);
  must(close(fd), "close", path);
  return {.operations = 1, .sum = hash_of(content)};
}

Tally stat_one(const std::string& path) {
  struct stat attributes{};
  must(lstat(path.c_str(), &attributes), "lstat", path);
  return {.operations = 1,
          .sum = static_cast<std::uint64_t>(attributes.st_size) + attributes.st_mode};
}

Tally read_one(const std::string& path) {
  std::array<char, 4096> buffer{};
  const int fd = must(open(path.c_str(), O_RDONLY), "open", path);
  struct stat attributes{};
  must(fstat(fd, &attributes), "fstat", path);
  Tally tally{.operations = 1, .sum = 0};
  while (const ssize_t got = must(read(fd, buffer.data(), buffer.size()), "read", path)) {
    tally.sum += hash_of({buffer.data(), static_cast<std::size_t>(got)});
  }
  must(close(fd), "close", path);
  return tally;
}

}  // namespace

Tally create(const Share& share) {
  Tally tally;
  for (unsigned number = 0; number < share.count; ++number) {
    if (number % kFilesPerDirectory == 0) {
      must(mkdir(directory_of(share, number).c_str(), 0755), "mkdir", share.directory);
    }
    tally += create_one(path_of(share, number), number);
  }
  return tally;
}

Tally stat_all(const Share& share) {
  Tally tally;
  for (unsigned number = 0; number < share.count; ++number) {
    tally += stat_one(path_of(share, number));
  }
  return tally;
}

Tally find(const Share& share) {
  return visit_below(share.directory, [](int, const dirent& entry) {
    return Tally{.operations = 1, .sum = hash_of(entry.d_name)};
  });
}

Tally walk(const Share& share) {
  return visit_below(share.directory, [](int directory, const dirent& entry) {
    struct stat attributes{};
    must(fstatat(directory, entry.d_name, &attributes, AT_SYMLINK_NOFOLLOW), "lstat", entry.d_name);
    return Tally{.operations = 1, .sum = hash_of(entry.d_name) + attributes.st_mode};
  });
}

Tally open_close(const Share& share) {
  Tally tally;
  for (unsigned number = 0; number < share.count; ++number) {
    const std::string path = path_of(share, number);
    must(close(must(open(path.c_str(), O_RDONLY), "open", path)), "close", path);
    tally += {.operations = 1, .sum = 1};
  }
  return tally;
}

Tally read_all(const Share& share) {
  Tally tally;
  for (unsigned number = 0; number < share.count; ++number) {
    tally += read_one(path_of(share, number));
  }
  return tally;
}

Tally missing(const Share& share) {
  Tally tally;
  for (unsigned number = 0; number < share.count; ++number) {
    const std::string path = path_of(share, number, 'n');
    struct stat attributes{};
    if (lstat(path.c_str(), &attributes) == 0 || errno != ENOENT) {
      give_up("not to find", path);
    }
    tally += {.operations = 1, .sum = 1};
  }
  return tally;
}

Tally append(const Share& share) {
  const std::string path = share.directory + "/log";
  const int fd = must(open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0644), "create", path);
  const std::string line(128, 'l');
  for (unsigned number = 0; number < share.count; ++number) {
    must(write(fd, line.data(), line.size()), "append", path);
  }
  struct stat attributes{};
  must(fstat(fd, &attributes), "fstat", path);
  must(close(fd), "close", path);
  return {.operations = share.count, .sum = static_cast<std::uint64_t>(attributes.st_size)};
}

Tally rename_all(const Share& share) {
  for (const auto& [from, to] : {std::pair{'f', 'r'}, std::pair{'r', 'f'}}) {
    for (unsigned number = 0; number < share.count; ++number) {
      const std::string path = path_of(share, number, from);
      must(rename(path.c_str(), path_of(share, number, to).c_str()), "rename", path);
    }
  }
  return {.operations = 2UL * share.count, .sum = 0};
}

Tally create_and_stat(const Share& share) {
  Tally tally = create(share);
  tally += stat_all(share);
  return tally;
}

Tally unlink_all(const Share& share) {
  for (unsigned number = 0; number < share.count; ++number) {
    const std::string path = path_of(share, number);
    must(unlink(path.c_str()), "unlink", path);
  }
  return {.operations = share.count, .sum = 0};
}

Tally mixed(const Share& share) {
  Tally tally;
  for (unsigned number = 0; number < share.count; ++number) {
    if (number % kFilesPerDirectory == 0) {
      must(mkdir(directory_of(share, number).c_str(), 0755), "mkdir", share.directory);
    }
    const std::string path = path_of(share, number);
    const std::string renamed = path_of(share, number, 'r');
    tally += create_one(path, number);
    tally += stat_one(path);
    tally += read_one(path);
    must(rename(path.c_str(), renamed.c_str()), "rename", path);
    must(unlink(renamed.c_str()), "unlink", renamed);
    tally.operations += 2;
  }
  return tally;
}

Tally remove_all(const Share& share) {
  Tally tally;
  for_each_name(share.directory, [&](int directory, const dirent& entry) {
    const bool is_tree = is_directory(directory, entry);
    if (is_tree) {
      tally += remove_all({.directory = share.directory + '/' + entry.d_name});
    }
    must(unlinkat(directory, entry.d_name, is_tree ? AT_REMOVEDIR : 0), "remove", entry.d_name);
    tally += {.operations = 1, .sum = hash_of(entry.d_name)};
  });
  return tally;
}

}  // namespace nineroot::workload

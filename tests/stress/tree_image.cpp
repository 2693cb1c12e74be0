#include "tests/stress/tree_image.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <utility>
#include <vector>

#include "tests/stress/directory_list.h"
#include "tests/stress/side.h"

namespace nineroot::stress {
namespace {

constexpr std::size_t kPiece = 32768;
constexpr int kDifferencesTold = 8;

std::string describe_content(int directory, const std::string& name) {
  const UniqueFd file(
      ::openat(directory, name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!file.is_open()) {
    return answer_of(-1);
  }
  std::vector<char> content;
  for (;;) {
    const std::size_t had = content.size();
    content.resize(had + kPiece);
    const ssize_t got = ::read(file.get(), content.data() + had, kPiece);
    content.resize(had + static_cast<std::size_t>(got > 0 ? got : 0));
    if (got < 0) {
      return answer_of(-1);
    }
    if (got == 0) {
      break;
    }
  }
  return "content " + std::to_string(content.size()) + " bytes, hash " +
         std::to_string(hash_of(content.data(), content.size()));
}

std::string describe_target(int directory, const std::string& name) {
  std::array<char, 5000> target{};
  const ssize_t size = ::readlinkat(directory, name.c_str(), target.data(), target.size());
  return size < 0 ? answer_of(-1)
                  : "-> " + std::string(target.data(), static_cast<std::size_t>(size));
}

void add(int directory, const std::string& prefix, TreeImage& image);

void add_entry(int directory, const std::string& prefix, const std::string& name,
               unsigned char type, TreeImage& image) {
  std::string& line = image[prefix + name];
  struct stat status{};
  if (::fstatat(directory, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) {
    line = answer_of(-1);
    return;
  }
  line = "listed as " + std::to_string(type) + ", " + describe(status);
  line += describe_xattrs("/proc/self/fd/" + std::to_string(directory) + "/" + name) + " ";
  if (S_ISREG(status.st_mode)) {
    line += describe_content(directory, name);
  } else if (S_ISLNK(status.st_mode)) {
    line += describe_target(directory, name);
  } else if (S_ISDIR(status.st_mode)) {
    const UniqueFd inner(
        ::openat(directory, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (inner.is_open()) {
      add(inner.get(), prefix + name + "/", image);
    } else {
      line += answer_of(-1);
    }
  }
}

void add(int directory, const std::string& prefix, TreeImage& image) {
  std::vector<std::pair<std::string, unsigned char>> names;
  const int error = for_each_name(
      directory, kPiece,
      [&names](const std::string& name, unsigned char type) { names.emplace_back(name, type); });
  if (error != 0) {
    image[prefix] = std::string("cannot be listed: ") + strerrorname_np(error);
  }
  for (const auto& [name, type] : names) {
    add_entry(directory, prefix, name, type, image);
  }
}

}  // namespace

TreeImage image_of(int root) {
  TreeImage image;
  struct stat status{};
  image["."] = ::fstat(root, &status) == 0 ? describe(status) : answer_of(-1);
  add(root, "", image);
  return image;
}

std::string differences(const TreeImage& tested, const TreeImage& model) {
  std::string text;
  int told = 0;
  const auto tell = [&](const std::string& path, const std::string& one, const std::string& other) {
    if (told++ < kDifferencesTold) {
      text += path + "\n    tested: " + one + "\n    model:  " + other + "\n";
    }
  };
  for (const auto& [path, line] : model) {
    const auto found = tested.find(path);
    if (found == tested.end() || found->second != line) {
      tell(path, found == tested.end() ? "is not there" : found->second, line);
    }
  }
  for (const auto& [path, line] : tested) {
    if (!model.contains(path)) {
      tell(path, line, "is not there");
    }
  }
  return text;
}

}  // namespace nineroot::stress

#include "tests/stress/directory_list.h"

#include <dirent.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <map>
#include <vector>

namespace nineroot::stress {
namespace {

constexpr std::size_t kWhole = 32768;
// Room for one longest name, so that a directory takes many calls.
constexpr std::size_t kSmallest = 320;

}  // namespace

int for_each_name(int directory, std::size_t piece,
                  const std::function<void(const std::string& name, unsigned char type)>& body) {
  std::vector<char> buffer(piece);
  if (::lseek(directory, 0, SEEK_SET) < 0) {
    return errno;
  }
  for (;;) {
    const long got = ::syscall(SYS_getdents64, directory, buffer.data(), buffer.size());
    if (got <= 0) {
      return got < 0 ? errno : 0;
    }
    for (long at = 0; at < got;) {
      const auto* entry = reinterpret_cast<const dirent64*>(buffer.data() + at);
      const std::string name(entry->d_name);
      if (name != "." && name != "..") {
        body(name, entry->d_type);
      }
      at += entry->d_reclen;
    }
  }
}

std::string describe_names(int directory) {
  std::map<std::string, std::string> names;
  const int error =
      for_each_name(directory, kWhole, [&names](const std::string& name, unsigned char type) {
        std::string& told = names[name];
        told += (told.empty() ? " " : " and again ") + std::to_string(type);
      });
  if (error != 0) {
    return strerrorname_np(error);
  }
  std::string text;
  for (const auto& [name, told] : names) {
    text += name + told + "\n";
  }
  return text;
}

std::string count_told(int directory, const std::function<void(const std::string& name)>& body) {
  std::map<std::string, int> told;
  const int error =
      for_each_name(directory, kSmallest, [&](const std::string& name, unsigned char) {
        ++told[name];
        body(name);
      });
  std::string text = std::to_string(told.size()) + (error != 0 ? strerrorname_np(error) : "");
  for (const auto& [name, times] : told) {
    if (times != 1) {
      text += ", " + name + " " + std::to_string(times) + " times";
    }
  }
  return text;
}

}  // namespace nineroot::stress

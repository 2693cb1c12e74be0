// What a program in the guest sees of its files: one request per line on standard input, one line
// of answer each.  Stands alone in a guest that has nothing else, so it is linked statically.  What
// to ask, and what the answer should be, is coherence.py's.
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <functional>
#include <iostream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include <setjmp.h>

namespace {

using Words = std::vector<std::string>;

constexpr std::size_t kMost = 4096;

std::map<std::string, int> held;
std::map<std::string, const char*> mapped;
std::map<std::string, int> watches;  // An inotify descriptor for each path.
sigjmp_buf bus_error;

std::string error() {
  return strerrorname_np(errno);
}

std::string describe(const struct stat& status) {
  const char* type = S_ISREG(status.st_mode)    ? "file"
                     : S_ISDIR(status.st_mode)  ? "dir"
                     : S_ISLNK(status.st_mode)  ? "link"
                     : S_ISFIFO(status.st_mode) ? "fifo"
                                                : "other";
  std::ostringstream text;
  text << type << ' ' << std::oct << (status.st_mode & 07777U) << std::dec << ' ' << status.st_uid
       << ':' << status.st_gid << ' '
       << (S_ISDIR(status.st_mode) ? 0 : static_cast<long long>(status.st_size));
  return text.str();
}

std::string look(const std::string& path) {
  struct stat status{};
  return lstat(path.c_str(), &status) == 0 ? describe(status) : error();
}

// From the beginning, whatever was read before.
std::string read_all(int fd) {
  std::array<char, kMost> bytes{};
  std::size_t size = 0;
  while (size < bytes.size()) {
    const ssize_t got =
        pread(fd, bytes.data() + size, bytes.size() - size, static_cast<off_t>(size));
    if (got < 0) {
      return error();
    }
    if (got == 0) {
      break;
    }
    size += static_cast<std::size_t>(got);
  }
  std::replace_if(bytes.begin(), bytes.end(), [](char c) { return c < ' ' || c > '~'; }, '?');
  return "\"" + std::string(bytes.data(), size) + "\"";
}

std::string read_path(const std::string& path) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  if (fd < 0) {
    return error();
  }
  std::string text = read_all(fd);
  close(fd);
  return text;
}

std::string names(const std::string& path) {
  DIR* directory = opendir(path.c_str());
  if (directory == nullptr) {
    return error();
  }
  std::vector<std::string> all;
  while (const dirent* entry = readdir(directory)) {
    const std::string name = entry->d_name;
    if (name != "." && name != "..") {
      all.push_back(name);
    }
  }
  closedir(directory);
  std::ranges::sort(all);
  std::string text;
  for (const std::string& name : all) {
    text += (text.empty() ? "" : " ") + name;
  }
  return text;
}

std::string target(const std::string& path) {
  std::array<char, kMost> bytes{};
  const ssize_t size = readlink(path.c_str(), bytes.data(), bytes.size());
  return size < 0 ? error() : std::string(bytes.data(), static_cast<std::size_t>(size));
}

std::string hold(const std::string& slot, const std::string& path, int access) {
  const int fd = open(path.c_str(), access | O_CLOEXEC);
  if (fd < 0) {
    return error();
  }
  held[slot] = fd;
  return "ok";
}

std::string look_at_held(const std::string& slot) {
  struct stat status{};
  if (fstat(held[slot], &status) != 0) {
    return error();
  }
  return describe(status);
}

std::string write_held(const std::string& slot, off_t offset, const std::string& text) {
  const ssize_t written = pwrite(held[slot], text.data(), text.size(), offset);
  return written == static_cast<ssize_t>(text.size()) ? "ok" : error();
}

// Through a shared mapping, which stays.  The text ends before a page does.
std::string store(const std::string& slot, off_t offset, const std::string& text) {
  const off_t page = offset - offset % static_cast<off_t>(kMost);
  void* memory = mmap(nullptr, kMost, PROT_READ | PROT_WRITE, MAP_SHARED, held[slot], page);
  if (memory == MAP_FAILED) {
    return error();
  }
  std::ranges::copy(text, static_cast<char*>(memory) + (offset - page));
  return "ok";
}

std::string release(const std::string& slot) {
  close(held[slot]);
  held.erase(slot);
  return "ok";
}

std::string map(const std::string& slot, const std::string& path) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) {
    return error();
  }
  // Private, as programs and libraries are mapped; cache=none has no shared ones.
  void* memory = mmap(nullptr, kMost, PROT_READ, MAP_PRIVATE, fd, 0);
  close(fd);
  if (memory == MAP_FAILED) {
    return error();
  }
  mapped[slot] = static_cast<const char*>(memory);
  return read_path(path);
}

void leave_bus_error(int) {
  siglongjmp(bus_error, 1);
}

std::string look_at_mapped(const std::string& slot) {
  static std::array<char, kMost> copy;
  if (sigsetjmp(bus_error, 1) != 0) {
    return "SIGBUS";
  }
  const char* from = mapped[slot];
  std::copy(from, from + kMost, copy.begin());
  const std::string text(copy.data(), strnlen(copy.data(), copy.size()));
  return "\"" + text + "\"";
}

std::string unmap(const std::string& slot) {
  munmap(const_cast<char*>(mapped[slot]), kMost);
  mapped.erase(slot);
  return "ok";
}

std::string watch(const std::string& path) {
  const int inotify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
  if (inotify_add_watch(inotify, path.c_str(), IN_ALL_EVENTS) < 0) {
    return error();
  }
  watches[path] = inotify;
  return "ok";
}

std::string name_of(std::uint32_t mask) {
  static const std::vector<std::pair<std::uint32_t, const char*>> kNames = {
      {IN_MODIFY, "MODIFY"},         {IN_ATTRIB, "ATTRIB"},     {IN_CLOSE_WRITE, "CLOSE_WRITE"},
      {IN_CREATE, "CREATE"},         {IN_DELETE, "DELETE"},     {IN_DELETE_SELF, "DELETE_SELF"},
      {IN_MOVED_FROM, "MOVED_FROM"}, {IN_MOVED_TO, "MOVED_TO"}, {IN_MOVE_SELF, "MOVE_SELF"},
      {IN_IGNORED, "IGNORED"}};
  for (const auto& [bit, name] : kNames) {
    if ((mask & bit) != 0) {
      return name;
    }
  }
  return "";
}

// What has come since the last time: NAME:EVENT, without openings, readings and their closes.
std::string events(const std::string& path) {
  std::string text;
  alignas(inotify_event) std::array<char, 65536> buffer{};
  for (ssize_t size = 0; (size = read(watches[path], buffer.data(), buffer.size())) > 0;) {
    for (ssize_t at = 0; at < size;) {
      inotify_event event{};
      std::memcpy(&event, buffer.data() + at, sizeof event);
      const std::string name = name_of(event.mask);
      if (!name.empty()) {
        const std::string child = event.len > 0 ? buffer.data() + at + sizeof event : "";
        text += (text.empty() ? "" : " ") + child + ":" + name;
      }
      at += static_cast<ssize_t>(sizeof event + event.len);
    }
  }
  return text;
}

std::string write_text(const std::string& path, int flags, const std::string& text) {
  const int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | flags, 0644);
  if (fd < 0) {
    return error();
  }
  const bool is_done = write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  std::string answer = is_done ? "ok" : error();
  return close(fd) == 0 ? answer : error();
}

std::string done(int result) {
  return result == 0 ? "ok" : error();
}

const std::map<std::string, std::function<std::string(const Words&)>> kRequests = {
    {"look", [](const Words& w) { return look(w.at(1)); }},
    {"read", [](const Words& w) { return read_path(w.at(1)); }},
    {"names", [](const Words& w) { return names(w.at(1)); }},
    {"target", [](const Words& w) { return target(w.at(1)); }},
    {"hold", [](const Words& w) { return hold(w.at(1), w.at(2), O_RDONLY); }},
    {"hold-to-write", [](const Words& w) { return hold(w.at(1), w.at(2), O_RDWR); }},
    {"held-write", [](const Words& w) { return write_held(w.at(1), std::stol(w.at(2)), w.at(3)); }},
    {"held-store", [](const Words& w) { return store(w.at(1), std::stol(w.at(2)), w.at(3)); }},
    {"held-names",
     [](const Words& w) { return names("/proc/self/fd/" + std::to_string(held[w.at(1)])); }},
    {"held-look", [](const Words& w) { return look_at_held(w.at(1)); }},
    {"held-read", [](const Words& w) { return read_all(held[w.at(1)]); }},
    {"release", [](const Words& w) { return release(w.at(1)); }},
    {"map", [](const Words& w) { return map(w.at(1), w.at(2)); }},
    {"mapped", [](const Words& w) { return look_at_mapped(w.at(1)); }},
    {"unmap", [](const Words& w) { return unmap(w.at(1)); }},
    {"watch", [](const Words& w) { return watch(w.at(1)); }},
    {"events", [](const Words& w) { return events(w.at(1)); }},
    {"write", [](const Words& w) { return write_text(w.at(1), O_TRUNC, w.at(2)); }},
    {"append", [](const Words& w) { return write_text(w.at(1), O_APPEND, w.at(2)); }},
    {"mkdir", [](const Words& w) { return done(mkdir(w.at(1).c_str(), 0755)); }},
    {"rename", [](const Words& w) { return done(rename(w.at(1).c_str(), w.at(2).c_str())); }},
};

}  // namespace

int main() {
  signal(SIGBUS, leave_bus_error);
  for (std::string line; std::getline(std::cin, line);) {
    std::istringstream stream(line);
    Words words;
    for (std::string word; stream >> word;) {
      words.push_back(word);
    }
    const auto request = words.empty() ? kRequests.end() : kRequests.find(words[0]);
    std::cout << (request == kRequests.end() ? "unknown request" : request->second(words))
              << std::endl;
  }
}

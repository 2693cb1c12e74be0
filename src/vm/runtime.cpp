#include "vm/runtime.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

namespace nineroot::vm {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kLongestPart = 24;
constexpr std::size_t kLongestSocketName = std::string_view("/command/agent.sock").size();

// FNV-1a, 64 bits: spreads paths, defends against nothing.
std::uint64_t hash(std::string_view text) {
  std::uint64_t value = 0xcbf29ce484222325U;
  for (const char c : text) {
    value = (value ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
  }
  return value;
}

std::string directory_name(const Machine& machine) {
  std::error_code ignored;
  fs::path root = fs::canonical(machine.root, ignored);
  if (root.empty()) {
    root = fs::absolute(machine.root, ignored);
  }
  std::string name =
      machine.is_bare_tree() ? root.filename().string() : machine.name.substr(0, kLongestPart);
  std::erase_if(name, [](char c) { return c == '/' || c == ',' || c <= ' ' || c == 127; });
  name = name.substr(0, kLongestPart);
  return fmt::format("{}{}{:012x}", name, name.empty() ? "" : "-",
                     hash(root.string()) & 0xffffffffffffU);
}

fs::path base_directory(const std::string& name) {
  const char* runtime = std::getenv("XDG_RUNTIME_DIR");
  if (runtime != nullptr && runtime[0] == '/') {
    fs::path base = fs::path(runtime) / "nineroot";
    const std::size_t length = base.string().size() + 1 + name.size() + kLongestSocketName;
    std::error_code ignored;
    if (length < sizeof(sockaddr_un::sun_path) && fs::is_directory(runtime, ignored)) {
      return base;
    }
  }
  return fmt::format("/tmp/nineroot-{}", ::getuid());
}

// Makes `path` ours alone.  The check after mkdir counts: /tmp is everybody's.
Outcome<void> make_private(const fs::path& path) {
  if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) {
    return failure(Errno{errno}, "cannot make the runtime directory {}", path.string());
  }
  struct stat info{};
  if (::lstat(path.c_str(), &info) != 0) {
    return failure(Errno{errno}, "cannot read the runtime directory {}", path.string());
  }
  if (!S_ISDIR(info.st_mode) || info.st_uid != ::getuid() || (info.st_mode & 0077) != 0) {
    return std::unexpected(
        Failure(fmt::format("the runtime directory {} is not this user's alone", path.string()))
            .with_hint("remove it, or set XDG_RUNTIME_DIR to a directory of your own"));
  }
  return {};
}

struct flock whole_file(short type) {
  struct flock lock{};
  lock.l_type = type;
  lock.l_whence = SEEK_SET;
  return lock;
}

std::string read_text(const fs::path& file) {
  std::ifstream stream(file, std::ios::binary);
  std::ostringstream text;
  text << stream.rdbuf();
  return text.str();
}

Failure already_running(const Machine& machine, const RuntimePaths& paths) {
  const std::optional<RunningState> state = running_state_from_json(read_text(paths.state()));
  Failure why(fmt::format("{} is already running{}", machine.name,
                          state ? fmt::format(" (process {})", state->owner.pid) : ""));
  return std::move(why).with_hint(fmt::format(
      "enter it with nineroot exec {0}, or end it with nineroot stop {0}", machine.name));
}

}  // namespace

RuntimePaths RuntimePaths::of(const Machine& machine) {
  const std::string name = directory_name(machine);
  return {.directory = base_directory(name) / name};
}

Outcome<void> RuntimePaths::make_directories() const {
  TRY(make_private(directory.parent_path()));
  return make_private(directory);
}

Outcome<RuntimeLock> RuntimeLock::acquire(const Machine& machine) {
  RuntimePaths paths = RuntimePaths::of(machine);
  TRY(paths.make_directories());
  UniqueFd file(::open(paths.lock().c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!file.is_open()) {
    return failure(Errno{errno}, "cannot open the lock {}", paths.lock().string());
  }
  struct flock lock = whole_file(F_WRLCK);
  // Of the open file description, so that children share it and F_OFD_GETLK can ask about it.
  if (::fcntl(file.get(), F_OFD_SETLK, &lock) != 0) {
    if (errno == EAGAIN || errno == EACCES) {
      return std::unexpected(already_running(machine, paths));
    }
    return failure(Errno{errno}, "cannot lock {}", paths.lock().string());
  }
  std::error_code ignored;
  fs::remove(paths.state(), ignored);
  return RuntimeLock(std::move(paths), std::move(file));
}

RuntimeLock::~RuntimeLock() {
  if (file_.is_open()) {
    std::error_code ignored;
    for (const fs::path& path : {paths_.state(), paths_.server_socket(), paths_.port_socket(),
                                 paths_.control_socket(), paths_.kernel(), paths_.initrd()}) {
      fs::remove(path, ignored);
    }
  }
}

Outcome<void> RuntimeLock::publish(const RunningState& state) const {
  const fs::path temporary = paths_.directory / "state.new";
  {
    std::ofstream stream(temporary, std::ios::binary | std::ios::trunc);
    stream << to_json(state) << '\n';
    if (!stream.flush()) {
      return failure("cannot write {}", temporary.string());
    }
  }
  std::error_code error;
  fs::rename(temporary, paths_.state(), error);
  if (error) {
    return failure(Errno{error.value()}, "cannot write {}", paths_.state().string());
  }
  return {};
}

bool is_running(const Machine& machine) {
  const UniqueFd file(
      ::open(RuntimePaths::of(machine).lock().c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW));
  if (!file.is_open()) {
    return false;
  }
  struct flock lock = whole_file(F_WRLCK);
  return ::fcntl(file.get(), F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
}

std::optional<RunningState> find_running(const Machine& machine) {
  if (!is_running(machine)) {
    return std::nullopt;
  }
  return running_state_from_json(read_text(RuntimePaths::of(machine).state()))
      .value_or(RunningState{});
}

}  // namespace nineroot::vm

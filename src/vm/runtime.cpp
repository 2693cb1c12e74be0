#include "vm/runtime.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <sstream>

namespace nineroot::vm {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kLongestPart = 24;
constexpr std::size_t kLongestSocketName =
    std::string_view("/@0123456789abcdef/command/agent.sock").size();
// Before the name of a run; no machine's and no run's name begins so.
constexpr char kRunMark = '@';

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

// What holds the lock in `file` against `type`: F_RDLCK, F_WRLCK, or F_UNLCK for nothing.
short holder(int file, short type) {
  struct flock lock = whole_file(type);
  return ::fcntl(file, F_OFD_GETLK, &lock) == 0 ? lock.l_type : static_cast<short>(F_UNLCK);
}

Outcome<UniqueFd> open_lock(const fs::path& path) {
  UniqueFd file(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!file.is_open()) {
    return failure(Errno{errno}, "cannot open the lock {}", path.string());
  }
  return file;
}

// Of the open file description, so that children share it and F_OFD_GETLK can ask about it.
// EAGAIN if somebody else has it.
Result<void> take(int file, short type) {
  struct flock lock = whole_file(type);
  if (::fcntl(file, F_OFD_SETLK, &lock) != 0) {
    return errno == EACCES ? fail(EAGAIN) : fail_errno();
  }
  return {};
}

std::string already_running(const Machine& run) {
  const std::optional<RunningState> state = find_running(run);
  return fmt::format(
      "{} is already running{}{}", run.name, run.run.empty() ? "" : " as " + run.run,
      state && state->owner.pid > 0 ? fmt::format(" (process {})", state->owner.pid) : "");
}

// `held` is how the other has it: F_WRLCK for alone.
Failure tree_in_use(const Machine& machine, TreeUse use, short held) {
  const std::vector<Machine> runs = find_runs(machine);
  const Machine& other = runs.empty() ? machine : runs.front();
  std::string hint = fmt::format(
      "enter it with nineroot exec {0}, or end it with nineroot stop {0}", other.words());
  if (held != F_WRLCK) {
    hint += "; another guest beside it needs --shared, too, and a --name";
  } else if (use == TreeUse::together) {
    hint += "; for several guests on one tree boot all of them with --shared";
  }
  return Failure(already_running(other)).with_hint(hint);
}

Failure run_in_use(const Machine& machine) {
  return Failure(already_running(machine))
      .with_hint(fmt::format("enter it with nineroot exec {0}, end it with nineroot stop {0}, or "
                             "boot another guest beside it with --shared and another --name",
                             machine.words()));
}

}  // namespace

RuntimePaths RuntimePaths::of(const Machine& machine) {
  const std::string name = directory_name(machine);
  const fs::path tree = base_directory(name) / name;
  return {.directory = machine.run.empty() ? tree : tree / (kRunMark + machine.run),
          .tree_directory = tree};
}

Outcome<void> RuntimePaths::make_directories() const {
  TRY(make_private(tree_directory.parent_path()));
  TRY(make_private(tree_directory));
  return make_private(directory);
}

Outcome<RuntimeLock> RuntimeLock::acquire(const Machine& machine, TreeUse use) {
  RuntimePaths paths = RuntimePaths::of(machine);
  TRY(paths.make_directories());
  UniqueFd tree = TRY(open_lock(paths.tree_lock()));
  const short type = use == TreeUse::alone ? F_WRLCK : F_RDLCK;
  const Result<void> has_tree = take(tree.get(), type);
  if (!has_tree) {
    return has_tree.error() == Errno{EAGAIN}
               ? std::unexpected(tree_in_use(machine, use, holder(tree.get(), type)))
               : failure(has_tree.error(), "cannot lock {}", paths.tree_lock().string());
  }
  UniqueFd run = TRY(open_lock(paths.lock()));
  const Result<void> has_run = take(run.get(), F_WRLCK);
  if (!has_run) {
    return has_run.error() == Errno{EAGAIN}
               ? std::unexpected(run_in_use(machine))
               : failure(has_run.error(), "cannot lock {}", paths.lock().string());
  }
  std::error_code ignored;
  fs::remove(paths.state(), ignored);
  return RuntimeLock(std::move(paths), std::move(tree), std::move(run));
}

RuntimeLock::~RuntimeLock() {
  if (run_.is_open()) {
    std::error_code ignored;
    for (const fs::path& path :
         {paths_.state(), paths_.server_socket(), paths_.server_control(), paths_.port_socket(),
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
  return holder(file.get(), F_WRLCK) != F_UNLCK;
}

std::optional<RunningState> find_running(const Machine& machine) {
  if (!is_running(machine)) {
    return std::nullopt;
  }
  return running_state_from_json(read_text(RuntimePaths::of(machine).state()))
      .value_or(RunningState{});
}

std::vector<Machine> find_runs(const Machine& machine) {
  std::vector<Machine> runs;
  Machine run = machine;
  run.run.clear();
  if (is_running(run)) {
    runs.push_back(run);
  }
  std::error_code error;
  const fs::path directory = RuntimePaths::of(machine).tree_directory;
  for (fs::directory_iterator at(directory, error), end; !error && at != end; at.increment(error)) {
    const std::string name = at->path().filename().string();
    if (!name.starts_with(kRunMark)) {
      continue;
    }
    run.run = name.substr(1);
    if (is_running(run)) {
      runs.push_back(run);
    }
  }
  std::ranges::sort(runs, {}, &Machine::run);
  return runs;
}

Failure not_running(const Machine& machine, const std::string& hint) {
  std::vector<std::string> ways;
  for (const Machine& run : find_runs(machine)) {
    ways.push_back(run.run.empty() ? "leave --name out" : "say --name " + run.run);
  }
  const std::string which = machine.run.empty() ? "" : " as " + machine.run;
  return Failure(fmt::format("{} is not running{}", machine.name, which))
      .with_hint(ways.empty() ? hint
                              : fmt::format("it runs otherwise: {}", fmt::join(ways, ", or ")));
}

}  // namespace nineroot::vm

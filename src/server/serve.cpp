#include "server/serve.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <thread>

#include <malloc.h>

#include "base/log.h"
#include "base/log_budget.h"
#include "base/worker_pool.h"
#include "fs/sys.h"
#include "fs/tree.h"
#include "server/control.h"
#include "session/session.h"
#include "transport/stream_transport.h"
#include "transport/vhost_user_transport.h"

namespace nineroot::server {
namespace {

/// Threads for what waits for a disk.
constexpr unsigned kWorkers = 4;

/// Descriptors kept for sockets, guest memory, and calls in progress.
constexpr std::size_t kReservedFds = 256;
constexpr std::size_t kMaxFdLimit = std::size_t{1} << 20U;

/// With fewer, what a request needs at once (a directory, a file, its record, sockets) may not fit.
constexpr std::size_t kLeastFdLimit = 64;

/// What Linux's virtio transport carries: 128 descriptors, three of them for headers, in pages
/// (net/9p/trans_virtio.c), rounded to whole pages of payload.
constexpr std::uint32_t kVirtioMsize = 124 * 4096 + 24;

Outcome<std::size_t> raise_fd_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) < 0) {
    return failure(Errno{errno}, "cannot tell how many descriptors this process may have");
  }
  rlimit raised = limit;
  raised.rlim_cur = std::min<rlim_t>(limit.rlim_max, kMaxFdLimit);
  if (raised.rlim_cur > limit.rlim_cur && ::setrlimit(RLIMIT_NOFILE, &raised) == 0) {
    limit = raised;
  }
  if (limit.rlim_cur < kLeastFdLimit) {
    return std::unexpected(
        Failure(fmt::format("a server needs {} descriptors, and may have only {}", kLeastFdLimit,
                            limit.rlim_cur))
            .with_hint("raise the limit (ulimit -n, LimitNOFILE= of systemd)"));
  }
  return limit.rlim_cur;
}

/// A machine's tree that is half restored is nobody's to see: pending.json beside it is there while
/// it is (docs/rollback.md).
Outcome<void> check_is_whole(int root, const std::string& directory) {
  if (::faccessat(root, "../pending.json", F_OK, AT_SYMLINK_NOFOLLOW) == 0 &&
      ::faccessat(root, "../machine.toml", F_OK, AT_SYMLINK_NOFOLLOW) == 0) {
    return std::unexpected(
        Failure(fmt::format("a rollback of {} was interrupted and is not finished", directory))
            .with_hint("`nineroot boot` or `nineroot snapshot` of the machine finishes it"));
  }
  return {};
}

/// The export, locked against a second server: both would give their guest's locks away.  Servers
/// that only read, or that take their guests' locks on the host, can share it.
Outcome<UniqueFd> open_export(const ServeOptions& options) {
  UniqueFd root(::open(options.directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!root.is_open()) {
    return std::unexpected(
        Failure(fmt::format("cannot open the directory {}", options.directory), Errno{errno})
            .with_hint("give a directory that exists and that you may read"));
  }
  TRY(check_is_whole(root.get(), options.directory));
  // The records of mapped-file are found by name, which two servers could change at once.
  const bool has_shareable_records = options.identity != fs::IdentityKind::mapped_file;
  const bool is_shared = options.is_read_only || (options.is_shared && has_shareable_records);
  if (::flock(root.get(), (is_shared ? LOCK_SH : LOCK_EX) | LOCK_NB) < 0) {
    if (errno == EWOULDBLOCK) {
      return std::unexpected(
          Failure(fmt::format("{} is served already", options.directory))
              .with_hint(has_shareable_records
                             ? "stop the machine or the server that uses it, or serve it "
                               "--read-only or --shared everywhere"
                             : "stop the machine or the server that uses it; with mapped-file "
                               "several can share a tree only --read-only"));
    }
    return failure(Errno{errno}, "cannot lock {}", options.directory);
  }
  return root;
}

/// SIGTERM, SIGINT and SIGHUP as a descriptor; blocked in all threads made from now on.
Outcome<UniqueFd> catch_signals() {
  sigset_t signals;
  ::sigemptyset(&signals);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) {
    ::sigaddset(&signals, signal);
  }
  ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  UniqueFd fd(::signalfd(-1, &signals, SFD_CLOEXEC));
  if (!fd.is_open()) {
    return failure(Errno{errno}, "cannot catch signals");
  }
  return fd;
}

/// No guest waits for the last close of a file, so that what it says (network file systems write
/// then) can only be told here.
void close_with_word(UniqueFd fd, LogBudget& complaints) {
  if (::close(fd.release()) < 0) {
    complaints.warn(
        "closing a file that a guest wrote failed with {}: what was written without "
        "fsync may be lost",
        describe(Errno{errno}));
  }
}

/// What was listened at, for people and for scripts that chose port 0.
using Transports = std::vector<std::unique_ptr<transport::Transport>>;

/// Makes sessions; the tree comes to be after the sockets do.
struct Sessions {
  std::unique_ptr<fs::Tree>& tree;
  WorkerPool& pool;
  session::Gate& gate;
  bool takes_host_locks = false;

  [[nodiscard]] wire::HandlerFactory factory(std::uint32_t max_msize) const {
    return [sessions = *this, max_msize](std::shared_ptr<Mailbox> mailbox) {
      return std::make_unique<session::Session>(
          *sessions.tree, sessions.pool, std::move(mailbox),
          session::SessionOptions{.max_msize = max_msize,
                                  .takes_host_locks = sessions.takes_host_locks,
                                  .gate = &sessions.gate});
    };
  }
};

Outcome<Transports> open_transports(const ServeOptions& options, const Sessions& sessions) {
  Transports transports;
  const auto virtio = sessions.factory(kVirtioMsize);
  const auto stream = sessions.factory(wire::kMaxMsize);
  for (const std::string& path : options.vhost_user) {
    auto made = TRY(transport::VhostUserTransport::listen(
        path,
        {.tag = options.tag,
         .once = options.once,
         .poll_for = std::chrono::microseconds(options.poll_us)},
        virtio));
    transports.push_back(std::move(made));
  }
  for (const std::string& address : options.listen) {
    auto made = TRY(transport::listen_stream(address, {.once = options.once}, stream));
    transports.push_back(std::move(made));
  }
  for (const int fd : options.fds) {
    auto made = TRY(transport::adopt_stream(UniqueFd(fd), {.once = options.once}, stream));
    transports.push_back(std::move(made));
  }
  if (transports.empty()) {
    return std::unexpected(
        Failure("serve has nothing to serve on")
            .with_hint("say --vhost-user SOCKET, --listen unix:PATH, --listen tcp:HOST:PORT or "
                       "--fd N")
            .as_usage());
  }
  return transports;
}

SandboxOptions sandbox_options(const ServeOptions& options) {
  SandboxOptions result{.mode = options.sandbox,
                        .is_read_only = options.is_read_only,
                        .keeps_capabilities = ::geteuid() == 0,
                        .is_native = options.identity == fs::IdentityKind::passthrough ||
                                     options.identity == fs::IdentityKind::none,
                        .socket_directories = {}};
  const auto add = [&](const std::string& path) {
    const std::filesystem::path directory = std::filesystem::absolute(path).parent_path();
    result.socket_directories.push_back(directory.string());
  };
  for (const std::string& path : options.vhost_user) {
    add(path);
  }
  if (!options.control.empty()) {
    add(options.control);
  }
  for (const std::string& address : options.listen) {
    if (address.starts_with("unix:")) {
      add(address.substr(5));
    }
  }
  return result;
}

void tell_ready(const ServeOptions& options) {
  if (options.ready_fd) {
    const UniqueFd fd(*options.ready_fd);
    [[maybe_unused]] const auto written = ::write(fd.get(), "ready\n", 6);
  }
}

/// How long the host's deletion of what a guest has just looked at may leave its space taken.
constexpr std::chrono::seconds kIdleAge(2);

/// Forgets idle inodes in time: on_idle() wakes whoever waits at fd(), who calls drop() until it
/// gives no time to call again.
class IdleKeeper {
 public:
  IdleKeeper() : wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

  [[nodiscard]] int fd() const { return wake_.get(); }

  void on_idle() const {
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto written = ::write(wake_.get(), &one, sizeof(one));
  }

  /// Milliseconds until the next call; -1: when fd() is readable.
  [[nodiscard]] int drop(fs::Tree& tree) {
    std::uint64_t ignored = 0;
    [[maybe_unused]] const auto got = ::read(wake_.get(), &ignored, sizeof(ignored));
    most_ = std::max(most_, tree.node_count());
    if (tree.drop_idle(kIdleAge)) {
      return std::chrono::milliseconds(kIdleAge).count() / 2;
    }
    give_back(tree.node_count());
    return -1;
  }

 private:
  /// The memory of many inodes that are gone, to the host; malloc would keep it for the next.  Now
  /// that the guest is quiet: every thread's malloc waits for it.
  void give_back(std::size_t left) {
    constexpr std::size_t kMany = 20'000;
    if (most_ - std::min(most_, left) > kMany) {
      ::malloc_trim(0);
      most_ = left;
    }
  }

  UniqueFd wake_;
  std::size_t most_ = 0;  ///< Inodes at once since the last give_back().
};

/// Runs every transport on a thread of its own until a signal comes or, with `once` or with
/// connected sockets only, until they have ended.
Outcome<void> run_all(Transports& transports, const ServeOptions& options, int signal_fd,
                      IdleKeeper& idle_keeper, fs::Tree& tree, Control* control,
                      session::Gate& gate) {
  const UniqueFd stop(::eventfd(0, EFD_CLOEXEC));
  const UniqueFd ended(::eventfd(0, EFD_CLOEXEC));
  if (!stop.is_open() || !ended.is_open()) {
    return failure(Errno{errno}, "cannot make an event descriptor");
  }
  const std::uint64_t one = 1;
  std::vector<Outcome<void>> results(transports.size());
  std::vector<std::jthread> threads;
  if (control != nullptr) {
    threads.emplace_back([&] { control->run(gate, stop.get()); });
  }
  for (std::size_t i = 0; i < transports.size(); ++i) {
    threads.emplace_back([&, i] {
      results[i] = transports[i]->run(stop.get());
      [[maybe_unused]] const auto written = ::write(ended.get(), &one, sizeof(one));
    });
  }
  tell_ready(options);
  int timeout = -1;
  for (std::size_t running = transports.size(); running > 0;) {
    pollfd watched[] = {{.fd = signal_fd, .events = POLLIN, .revents = 0},
                        {.fd = ended.get(), .events = POLLIN, .revents = 0},
                        {.fd = idle_keeper.fd(), .events = POLLIN, .revents = 0}};
    const int ready = ::poll(watched, std::size(watched), timeout);
    if (ready < 0) {
      continue;
    }
    if (ready == 0 || watched[2].revents != 0) {
      timeout = idle_keeper.drop(tree);
    }
    if (watched[0].revents != 0) {
      break;
    }
    std::uint64_t count = 0;
    if (watched[1].revents == 0) {
      continue;
    }
    if (::read(ended.get(), &count, sizeof(count)) == sizeof(count)) {
      running -= std::min<std::size_t>(running, count);
    }
    if (options.once) {
      break;
    }
  }
  [[maybe_unused]] const auto written = ::write(stop.get(), &one, sizeof(one));
  threads.clear();
  for (Outcome<void>& result : results) {
    TRY(std::move(result));
  }
  return {};
}

void close_later(WorkerPool& closers, UniqueFd fd, LogBudget& complaints) {
  // Beyond this the closing itself is the work: nothing may pile up.
  constexpr std::size_t kMaxWaiting = 32;
  if (closers.waiting() < kMaxWaiting) {
    closers.submit([&complaints, fd = std::move(fd)]() mutable {
      close_with_word(std::move(fd), complaints);
    });
  } else {
    close_with_word(std::move(fd), complaints);
  }
}

fs::TreeOptions tree_options(const ServeOptions& options, std::size_t fd_limit,
                             const fs::IdMap& id_map) {
  std::vector<std::string> data_sets;
  for (const std::string& path : options.data_sets) {
    data_sets.push_back(path.substr(path.starts_with('/') ? 1 : 0));
  }
  return {.identity = options.identity,
          .is_read_only = options.is_read_only,
          .id_map = id_map,
          .multidevs = options.multidevs,
          .data_sets = std::move(data_sets),
          .fd_limit = fd_limit > 2 * kReservedFds ? fd_limit - kReservedFds : fd_limit / 2,
          .fd_slack = std::min(kReservedFds / 4, fd_limit / 8),
          .fast_paths = options.fast_paths};
}

}  // namespace

Outcome<int> serve(const ServeOptions& options) {
  const fs::IdMap id_map = TRY(fs::IdMap::parse(options.id_rules));
  const std::size_t fd_limit = TRY(raise_fd_limit());
  ::umask(0);  // Modes are the guest's, or 0600 and 0700.
  const UniqueFd signal_fd = TRY(catch_signals());
  UniqueFd root = TRY(open_export(options));
  // Threads must not be there before the sandbox is, and sockets must: so pools and tree, which
  // sessions refer to, are made late and declared early.
  LogBudget complaints(1);
  IdleKeeper idle_keeper;
  std::optional<WorkerPool> closers;
  std::unique_ptr<fs::Tree> tree;
  std::optional<WorkerPool> workers;
  workers.emplace(0U);
  session::Gate gate(*workers);
  Transports transports;
  transports = TRY(open_transports(
      options,
      Sessions{
          .tree = tree, .pool = *workers, .gate = gate, .takes_host_locks = options.is_shared}));
  std::unique_ptr<Control> control;
  if (!options.control.empty()) {
    control = TRY(Control::listen(options.control));
  }
  // The lock lives as long as a descriptor of this open file does.
  const UniqueFd lock(::fcntl(root.get(), F_DUPFD_CLOEXEC, 0));
  Sandbox sandbox = TRY(enter_sandbox(std::move(root), sandbox_options(options)));
  for (const Layer& layer : sandbox.layers) {
    if (!layer.is_active) {
      log::warn("the sandbox goes without {}: {}", layer.name, layer.remark);
    }
  }
  closers.emplace(1U);
  workers->start(kWorkers);
  fs::TreeOptions wanted = tree_options(options, fd_limit, id_map);
  wanted.close_later = [&](UniqueFd fd) { close_later(*closers, std::move(fd), complaints); };
  wanted.on_idle = [&idle_keeper] { idle_keeper.on_idle(); };
  tree = TRY(fs::Tree::open(std::move(sandbox.root), std::move(wanted)));
  Outcome<void> ran =
      run_all(transports, options, signal_fd.get(), idle_keeper, *tree, control.get(), gate);
  transports.clear();
  workers.reset();
  const auto synced = tree->sync();
  tree.reset();
  closers.reset();
  if (!synced) {
    return failure(synced.error(), "cannot write everything to disk");
  }
  TRY(std::move(ran));
  return 0;
}

Outcome<int> show_sandbox(const ServeOptions& options) {
  UniqueFd root(::open(options.directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!root.is_open()) {
    return failure(Errno{errno}, "cannot open the directory {}", options.directory);
  }
  const std::vector<Layer> layers = TRY(probe_sandbox(std::move(root), sandbox_options(options)));
  for (const Layer& layer : layers) {
    fmt::print("{:<14}{:<5}{}\n", layer.name, layer.is_active ? "yes" : "no", layer.remark);
  }
  return 0;
}

}  // namespace nineroot::server

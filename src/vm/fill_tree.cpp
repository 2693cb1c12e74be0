#include "vm/fill_tree.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <array>
#include <deque>
#include <functional>
#include <optional>

#include "storage/entry_path.h"
#include "vm/debian_bootstrap.h"
#include "vm/process.h"

namespace nineroot::vm {
namespace {

using storage::Import;

constexpr int kRedrawMilliseconds = 200;
constexpr std::size_t kKeptLines = 12;
constexpr std::chrono::seconds kTidyTime{15};
constexpr std::chrono::seconds kEndingTime{2};

/// Of mmdebstrap ("E: ") or of the apt in it ("Err:").
bool is_complaint(std::string_view line) {
  return line.starts_with("E: ") || line.starts_with("Err:");
}

/// What a program says on standard error: its lines as they come, and the last ones for a Failure.
class Chatter {
 public:
  explicit Chatter(UniqueFd from) : from_(std::move(from)) {}

  /// -1 once it has ended, which poll(2) ignores.
  [[nodiscard]] int fd() const { return from_.get(); }

  /// Takes what has come; `on_line` gets each whole line.
  template <class OnLine>
  void take(OnLine on_line) {
    std::array<char, 4096> buffer{};
    const ssize_t got = ::read(from_.get(), buffer.data(), buffer.size());
    if (got <= 0) {
      from_.reset();
      return;
    }
    pending_.append(buffer.data(), static_cast<std::size_t>(got));
    for (std::size_t end = pending_.find('\n'); end != std::string::npos;
         end = pending_.find('\n')) {
      std::string line = pending_.substr(0, end);
      pending_.erase(0, end + 1);
      on_line(line);
      has_error_ = has_error_ || line.starts_with("E: ");
      last_.push_back(std::move(line));
      if (last_.size() > kKeptLines) {
        last_.pop_front();
      }
    }
  }

  /// Takes what is there, without waiting.
  template <class OnLine>
  void drain(OnLine on_line) {
    pollfd waiting{.fd = fd(), .events = POLLIN, .revents = 0};
    while (waiting.fd >= 0 && ::poll(&waiting, 1, 0) > 0) {
      take(on_line);
      waiting.fd = fd();
    }
  }

  [[nodiscard]] bool has_error() const { return has_error_; }

  /// Its complaints are the causes, the last one nearest; without any, all that it said last.
  [[nodiscard]] Failure failure(std::string what) const {
    std::optional<Failure> failure;
    for (const std::string& line : last_) {
      if (is_complaint(line) || (!has_error_ && !line.starts_with("I: "))) {
        Failure cause(storage::printable(line));
        failure = failure ? std::move(*failure).within(cause.what()) : std::move(cause);
      }
    }
    return failure ? std::move(*failure).within(std::move(what)) : Failure(std::move(what));
  }

 private:
  UniqueFd from_;
  std::string pending_;
  std::deque<std::string> last_;
  bool has_error_ = false;
};

/// Runs the import to its end; `on_other` is called while waiting, with the poll result of `other`.
template <class OnOther>
Outcome<Import::Done> wait_for(Import& import, std::uint64_t total_bytes,
                               Interruption& interruption, Progress& progress,
                               const std::function<int()>& other, OnOther on_other) {
  bool is_importing = false;
  while (true) {
    std::array<pollfd, 3> fds = {{{.fd = import.fd(), .events = POLLIN, .revents = 0},
                                  {.fd = interruption.fd(), .events = POLLIN, .revents = 0},
                                  {.fd = other(), .events = POLLIN, .revents = 0}}};
    if (::poll(fds.data(), fds.size(), kRedrawMilliseconds) < 0 && errno != EINTR) {
      return failure(Errno{errno}, "cannot wait for the import");
    }
    TRY(interruption.check());
    if (fds[2].revents != 0) {
      on_other();
    }
    // Before its first entry the phase is still the source's.
    if (import.progress().entries > 0) {
      if (!is_importing) {
        is_importing = true;
        progress.begin("importing the tree", total_bytes);
      }
      progress.update(import.progress().bytes, import.progress().entries);
    }
    if (fds[0].revents != 0 && import.take()) {
      return import.finish();
    }
  }
}

/// Ends mmdebstrap with all that it started, giving it time to remove its own temporary tree.
void end_group(Process& process) {
  ::kill(-process.pid(), SIGTERM);
  if (!process.wait(kTidyTime)) {
    ::kill(-process.pid(), SIGKILL);
    process.wait();
  }
}

struct Pipe {
  UniqueFd read;
  UniqueFd write;
};

Outcome<Pipe> make_pipe() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
    return failure(Errno{errno}, "cannot make a pipe");
  }
  return Pipe{UniqueFd(ends[0]), UniqueFd(ends[1])};
}

}  // namespace

Outcome<Import::Done> fill_from(const storage::ImportSource& source, std::uint64_t total_bytes,
                                int root, storage::Layout layout, Interruption& interruption,
                                Progress& progress) {
  Import import = TRY(Import::start(source, root, layout));
  return wait_for(import, total_bytes, interruption, progress, [] { return -1; }, [] {});
}

Outcome<Import::Done> fill_from_debian(const std::vector<std::string>& command,
                                       const std::string& name, int root, storage::Layout layout,
                                       Interruption& interruption, Progress& progress) {
  progress.begin("preparing");
  Pipe archive = TRY(make_pipe());
  Pipe messages = TRY(make_pipe());
  SpawnRequest request{.argv = command};
  request.standard_output = archive.write.get();
  request.standard_error = messages.write.get();
  request.death_signal = SIGTERM;
  Process process = TRY(Process::spawn(request));
  archive.write.reset();
  messages.write.reset();
  Chatter chatter(std::move(messages.read));

  // Our copy of the archive's end stays open, so that a failed import does not fail mmdebstrap too.
  const storage::ImportSource source{
      .fd = archive.read.get(), .name = "mmdebstrap's archive", .layout = std::nullopt};
  auto import = Import::start(source, root, layout);
  if (!import) {
    end_group(process);
    return std::unexpected(std::move(import).error());
  }
  const auto on_line = [&progress](const std::string& line) {
    if (const std::string phase = debian_phase(line); !phase.empty()) {
      progress.begin(phase);
    }
  };
  auto done = wait_for(
      *import, 0, interruption, progress, [&chatter] { return chatter.fd(); },
      [&] { chatter.take(on_line); });
  if (interruption.taken()) {
    end_group(process);
    return done;
  }
  chatter.drain(on_line);
  // An archive that ended too early is mmdebstrap's failure; after any other, it still runs.
  if (!done && !process.wait(chatter.has_error() ? kTidyTime : kEndingTime)) {
    end_group(process);
    return done;
  }
  const ExitStatus status = process.wait();
  chatter.drain(on_line);
  if (!status.is_success()) {
    return std::unexpected(
        chatter.failure(fmt::format("mmdebstrap {} while it made {}", status.text(), name))
            .with_hint("is the suite's name right, and does this host reach a Debian mirror (see "
                       "--mirror)?"));
  }
  return done;
}

}  // namespace nineroot::vm

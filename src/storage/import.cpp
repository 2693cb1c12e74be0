#include "storage/import.h"

#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstring>

#include "storage/directory_reader.h"
#include "storage/import_sandbox.h"
#include "storage/tar_reader.h"
#include "storage/tree_writer.h"

namespace nineroot::storage {
namespace {

// Messages are packets: one letter, then text; the fields of a Failure end with NUL bytes.
constexpr char kProgress = 'p';
constexpr char kWarning = 'w';
constexpr char kFailed = 'f';
constexpr char kDone = 'd';
constexpr std::size_t kLongestMessage = 16U << 10U;

constexpr std::uint64_t kEntriesPerReport = 64;
constexpr std::uint64_t kBytesPerReport = 8U << 20U;

/// A decompressor that an archive makes ask for more is refused it.
constexpr rlim_t kMostMemory = 3ULL << 30U;

/// The writing side, in the child.
class Reporter {
 public:
  explicit Reporter(int channel) : channel_(channel) {}

  void progress(const ImportProgress& now) {
    if (now.entries < last_.entries + kEntriesPerReport &&
        now.bytes < last_.bytes + kBytesPerReport) {
      return;
    }
    last_ = now;
    send(kProgress, numbers(now));
  }

  void warning(const std::string& text) { send(kWarning, text); }

  void done(const ImportProgress& now) { send(kDone, numbers(now)); }

  void failed(const Failure& failure) {
    std::string text = failure.what() + '\0' + failure.hint() + '\0';
    for (const std::string& cause : failure.because()) {
      text += cause + '\0';
    }
    send(kFailed, text);
  }

 private:
  static std::string numbers(const ImportProgress& now) {
    return std::string(reinterpret_cast<const char*>(&now), sizeof(now));
  }

  void send(char kind, const std::string& text) const {
    const std::string message = kind + text.substr(0, kLongestMessage - 1);
    ::send(channel_, message.data(), message.size(), MSG_NOSIGNAL);
  }

  int channel_;
  ImportProgress last_;
};

Outcome<void> copy_entries(EntrySource& source, TreeWriter& writer, Reporter& reporter) {
  Entry entry;
  while (true) {
    const bool has_entry = TRY(source.next(entry));
    if (!has_entry) {
      break;
    }
    TRY(writer.add(entry, source));
    reporter.progress({writer.entries(), source.consumed()});
  }
  return writer.finish();
}

Outcome<void> run(const ImportSource& source, int root, Layout layout, Reporter& reporter) {
  TRY(enter_import_sandbox(root, source.layout ? source.fd : -1));
  std::unique_ptr<EntrySource> entries;
  if (source.layout) {
    entries = std::make_unique<DirectoryReader>(source.fd, *source.layout, source.name,
                                                source.squashes_owner);
  } else {
    entries = TRY(TarReader::open(source.fd, source.name));
  }
  TreeWriter writer(root, layout);
  TRY(copy_entries(*entries, writer, reporter));
  for (const std::string& warning : writer.warnings()) {
    reporter.warning(warning);
  }
  reporter.done({writer.entries(), entries->consumed()});
  return {};
}

[[noreturn]] void run_child(const ImportSource& source, int root, Layout layout, int channel,
                            pid_t parent) {
  // The parent decides what a signal to the terminal's group means; it ends us, or its death does.
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) {
    ::_exit(1);
  }
#ifndef __SANITIZE_ADDRESS__
  const rlimit memory{.rlim_cur = kMostMemory, .rlim_max = kMostMemory};
  ::setrlimit(RLIMIT_AS, &memory);
#endif
  Reporter reporter(channel);
  if (const auto ran = run(source, root, layout, reporter); !ran) {
    reporter.failed(ran.error());
  }
  ::_exit(0);
}

Failure parse_failure(std::string_view text) {
  std::vector<std::string> fields;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\0'), text.size());
    fields.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  fields.resize(std::max<std::size_t>(fields.size(), 2));
  // From the farthest cause to the sentence itself, as within() puts them in front.
  if (fields.size() == 2) {
    return Failure(fields[0]).with_hint(fields[1]);
  }
  Failure failure(fields.back());
  for (std::size_t i = fields.size() - 2; i >= 2; --i) {
    failure = std::move(failure).within(fields[i]);
  }
  return std::move(failure).within(fields[0]).with_hint(fields[1]);
}

}  // namespace

Outcome<Import> Import::start(const ImportSource& source, int root, Layout layout) {
  std::array<int, 2> pair{};
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair.data()) != 0) {
    return failure(Errno{errno}, "cannot start the import");
  }
  UniqueFd ours(pair[0]);
  const UniqueFd theirs(pair[1]);
  const pid_t parent = ::getpid();
  const pid_t child = ::fork();
  if (child < 0) {
    return failure(Errno{errno}, "cannot start the import");
  }
  if (child == 0) {
    run_child(source, root, layout, theirs.get(), parent);
  }
  return Import(std::move(ours), child);
}

Import::~Import() {
  if (channel_.is_open()) {
    ::kill(process_, SIGKILL);
    ::waitpid(process_, nullptr, 0);
  }
}

bool Import::take() {
  std::array<char, kLongestMessage> message{};
  const ssize_t got = ::recv(channel_.get(), message.data(), message.size(), 0);
  if (got < 0 && errno == EINTR) {
    return false;
  }
  if (got <= 0) {
    return true;
  }
  const std::string_view text(message.data() + 1, static_cast<std::size_t>(got) - 1);
  switch (message[0]) {
    case kProgress:
    case kDone:
      if (text.size() == sizeof(ImportProgress)) {
        std::memcpy(&done_.progress, text.data(), sizeof(ImportProgress));
      }
      has_succeeded_ = message[0] == kDone;
      break;
    case kWarning:
      done_.warnings.emplace_back(text);
      break;
    case kFailed:
      failure_ = parse_failure(text);
      break;
    default:
      break;
  }
  return false;
}

Outcome<Import::Done> Import::finish() {
  channel_.reset();
  int status = 0;
  while (::waitpid(process_, &status, 0) < 0 && errno == EINTR) {
  }
  if (failure_) {
    return std::unexpected(std::move(*failure_));
  }
  if (!has_succeeded_) {
    return WIFSIGNALED(status)
               ? failure("the process that imports was ended by signal {} ({})", WTERMSIG(status),
                         ::strsignal(WTERMSIG(status)))
               : failure("the process that imports ended without a word (status {})",
                         WEXITSTATUS(status));
  }
  return std::move(done_);
}

}  // namespace nineroot::storage

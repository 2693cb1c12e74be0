#include "vm/create_source.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vm/boot_options.h"
#include "vm/machine.h"

namespace nineroot::vm {
namespace {

constexpr std::string_view kDebian = "debian";

Outcome<CreateSource> open_standard_input() {
  if (::isatty(STDIN_FILENO) == 1) {
    return std::unexpected(Failure("standard input is a terminal, not an archive")
                               .with_hint("pipe a tar into it: `zcat tree.tar.gz | nineroot create "
                                          "NAME --from -`")
                               .as_usage());
  }
  UniqueFd fd(::fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0));
  if (!fd.is_open()) {
    return failure(Errno{errno}, "cannot read standard input");
  }
  return CreateSource{.kind = CreateSource::Kind::archive,
                      .name = "standard input",
                      .suite = {},
                      .fd = std::move(fd),
                      .path = {},
                      .size = 0};
}

Outcome<CreateSource> open_directory(const std::string& from) {
  // A machine's directory or a bare tree; the path needs a '/' to be taken as one.
  const Machine machine = TRY(find_machine(from.find('/') == from.npos ? "./" + from : from));
  const Settings settings = TRY(effective_settings(machine, {}));
  std::error_code error;
  const std::filesystem::path path = std::filesystem::canonical(machine.root, error);
  UniqueFd fd(::open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (error || !fd.is_open()) {
    return failure(Errno{error ? error.value() : errno}, "cannot open the directory {}", from);
  }
  return CreateSource{.kind = CreateSource::Kind::directory,
                      .name = path.string(),
                      .suite = {},
                      .fd = std::move(fd),
                      .path = path,
                      .size = 0,
                      .layout = layout_of(settings.identity),
                      .map = settings.map};
}

}  // namespace

Outcome<CreateSource> open_create_source(const std::string& from) {
  if (from == "-") {
    return open_standard_input();
  }
  if (from == kDebian || from.starts_with(std::string(kDebian) + ":")) {
    const std::string suite =
        from.size() > kDebian.size() + 1 ? from.substr(kDebian.size() + 1) : "bookworm";
    return CreateSource{.kind = CreateSource::Kind::debian,
                        .name = "debian:" + suite,
                        .suite = suite,
                        .fd = {},
                        .path = {},
                        .size = 0};
  }
  // Non-blocking, so that a fifo without a writer is told rather than waited for.
  UniqueFd fd(::open(from.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
  struct stat info{};
  if (!fd.is_open() || ::fstat(fd.get(), &info) != 0) {
    return std::unexpected(
        Failure(fmt::format("cannot open {}", from), Errno{errno})
            .with_hint("--from takes debian:SUITE, a tar file, - for standard input, or a "
                       "directory"));
  }
  if (S_ISDIR(info.st_mode)) {
    return open_directory(from);
  }
  if (!S_ISREG(info.st_mode)) {
    return std::unexpected(Failure(fmt::format("{} is neither a file nor a directory", from))
                               .with_hint("pipe it in with `--from -`"));
  }
  return CreateSource{.kind = CreateSource::Kind::archive,
                      .name = from,
                      .suite = {},
                      .fd = std::move(fd),
                      .path = {},
                      .size = static_cast<std::uint64_t>(info.st_size)};
}

}  // namespace nineroot::vm

#include "vm/dataset/pool.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <charconv>
#include <cmath>
#include <cstdlib>
#include <vector>

#include "base/unique_fd.h"
#include "vm/process.h"

namespace nineroot::vm {
namespace {

namespace fs = std::filesystem;

/// What mkfs.btrfs refuses to go below is less; this is what a machine needs.
constexpr std::uint64_t kLeastLoop = std::uint64_t{256} << 20U;

struct User {
  uid_t uid;
  gid_t gid;
};

/// Who called, through sudo or not.
User caller() {
  const auto number = [](const char* name, unsigned otherwise) {
    const char* text = std::getenv(name);
    unsigned value = otherwise;
    if (text != nullptr) {
      const std::string_view digits(text);
      std::from_chars(digits.data(), digits.data() + digits.size(), value);
    }
    return value;
  };
  if (::geteuid() != 0) {
    return {.uid = ::geteuid(), .gid = ::getegid()};
  }
  return {.uid = number("SUDO_UID", 0), .gid = number("SUDO_GID", 0)};
}

Outcome<void> run(const std::vector<std::string>& command) {
  Outcome<Process> process = Process::spawn({.argv = command, .standard_output = STDERR_FILENO});
  if (!process) {
    return std::unexpected(
        std::move(process.error()).with_hint("install btrfs-progs, util-linux and mount"));
  }
  const ExitStatus status = process->wait();
  if (!status.is_success()) {
    return failure("{} {}", command.front(), status.text());
  }
  return {};
}

Outcome<void> make_image(const fs::path& image, std::uint64_t size) {
  const UniqueFd file(::open(image.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!file.is_open()) {
    return std::unexpected(Failure(fmt::format("cannot make {}", image.string()), Errno{errno})
                               .with_hint("give another --image, or remove that one"));
  }
  if (::ftruncate(file.get(), static_cast<off_t>(size)) != 0) {
    return failure(Errno{errno}, "cannot make {} of {} bytes", image.string(), size);
  }
  return {};
}

Outcome<void> mount_new_btrfs(const fs::path& image, const fs::path& directory) {
  TRY(run({"mkfs.btrfs", "--quiet", image.string()}));
  // Without that option an ordinary user removes a subvolume file by file.
  TRY(run({"mount", "-o", "loop,user_subvol_rm_allowed", image.string(), directory.string()}));
  const User user = caller();
  if (::chown(directory.c_str(), user.uid, user.gid) != 0) {
    const int error = errno;
    ::umount2(directory.c_str(), MNT_DETACH);
    return failure(Errno{error}, "cannot give {} to its user", directory.string());
  }
  return {};
}

Outcome<fs::path> make_loop(const PoolRequest& request, const fs::path& directory) {
  if (::geteuid() != 0) {
    return std::unexpected(
        Failure("a file system in a file can be mounted by root alone")
            .with_hint(fmt::format("sudo nineroot pool init --loop SIZE {}", directory.string())));
  }
  if (*request.loop_size < kLeastLoop) {
    return std::unexpected(
        Failure(fmt::format("{} bytes are too few for machines", *request.loop_size))
            .with_hint("say 256M or more; the file takes only what is written to it")
            .as_usage());
  }
  std::error_code error;
  if (!fs::is_empty(directory, error)) {
    return std::unexpected(
        Failure(fmt::format("{} is not empty", directory.string()))
            .with_hint("what is in it would be hidden: give a directory that is new"));
  }
  fs::path image = request.image.empty() ? fs::path(directory.string() + ".btrfs") : request.image;
  TRY(make_image(image, *request.loop_size));
  const Outcome<void> mounted = mount_new_btrfs(image, directory);
  if (!mounted) {
    ::unlink(image.c_str());
    return std::unexpected(mounted.error());
  }
  return image;
}

}  // namespace

Outcome<Pool> init_pool(const PoolRequest& request) {
  std::error_code error;
  const fs::path directory = fs::absolute(request.directory, error).lexically_normal();
  const bool is_new = fs::create_directory(directory, error);
  if (error) {
    return std::unexpected(
        Failure(fmt::format("cannot make {}", directory.string()), Errno{error.value()})
            .with_hint("give a directory whose parent exists and is yours"));
  }
  Pool pool{.directory = directory, .image = {}, .system = {}};
  if (request.loop_size) {
    Outcome<fs::path> image = make_loop(request, directory);
    if (!image) {
      if (is_new) {
        fs::remove(directory, error);
      }
      return std::unexpected(std::move(image.error()));
    }
    pool.image = std::move(*image);
  }
  pool.system = TRY(storage::probe_capabilities(directory.string()));
  const fs::path machines = directory / "machines";
  if (fs::create_directory(machines, error)) {
    const User user = caller();
    const bool is_given =
        ::chown(machines.c_str(), user.uid, user.gid) == 0 && ::chmod(machines.c_str(), 0700) == 0;
    if (!is_given) {
      return failure(Errno{errno}, "cannot give {} to its user", machines.string());
    }
  }
  if (error) {
    return failure(Errno{error.value()}, "cannot make {}", machines.string());
  }
  return pool;
}

Outcome<std::uint64_t> parse_size(const std::string& text) {
  constexpr std::string_view kUnits = "KMGTP";
  double value = 0;
  const char* end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, value);
  std::string_view unit(rest, static_cast<std::size_t>(end - rest));
  for (const std::string_view suffix : {"iB", "B", "ib", "b"}) {
    if (unit.size() > 1 && unit.ends_with(suffix)) {
      unit.remove_suffix(suffix.size());
      break;
    }
  }
  double factor = 1;
  bool is_known = error == std::errc() && unit.size() <= 1;
  if (is_known && !unit.empty()) {
    const std::size_t at = kUnits.find(static_cast<char>(unit[0] & ~0x20));
    is_known = at != std::string_view::npos;
    factor = std::pow(1024, static_cast<double>(at) + 1);
  }
  const double bytes = value * factor;
  if (!is_known || !(bytes >= 1) || bytes >= std::pow(2, 63)) {
    return std::unexpected(Failure(fmt::format("'{}' is no size", text))
                               .with_hint("say 20G, 512M or a number of bytes")
                               .as_usage());
  }
  return static_cast<std::uint64_t>(bytes);
}

}  // namespace nineroot::vm

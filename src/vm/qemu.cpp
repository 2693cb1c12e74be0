#include "vm/qemu.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <cstdlib>

#include "vm/process.h"

namespace nineroot::vm {
namespace {

namespace fs = std::filesystem;

constexpr const char* kProgram = "qemu-system-x86_64";
constexpr std::string_view kVersionIntro = "QEMU emulator version ";
constexpr const char* kDevice = "vhost-user-test-device-pci";
// A QEMU answers these questions in well under a second; one that does not is broken.
constexpr std::chrono::seconds kPatience{30};

struct Answer {
  ExitStatus status;
  std::string output;
};

Outcome<Answer> ask(const fs::path& program, std::vector<std::string> words) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) {
    return failure(Errno{errno}, "cannot start {}", program.string());
  }
  const UniqueFd reader(ends[0]);
  UniqueFd writer(ends[1]);
  words.insert(words.begin(), program.string());
  Process process = TRY(Process::spawn(
      {.argv = std::move(words), .standard_output = writer.get(), .standard_error = writer.get()}));
  writer.reset();
  Answer answer;
  std::array<char, 4096> buffer;
  ssize_t got = 0;
  while (answer.output.size() < 65536 &&
         (got = ::read(reader.get(), buffer.data(), buffer.size())) > 0) {
    answer.output.append(buffer.data(), static_cast<std::size_t>(got));
  }
  const std::optional<ExitStatus> status = process.wait(kPatience);
  if (!status) {
    return failure("{} does not answer", program.string());
  }
  answer.status = *status;
  return answer;
}

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

std::optional<fs::path> find_in_path(const std::string& name) {
  std::string path = environment("PATH");
  path += ':';
  std::size_t begin = 0;
  for (std::size_t end = path.find(':'); end != std::string::npos;
       begin = end + 1, end = path.find(':', begin)) {
    const fs::path candidate = fs::path(path.substr(begin, end - begin)) / name;
    if (end > begin && ::access(candidate.c_str(), X_OK) == 0) {
      return candidate;
    }
  }
  return std::nullopt;
}

Outcome<Qemu> examine(const fs::path& program) {
  const Outcome<Answer> asked = ask(program, {"--version"});
  if (!asked) {
    Failure why = asked.error();
    return std::unexpected(
        std::move(why).with_hint("name a QEMU with --qemu PATH, or run scripts/get-qemu"));
  }
  const std::optional<QemuVersion> version = parse_qemu_version(asked->output);
  if (!version) {
    return std::unexpected(
        Failure(fmt::format("{} is not a QEMU that works", program.string()))
            .within("cannot use the QEMU that was chosen")
            .with_hint("name another with --qemu PATH, or run scripts/get-qemu"));
  }
  Qemu qemu{.program = program, .version = *version, .has_vhost_user = false};
  if (qemu.version >= kFirstWithVhostUser) {
    // Asked of this one device, never of all: `-device help` loads every module, also the host's.
    const Answer device = TRY(ask(program, {"-device", std::string(kDevice) + ",help"}));
    qemu.has_vhost_user = device.status.is_success();
  }
  return qemu;
}

}  // namespace

std::string QemuVersion::text() const {
  return fmt::format("{}.{}.{}", major, minor, micro);
}

std::optional<QemuVersion> parse_qemu_version(std::string_view output) {
  if (!output.starts_with(kVersionIntro)) {
    return std::nullopt;
  }
  output.remove_prefix(kVersionIntro.size());
  QemuVersion version;
  int* const parts[] = {&version.major, &version.minor, &version.micro};
  const char* at = output.data();
  const char* const end = output.data() + output.size();
  for (int* part : parts) {
    const auto [next, error] = std::from_chars(at, end, *part);
    if (error != std::errc()) {
      return std::nullopt;
    }
    at = next;
    if (part != parts[2] && (at == end || *at++ != '.')) {
      return std::nullopt;
    }
  }
  return version;
}

Outcome<Qemu> find_qemu(const fs::path& home, const std::string& wanted) {
  const std::string chosen = !wanted.empty() ? wanted : environment("NINEROOT_QEMU");
  if (!chosen.empty()) {
    if (chosen.find('/') != std::string::npos) {
      return examine(chosen);
    }
    const std::optional<fs::path> found = find_in_path(chosen);
    return examine(found ? *found : fs::path(chosen));
  }
  const fs::path own = home / "qemu" / kProgram;
  if (::access(own.c_str(), X_OK) == 0) {
    return examine(own);
  }
  if (const std::optional<fs::path> found = find_in_path(kProgram)) {
    return examine(*found);
  }
  return std::unexpected(
      Failure("there is no QEMU on this host")
          .with_hint("run scripts/get-qemu (needs no root), install qemu-system-x86, or name one "
                     "with --qemu PATH"));
}

}  // namespace nineroot::vm

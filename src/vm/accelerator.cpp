#include "vm/accelerator.h"

#include <fcntl.h>
#include <unistd.h>

#include <fstream>
#include <sstream>

namespace nineroot::vm {
namespace {

constexpr const char* kDevice = "/dev/kvm";
// A guest that works is through in a millisecond.
constexpr std::chrono::seconds kPatience{2};

std::string read_cpuinfo() {
  std::ifstream stream("/proc/cpuinfo");
  std::ostringstream text;
  text << stream.rdbuf();
  return text.str();
}

// Why KVM cannot be used; empty if it can.
std::string find_obstacle() {
  if (::access(kDevice, R_OK | W_OK) != 0) {
    return errno == ENOENT ? "this host has no /dev/kvm"
                           : "/dev/kvm is not open to this user (group kvm)";
  }
  if (!cpu_can_virtualise(read_cpuinfo())) {
    return "the CPU shows neither vmx nor svm";
  }
  if (const Outcome<void> tried = try_kvm(kDevice, kPatience); !tried) {
    return tried.error().what();
  }
  return {};
}

}  // namespace

bool cpu_can_virtualise(std::string_view cpuinfo) {
  std::size_t at = cpuinfo.find("\nflags");
  if (at == std::string_view::npos) {
    return false;
  }
  const std::string_view line = cpuinfo.substr(at + 1, cpuinfo.find('\n', at + 1) - at - 1);
  std::istringstream words{std::string(line)};
  for (std::string word; words >> word;) {
    if (word == "vmx" || word == "svm") {
      return true;
    }
  }
  return false;
}

Outcome<AcceleratorChoice> choose_accelerator(std::string_view wanted) {
  if (wanted == "tcg") {
    return AcceleratorChoice{.accelerator = Accelerator::tcg, .reason = "asked for"};
  }
  if (wanted != "auto" && wanted != "kvm") {
    return std::unexpected(Failure(fmt::format("there is no accelerator {}", wanted))
                               .with_hint("say auto, kvm or tcg")
                               .as_usage());
  }
  if (wanted == "kvm") {
    if (::access(kDevice, R_OK | W_OK) != 0) {
      const Errno cause{errno};
      return std::unexpected(
          Failure("cannot use KVM", cause).with_hint("leave --accel out, or join the group kvm"));
    }
    return AcceleratorChoice{.accelerator = Accelerator::kvm, .reason = {}};
  }
  std::string obstacle = find_obstacle();
  if (obstacle.empty()) {
    return AcceleratorChoice{.accelerator = Accelerator::kvm, .reason = {}};
  }
  return AcceleratorChoice{.accelerator = Accelerator::tcg, .reason = std::move(obstacle)};
}

}  // namespace nineroot::vm

#include "server/sandbox.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

#include "fs/sys.h"
#include "server/sandbox_layers.h"

namespace nineroot::server {
namespace {

/// True if a child of ours could enter the namespaces.
Result<void> try_namespaces(const UniqueFd& root) {
  const pid_t child = ::fork();
  if (child < 0) {
    return fail_errno();
  }
  if (child == 0) {
    const auto entered = enter_namespaces(root);
    ::_exit(entered ? 0 : code(entered.error()));
  }
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (!WIFEXITED(status)) {
    return fail(ECHILD);
  }
  return WEXITSTATUS(status) == 0 ? Result<void>{} : fail(WEXITSTATUS(status));
}

/// Not wanted here: statx(2) would show everybody else's files as nobody's.
Result<void> fail_namespaces() {
  return fail(ENOTSUP);
}

template <class T>
Layer layer_of(std::string name, const Result<T>& result, std::string remark) {
  return {.name = std::move(name),
          .is_active = result.has_value(),
          .remark = result ? std::move(remark) : describe(result.error())};
}

Result<void> forbid_new_privileges() {
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) {
    return fail_errno();
  }
  return {};
}

Outcome<void> check_strict(const std::vector<Layer>& layers, SandboxMode mode) {
  for (const Layer& layer : layers) {
    if (mode == SandboxMode::strict && !layer.is_active) {
      return std::unexpected(
          Failure(fmt::format("the sandbox cannot have {}: {}", layer.name, layer.remark))
              .with_hint("allow it on this host, or say --sandbox=auto"));
    }
  }
  return {};
}

}  // namespace

Outcome<SandboxMode> parse_sandbox_mode(std::string_view text) {
  if (text == "auto") {
    return SandboxMode::automatic;
  }
  if (text == "strict") {
    return SandboxMode::strict;
  }
  if (text == "none") {
    return SandboxMode::none;
  }
  return std::unexpected(Failure(fmt::format("'{}' is no sandbox mode", text))
                             .with_hint("say auto, strict, none or show")
                             .as_usage());
}

Outcome<Sandbox> enter_sandbox(UniqueFd root, const SandboxOptions& options) {
  Sandbox sandbox;
  // Before /proc goes out of reach.
  TRY(context(fs::sys::work_in_fd_directory(), "cannot use /proc/self/fd"));
  if (options.mode == SandboxMode::none) {
    TRY(context(forbid_new_privileges(), "cannot set no_new_privs"));
    sandbox.layers.push_back({.name = "no_new_privs", .is_active = true, .remark = {}});
    sandbox.root = std::move(root);
    return sandbox;
  }
  std::vector<UniqueFd> removable;
  for (const std::string& directory : options.socket_directories) {
    UniqueFd fd(::open(directory.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (fd.is_open()) {
      removable.push_back(std::move(fd));
    }
  }
  const bool would_hide_owners =
      options.is_native && ::geteuid() != 0 && options.mode == SandboxMode::automatic;
  const auto can_enter = would_hide_owners ? fail_namespaces() : try_namespaces(root);
  if (can_enter) {
    sandbox.root =
        TRY(context(enter_namespaces(root), "cannot enter the namespaces of the sandbox"));
  } else {
    sandbox.root = std::move(root);
  }
  sandbox.layers.push_back(layer_of("namespaces", can_enter, "mount, network, ipc, uts"));
  sandbox.layers.push_back(
      layer_of("capabilities", drop_capabilities(options.keeps_capabilities, options.is_native),
               options.keeps_capabilities ? "those of file owners kept" : "all dropped"));
  sandbox.layers.push_back(layer_of("no_new_privs", forbid_new_privileges(), {}));
  const auto landlock = restrict_with_landlock(sandbox.root, options.is_read_only, removable);
  sandbox.layers.push_back(
      layer_of("landlock", landlock, landlock ? fmt::format("version {}", *landlock) : ""));
  sandbox.layers.push_back(layer_of("seccomp", filter_system_calls(), "allow-list"));
  TRY(check_strict(sandbox.layers, options.mode));
  return sandbox;
}

Outcome<std::vector<Layer>> probe_sandbox(UniqueFd root, const SandboxOptions& options) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) < 0) {
    return failure(Errno{errno}, "cannot make a pipe");
  }
  const UniqueFd from(ends[0]);
  UniqueFd to(ends[1]);
  const pid_t child = ::fork();
  if (child < 0) {
    return failure(Errno{errno}, "cannot fork");
  }
  if (child == 0) {
    SandboxOptions tried = options;
    tried.mode = SandboxMode::automatic;
    const auto sandbox = enter_sandbox(std::move(root), tried);
    std::string lines;
    if (sandbox) {
      for (const Layer& layer : sandbox->layers) {
        lines += fmt::format("{}\t{}\t{}\n", layer.name, layer.is_active ? 1 : 0, layer.remark);
      }
    }
    (void)fs::sys::write_all(to.get(), std::as_bytes(std::span(lines)));
    ::_exit(0);
  }
  to.reset();
  const std::string lines =
      TRY(context(fs::sys::read_all(from.get(), 65536), "cannot hear of the sandbox"));
  while (::waitpid(child, nullptr, 0) < 0 && errno == EINTR) {
  }
  std::vector<Layer> layers;
  for (std::size_t at = 0; at < lines.size();) {
    const std::size_t end = lines.find('\n', at);
    const std::string line = lines.substr(at, end - at);
    const std::size_t tab = line.find('\t');
    layers.push_back({.name = line.substr(0, tab),
                      .is_active = line[tab + 1] == '1',
                      .remark = line.substr(tab + 3)});
    at = end + 1;
  }
  if (layers.empty()) {
    return failure("the sandbox could not be tried on this host");
  }
  return layers;
}

}  // namespace nineroot::server

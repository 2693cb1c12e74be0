// Where a running machine's sockets, lock and state live, and whether a machine runs.
// A directory per machine, and in it one for each further guest on the machine's tree that has a
// name (docs/sharing.md), under $XDG_RUNTIME_DIR/nineroot, or /tmp/nineroot-UID where that is not
// set: short, because a unix socket's path has 107 bytes at most, and this user's alone.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/failure.h"
#include "base/unique_fd.h"
#include "vm/machine.h"
#include "vm/process.h"

namespace nineroot::vm {

/// The files of one run of a machine.
struct RuntimePaths {
  std::filesystem::path directory;
  /// `directory` itself, or where that is "@NAME" (Machine::run) what is around it.
  std::filesystem::path tree_directory;

  /// Where `machine`'s files are or would be; makes nothing.  tree_directory's last name is the
  /// machine's, cut to 24 letters, and a hash of its tree's path: equal for all ways to name one
  /// tree.
  static RuntimePaths of(const Machine& machine);

  /// Makes the directories and their parent, 0700; refuses one that others own or can enter.
  Outcome<void> make_directories() const;

  /// Held by every run of the tree, as TreeUse says.
  [[nodiscard]] std::filesystem::path tree_lock() const { return tree_directory / "tree.lock"; }

  [[nodiscard]] std::filesystem::path lock() const { return directory / "lock"; }

  [[nodiscard]] std::filesystem::path state() const { return directory / "state.json"; }

  [[nodiscard]] std::filesystem::path server_socket() const { return directory / "root.sock"; }

  /// Who closes the gate over the tree (server/control.h) speaks here.
  [[nodiscard]] std::filesystem::path server_control() const { return directory / "server.ctl"; }

  [[nodiscard]] std::filesystem::path port_socket() const { return directory / "port.sock"; }

  [[nodiscard]] std::filesystem::path control_socket() const { return directory / "agent.sock"; }

  [[nodiscard]] std::filesystem::path kernel() const { return directory / "kernel"; }

  [[nodiscard]] std::filesystem::path initrd() const { return directory / "initrd"; }

  [[nodiscard]] std::filesystem::path console_log() const { return directory / "console.log"; }

  [[nodiscard]] std::filesystem::path qemu_log() const { return directory / "qemu.log"; }

  [[nodiscard]] std::filesystem::path server_log() const { return directory / "server.log"; }
};

/// What a running machine says about itself.
struct RunningState {
  ProcessIdentity owner;  ///< The `nineroot boot`.
  ProcessIdentity qemu{};
  ProcessIdentity server{};
  std::uint32_t memory_mib = 0;
  std::uint32_t cpus = 0;
  std::string accelerator{};
  std::string transport{};
  std::string qemu_version{};
  std::string kernel{};
  std::string started{};  ///< RFC 3339, UTC.
};

/// Whether a run suffers others on the same tree.
enum class TreeUse { alone, together };

/// Held while a machine runs: its tree, and its own name among the runs of that tree.  The locks go
/// with the last process that has their descriptors, so that a server which is still writing keeps
/// the tree from being booted again.
class RuntimeLock {
 public:
  /// Makes the directories and takes the locks; fails with the owner's pid if the machine runs and
  /// the two cannot be together, or have one name.
  static Outcome<RuntimeLock> acquire(const Machine& machine, TreeUse use = TreeUse::alone);

  RuntimeLock(RuntimeLock&&) = default;
  RuntimeLock& operator=(RuntimeLock&&) = default;
  RuntimeLock(const RuntimeLock&) = delete;
  RuntimeLock& operator=(const RuntimeLock&) = delete;

  /// Removes what a run leaves (sockets, kernel, state), not the logs.
  ~RuntimeLock();

  [[nodiscard]] const RuntimePaths& paths() const { return paths_; }

  /// For the server to inherit.
  [[nodiscard]] std::vector<int> fds() const { return {tree_.get(), run_.get()}; }

  /// Writes the state file, whole or not at all.
  Outcome<void> publish(const RunningState& state) const;

 private:
  RuntimeLock(RuntimePaths paths, UniqueFd tree, UniqueFd run)
      : paths_(std::move(paths)), tree_(std::move(tree)), run_(std::move(run)) {}

  RuntimePaths paths_;
  UniqueFd tree_;
  UniqueFd run_;
};

/// Whether the run that `machine` names is there; takes no lock itself.
[[nodiscard]] bool is_running(const Machine& machine);

/// Nothing if that run is not there; a state of zeros while it starts.
[[nodiscard]] std::optional<RunningState> find_running(const Machine& machine);

/// The machine once for each of its runs that is there, by name; the one without a name is first.
[[nodiscard]] std::vector<Machine> find_runs(const Machine& machine);

/// "NAME is not running", with `hint` unless the machine has other runs, which are named then.
[[nodiscard]] Failure not_running(const Machine& machine, const std::string& hint);

/// The file's text, and back; nothing for what is not such a text.
[[nodiscard]] std::string to_json(const RunningState& state);
[[nodiscard]] std::optional<RunningState> running_state_from_json(std::string_view text);

}  // namespace nineroot::vm

#include "vm/dataset/guest_sync.h"

#include <poll.h>

#include <algorithm>
#include <chrono>
#include <optional>

#include "vm/control_connection.h"
#include "vm/runtime.h"

namespace nineroot::vm {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;

/// A guest that writes a gigabyte back over an emulated disk takes this long.
constexpr seconds kSyncPatience{60};
constexpr seconds kThawPatience{10};

// Statuses of the script below.
constexpr int kSynced = 0;
constexpr int kFrozen = 10;
constexpr int kHookFailed = 11;

// What hooks print goes nowhere: a full pipe must not hold a snapshot up.
constexpr const char* kFreeze =
    "exec >/dev/null 2>&1 </dev/null\n"
    "count=0; failed=0\n"
    "if [ \"$1\" = hooks ]; then\n"
    "  for hook in /etc/nineroot/freeze.d/*; do\n"
    "    [ -f \"$hook\" ] && [ -x \"$hook\" ] || continue\n"
    "    count=$((count + 1)); \"$hook\" freeze || failed=1\n"
    "  done\n"
    "fi\n"
    "sync || exit 12\n"
    "[ $failed -eq 0 ] || exit 11\n"
    "[ $count -eq 0 ] || exit 10\n";

constexpr const char* kThaw =
    "exec >/dev/null 2>&1 </dev/null\n"
    "hooks=\n"
    "for hook in /etc/nineroot/freeze.d/*; do\n"
    "  [ -f \"$hook\" ] && [ -x \"$hook\" ] && set -- \"$hook\" \"$@\"\n"
    "done\n"
    "for hook; do \"$hook\" thaw; done\n"
    "true\n";

/// The status of a shell script in the guest; a sentence if there is none.
Outcome<int> run_in_guest(const Machine& run, const std::vector<std::string>& argv,
                          seconds patience) {
  const steady_clock::time_point deadline = steady_clock::now() + patience;
  ControlConnection connection =
      TRY(ControlConnection::open(RuntimePaths::of(run).control_socket()));
  connection.post(agent::Hello{.version = agent::kProtocolVersion, .session = 1, .boot_id = ""});
  bool has_begun = false;
  for (;;) {
    while (const std::optional<agent::Message> message = connection.next()) {
      if (const auto* refused = std::get_if<agent::Refused>(&*message)) {
        return failure("{}", refused->reason);
      }
      if (const auto* exited = std::get_if<agent::Exited>(&*message)) {
        return exited->signal != 0 ? 128 + exited->signal : exited->status;
      }
      if (std::holds_alternative<agent::Hello>(*message) && !has_begun) {
        has_begun = true;
        connection.post(
            agent::Execute{.argv = argv, .environment = {}, .directory = "/", .user = ""});
      }
    }
    const auto left = std::chrono::ceil<milliseconds>(deadline - steady_clock::now());
    if (left.count() <= 0) {
      // The connection goes with us, and the agent abandons what ran for it.
      return failure("the agent in the guest has not answered within {} s", patience.count());
    }
    pollfd wanted = connection.wanted();
    ::poll(&wanted, 1, static_cast<int>(std::min<std::int64_t>(left.count(), 1000)));
    TRY(connection.work());
  }
}

}  // namespace

GuestSync sync_guest(const Machine& run, Level wanted) {
  if (wanted == Level::crash) {
    return {};
  }
  const std::string hooks = wanted >= Level::app ? "hooks" : "";
  const Outcome<int> status =
      run_in_guest(run, {"/bin/sh", "-c", kFreeze, "sh", hooks}, kSyncPatience);
  if (!status) {
    return {.level = Level::crash, .trouble = status.error().what()};
  }
  switch (*status) {
    case kFrozen:
      return {.level = Level::app};
    case kHookFailed:
      return {.level = Level::synced, .trouble = "a hook in /etc/nineroot/freeze.d failed"};
    case kSynced:
      return {.level = Level::synced,
              .trouble =
                  wanted == Level::app ? "the guest has no hooks in /etc/nineroot/freeze.d" : ""};
    default:
      return {.level = Level::crash,
              .trouble = fmt::format("sync in the guest ended with status {}", *status)};
  }
}

void thaw_guests(const std::vector<Machine>& runs) {
  for (const Machine& run : runs) {
    [[maybe_unused]] const auto status =
        run_in_guest(run, {"/bin/sh", "-c", kThaw, "sh"}, kThawPatience);
  }
}

}  // namespace nineroot::vm

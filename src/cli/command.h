// What a verb of `nineroot` is to the command line: main.cpp parses, each cmd_VERB.cpp registers
// its options and says what to do.
#pragma once

#include <functional>
#include <string>

#include "base/failure.h"

namespace CLI {
class App;
}

namespace nineroot::cli {

/// What the chosen verb does; its value is the exit status.  A Failure is printed by main and
/// exits 1, or 2 where it is_usage().
using Action = std::function<Outcome<int>()>;

/// Adds one verb to `app`; its callback sets `action`.  Parsing has no effects but that.
using Register = void (*)(CLI::App& app, Action& action);

void register_serve(CLI::App& app, Action& action);
void register_create(CLI::App& app, Action& action);
void register_boot(CLI::App& app, Action& action);
void register_run(CLI::App& app, Action& action);
void register_exec(CLI::App& app, Action& action);
void register_stop(CLI::App& app, Action& action);
void register_list(CLI::App& app, Action& action);
void register_show(CLI::App& app, Action& action);
void register_remove(CLI::App& app, Action& action);
void register_refresh(CLI::App& app, Action& action);
void register_diff(CLI::App& app, Action& action);
void register_du(CLI::App& app, Action& action);
void register_dedup(CLI::App& app, Action& action);
void register_pool(CLI::App& app, Action& action);
void register_snapshot(CLI::App& app, Action& action);
void register_rollback(CLI::App& app, Action& action);
void register_dataset(CLI::App& app, Action& action);
void register_clone(CLI::App& app, Action& action);

}  // namespace nineroot::cli

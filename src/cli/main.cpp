// nineroot: a whole virtual machine on a plain host directory.
#include <clocale>
#include <csignal>
#include <cstdio>

#include <CLI/CLI.hpp>

#include "cli/command.h"

namespace nineroot::cli {
namespace {

// In the order in which --help lists them: the way of a machine's life.
constexpr Register kVerbs[] = {
#ifdef NINEROOT_HAS_CREATE
    register_create,
#endif
#ifdef NINEROOT_HAS_VM
    register_boot,     register_run,      register_exec,   register_stop,
    register_list,     register_show,     register_remove, register_refresh,
    register_snapshot, register_rollback, register_clone,  register_dataset,
    register_pool,     register_diff,     register_du,     register_dedup,
#endif
    register_serve,
};

int run(int argc, char** argv) {
  CLI::App app("A whole virtual machine on a plain host directory, over 9P.", "nineroot");
  app.set_version_flag("--version", "nineroot " NINEROOT_VERSION);
  app.require_subcommand(1);
  Action action;
  for (Register verb : kVerbs) {
    verb(app, action);
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    const int status = app.exit(error);
    return status == 0 ? 0 : 2;
  }
  const Outcome<int> done = action();
  if (!done) {
    std::fputs(done.error().text().c_str(), stderr);
    return done.error().is_usage() ? 2 : 1;
  }
  return *done;
}

}  // namespace
}  // namespace nineroot::cli

int main(int argc, char** argv) {
  std::setlocale(LC_CTYPE, "C.UTF-8");
  std::signal(SIGPIPE, SIG_IGN);
  // A write beyond `ulimit -f` shall be the guest's EFBIG, not the server's end.
  std::signal(SIGXFSZ, SIG_IGN);
  return nineroot::cli::run(argc, argv);
}

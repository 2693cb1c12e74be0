#include "cli/exec_flags.h"

#include <unistd.h>

#include <CLI/CLI.hpp>

namespace nineroot::cli {

void add_exec_flags(CLI::App& verb, ExecFlags& flags) {
  verb.add_option("command", flags.command, "The command and its arguments, after --")->required();
  verb.add_option("-u,--user", flags.user, "The guest's user who runs it (default: root)");
  verb.add_option("-w,--directory", flags.directory, "Where in the guest it runs")
      ->capture_default_str();
  verb.add_option("-e,--env", flags.environment, "NAME=VALUE, added to its environment")
      ->allow_extra_args(false);
  verb.add_flag("-t,--tty", flags.wants_tty, "Give it a terminal, even if this is none");
  verb.add_flag("-T,--no-tty", flags.wants_no_tty, "Give it none, even if this is one");
  verb.add_flag("--no-wait", flags.waits_not, "Do not wait until the guest has finished booting");
}

Outcome<vm::ExecRequest> exec_request(const ExecFlags& flags) {
  for (const std::string& word : flags.environment) {
    if (word.find('=') == std::string::npos || word.starts_with('=')) {
      return std::unexpected(Failure(fmt::format("{} does not set a variable", word))
                                 .with_hint("say -e NAME=VALUE")
                                 .as_usage());
    }
  }
  vm::ExecRequest request;
  request.argv = flags.command;
  request.environment = flags.environment;
  request.directory = flags.directory;
  request.user = flags.user;
  const bool is_terminal = ::isatty(STDIN_FILENO) == 1 && ::isatty(STDOUT_FILENO) == 1;
  request.wants_tty = flags.wants_tty || (is_terminal && !flags.wants_no_tty);
  request.waits_for_boot = !flags.waits_not;
  return request;
}

}  // namespace nineroot::cli

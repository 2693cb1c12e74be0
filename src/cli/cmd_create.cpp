// nineroot create NAME
#include <sys/stat.h>

#include <fstream>
#include <iostream>
#include <memory>
#include <sstream>

#include <CLI/CLI.hpp>

#include "cli/command.h"
#include "vm/create.h"

namespace nineroot::cli {
namespace {

constexpr const char* kAbout =
    R"(The tree is made under $NINEROOT_HOME/machines/NAME/root (by default in
~/.local/share/nineroot), without root, on any file system with user extended
attributes.  If it fails or is interrupted, nothing is left behind.

Sources (--from):
  debian:SUITE  a new Debian (bookworm, trixie, sid ...) with kernel, made by
                mmdebstrap; log in as root on the console, without a password
                unless --root-password is given
  FILE or -     a tar of a tree, plain or .gz, .xz, .zst, .bz2; - reads standard
                input
  DIRECTORY     a copy of a tree, mapped (as QEMU or nineroot wrote it) or
                plain; with --in-place the tree itself, where it is: `remove`
                then leaves it alone

Trees that are not new Debians get a host name, a network and a console login
only as far as they have systemd and nothing else set up; trees in place are not
changed but by the options given.)";

constexpr std::size_t kLargestKeyFile = 1U << 20U;

struct Options {
  vm::CreateRequest request;
  std::string root_password;
  std::string ssh_key_file;
  bool is_quiet = false;
};

Outcome<std::string> read_password(const Options& options) {
  if (options.root_password != "-") {
    return options.root_password;
  }
  if (options.request.from == "-") {
    return std::unexpected(
        Failure("standard input cannot be both the archive and the password").as_usage());
  }
  std::string line;
  if (!std::getline(std::cin, line)) {
    return std::unexpected(
        Failure("there is no password on standard input").with_hint("write it on one line"));
  }
  return line;
}

Outcome<std::string> read_public_keys(const std::string& file) {
  std::ifstream stream(file, std::ios::binary);
  std::ostringstream text;
  text << stream.rdbuf();
  std::string keys = text.str();
  if (!stream || keys.empty()) {
    return std::unexpected(Failure(fmt::format("cannot read an SSH key from {}", file))
                               .with_hint("give a public key, such as ~/.ssh/id_ed25519.pub"));
  }
  const bool is_private = keys.find("PRIVATE KEY") != std::string::npos;
  const bool is_public =
      keys.find("ssh-") != std::string::npos || keys.find("ecdsa-") != std::string::npos;
  if (is_private || !is_public || keys.size() > kLargestKeyFile) {
    return std::unexpected(
        Failure(fmt::format(
                    "{} holds {}", file,
                    is_private ? "a private key, which is to stay with you" : "no SSH public key"))
            .with_hint(is_private ? fmt::format("give the public one: {}.pub", file)
                                  : "give a public key, such as ~/.ssh/id_ed25519.pub"));
  }
  if (keys.back() != '\n') {
    keys += '\n';
  }
  return keys;
}

Outcome<int> create(const Options& options) {
  vm::CreateRequest request = options.request;
  if (!options.root_password.empty()) {
    request.root_password = TRY(read_password(options));
  }
  if (!options.ssh_key_file.empty()) {
    request.ssh_keys = TRY(read_public_keys(options.ssh_key_file));
  }
  vm::Progress progress(vm::Progress::style_of_stderr(options.is_quiet));
  std::vector<std::string> notes;
  const vm::Machine machine = TRY(vm::create_machine(request, progress, notes));
  for (const std::string& note : notes) {
    progress.note("note: " + note);
  }
  progress.note(fmt::format("made '{}': {}\nboot it with: nineroot boot {}", machine.name,
                            machine.root.string(), machine.name));
  return 0;
}

}  // namespace

void register_create(CLI::App& app, Action& action) {
  auto options = std::make_shared<Options>();
  vm::CreateRequest& request = options->request;
  CLI::App* verb = app.add_subcommand("create", "Make a machine, its tree a plain directory");
  verb->footer(kAbout);
  verb->add_option("NAME", request.name,
                   "The machine's name: letters, digits, '-', '_', '.', at most 64")
      ->required();
  verb->add_option("--from", request.from, "debian:SUITE, FILE, - or DIRECTORY")
      ->capture_default_str();
  verb->add_flag("--in-place", request.is_in_place,
                 "Use the directory of --from where it is, instead of copying it");
  auto* standard = verb->add_flag("--standard", request.is_standard,
                                  "Debian: all packages of the \"standard\" task");
  verb->add_flag("--minimal", request.is_minimal, "Debian: only what it takes to boot")
      ->excludes(standard);
  verb->add_option("--include", request.include, "Debian: more packages (PKG[,PKG...])")
      ->delimiter(',')
      ->allow_extra_args(false);
  verb->add_option("--mirror", request.mirrors,
                   "Debian: a mirror or a sources.list line; default: mmdebstrap's own choice")
      ->allow_extra_args(false);
  verb->add_option("--hostname", request.hostname, "The guest's host name; default: NAME");
  verb->add_option("--timezone", request.timezone,
                   "Such as Europe/Berlin; default for Debian: the host's");
  verb->add_option("--root-password", options->root_password,
                   "Set root's password and ask for it on the console; - reads a line of standard "
                   "input (others can see a command's arguments).  Default: locked, and the serial "
                   "console logs root in");
  verb->add_option("--ssh-key", options->ssh_key_file,
                   "A public key that may log in as root; Debian: installs openssh-server");
  verb->add_option("--memory", request.memory_mib, "The guest's memory in MiB; default: 2048");
  verb->add_option("--cpus", request.cpus, "The guest's CPUs; default: the host's, at most 4");
  verb->add_option("--identity", request.identity,
                   "How the tree records owners: mapped-xattr (default), mapped-file, "
                   "passthrough or none");
  verb->add_option("--dataset", request.data_sets,
                   "Make this directory of the guest's a data set, snapshotted by itself (may be "
                   "repeated)")
      ->allow_extra_args(false);
  verb->add_flag("-q,--quiet", options->is_quiet, "Say nothing but errors");
  verb->callback([options, &action] { action = [options] { return create(*options); }; });
}

}  // namespace nineroot::cli

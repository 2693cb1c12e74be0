// nineroot serve: the 9P server.
#include <CLI/CLI.hpp>

#include "cli/command.h"
#include "server/serve.h"

namespace nineroot::cli {
namespace {

struct Arguments {
  server::ServeOptions options;
  std::string identity = "mapped-xattr";
  std::string multidevs = "remap";
  std::string sandbox = "auto";
  std::string slow;
};

Outcome<int> serve(Arguments arguments) {
  arguments.options.identity = TRY(server::parse_identity(arguments.identity));
  arguments.options.multidevs = TRY(server::parse_multidevs(arguments.multidevs));
  TRY(server::switch_off(arguments.options, arguments.slow));
  if (arguments.sandbox == "show") {
    return server::show_sandbox(arguments.options);
  }
  arguments.options.sandbox = TRY(server::parse_sandbox_mode(arguments.sandbox));
  return server::serve(arguments.options);
}

}  // namespace

void register_serve(CLI::App& app, Action& action) {
  const auto arguments = std::make_shared<Arguments>();
  server::ServeOptions& options = arguments->options;
  CLI::App* verb = app.add_subcommand("serve", "Serve a directory tree over 9P2000.L");
  verb->add_option("directory", options.directory, "The directory to serve")->required();
  verb->add_option("--vhost-user", options.vhost_user,
                   "Be a virtio-9p device at this socket, for QEMU 10.2 and newer")
      ->allow_extra_args(false);
  verb->add_option("--listen", options.listen, "Listen at unix:PATH or tcp:HOST:PORT")
      ->allow_extra_args(false);
  verb->add_option("--fd", options.fds, "Serve this inherited socket, connected or listening")
      ->allow_extra_args(false);
  verb->add_option("--control", options.control,
                   "Listen at this socket for whoever snapshots or changes the tree as a whole");
  verb->add_option("--tag", options.tag, "The mount tag that a guest sees")->capture_default_str();
  verb->add_flag("--read-only", options.is_read_only, "Refuse every change with EROFS");
  verb->add_option("--identity", arguments->identity,
                   "How owners and modes are kept: mapped-xattr, mapped-file, passthrough, none")
      ->capture_default_str();
  verb->add_option("--map", options.id_rules,
                   "Translate owners: map:GUEST:HOST:COUNT, guest:..., host:..., squash-guest:..., "
                   "squash-host:..., forbid-guest:GUEST:COUNT, each for one kind with uid: or gid: "
                   "in front; squash-owner shows files without recorded owner as root's")
      ->delimiter(',')
      ->allow_extra_args(false);
  verb->add_flag("--shared", options.is_shared,
                 "Take the guest's locks on the host, where other guests and programs see them");
  verb->add_option("--multidevs", arguments->multidevs,
                   "Several host file systems in the tree: remap, forbid, warn")
      ->capture_default_str();
  verb->add_option("--dataset", options.data_sets,
                   "A directory that clients can neither remove nor rename: /home")
      ->allow_extra_args(false);
  verb->add_option("--sandbox", arguments->sandbox,
                   "auto: what this host allows; strict: all or nothing; none; show: print it")
      ->capture_default_str();
  verb->add_option("--poll-us", options.poll_us,
                   "Look at an empty ring for so many microseconds before sleeping, while the "
                   "guest is that fast; 0: never")
      ->check(CLI::Range(0, 1000))
      ->capture_default_str();
  verb->add_option("--without", arguments->slow,
                   "Go without these fast paths, to compare: keep-inodes, hold-readable, "
                   "share-reads, fine-ctime, close-at-once, poll");
  verb->add_flag("--once", options.once, "End when the first connection has ended");
  verb->add_option("--ready-fd", options.ready_fd,
                   "Write a line to this descriptor when clients can connect");
  verb->callback([&action, arguments] { action = [arguments] { return serve(*arguments); }; });
}

}  // namespace nineroot::cli

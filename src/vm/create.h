// `nineroot create`: a machine from nothing, from an archive or from a tree; whole or not at all.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/failure.h"
#include "vm/machine.h"
#include "vm/progress.h"

namespace nineroot::vm {

struct CreateRequest {
  std::string name;
  std::string from = "debian:bookworm";
  bool is_in_place = false;  ///< A directory stays where it is and becomes the machine's tree.
  bool is_standard = false;
  bool is_minimal = false;
  std::vector<std::string> include;
  std::vector<std::string> mirrors;
  std::optional<std::string> hostname;
  std::optional<std::string> timezone;
  std::optional<std::string> root_password;
  std::optional<std::string> ssh_keys;  ///< Public keys, lines.
  std::optional<std::string> identity;  ///< As Settings::identity.
  std::optional<std::uint32_t> memory_mib;
  std::optional<std::uint32_t> cpus;
  std::vector<std::string> data_sets{};  ///< Guest paths that become data sets of their own.
};

/// Makes it.  On failure, and on SIGINT, SIGTERM or SIGHUP, nothing of it stays.  `notes` gets
/// what a person should know of a machine that was made.
Outcome<Machine> create_machine(const CreateRequest& request, Progress& progress,
                                std::vector<std::string>& notes);

}  // namespace nineroot::vm

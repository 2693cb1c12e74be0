// What a machine is and where it lives: a directory machines/NAME under the home, with the tree
// `root` and the settings `machine.toml` in it.  A bare tree anywhere is a machine without either.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/failure.h"

namespace nineroot::vm {

/// What machine.toml holds; the defaults are those of a tree without one.
struct Settings {
  std::uint32_t memory_mib = 2048;
  std::uint32_t cpus = 0;                 ///< 0: as many as the host has, at most 4.
  std::string cache = "mmap";             ///< mmap, loose or none.
  std::string identity = "mapped-xattr";  ///< As `serve --identity`.
  std::vector<std::string> map{};         ///< Rules of `serve --map`.
  std::string multidevs = "remap";        ///< As `serve --multidevs`.
  bool is_shared = false;                 ///< As `serve --shared`.
  std::string append;                     ///< Added to the kernel's command line.
  std::string source;                     ///< What it was created from, for people.
  std::string created;                    ///< RFC 3339, UTC.

  /// Reads and writes the TOML text.  Unknown keys and wrong types are a Failure that names the
  /// line; a missing key has its default.
  static Outcome<Settings> parse(std::string_view text, const std::string& file_name);
  [[nodiscard]] std::string to_toml() const;
};

/// One machine, or one bare tree.
struct Machine {
  std::string name;                 ///< For a bare tree: its path, for people.
  std::filesystem::path directory;  ///< Empty for a bare tree.
  std::filesystem::path root;       ///< The tree.
  Settings settings;
  /// Which of several guests on the tree is meant (`--name`); empty: the one without a name.
  std::string run{};

  /// For a person's command line: the machine, and which of its guests.
  [[nodiscard]] std::string words() const { return run.empty() ? name : name + " --name " + run; }

  [[nodiscard]] bool is_bare_tree() const { return directory.empty(); }
};

/// $NINEROOT_HOME, else $XDG_DATA_HOME/nineroot, else ~/.local/share/nineroot.
Outcome<std::filesystem::path> home_directory();

/// Letters, digits, '-', '_' and '.', at most 64, not beginning with '.' or '-'.
Outcome<void> check_machine_name(std::string_view name);

/// Every verb's argument: a name is a machine under the home; anything with a '/' is a path to a
/// tree (or to a machine's directory that has root/ and machine.toml in it).
/// `run` is Machine::run: as a machine's name, but 16 letters at most.
Outcome<Machine> find_machine(const std::string& name_or_path, const std::string& run = {});

/// All machines under the home, by name; leftovers of creates that died are not listed.  One whose
/// settings cannot be read is told of in the log.
Outcome<std::vector<Machine>> list_machines();

}  // namespace nineroot::vm

#include "vm/machine.h"

#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <sstream>

#include <fmt/format.h>

#include "base/log.h"

namespace nineroot::vm {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kLongestName = 64;
// Part of a socket's path, which has 107 bytes.
constexpr std::size_t kLongestRunName = 16;
constexpr const char* kSettingsFile = "machine.toml";

bool is_name_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '_' || c == '.';
}

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

Outcome<Settings> read_settings(const fs::path& file) {
  std::ifstream stream(file, std::ios::binary);
  if (!stream) {
    return failure(Errno{errno}, "cannot read the settings {}", file.string());
  }
  std::ostringstream text;
  text << stream.rdbuf();
  return Settings::parse(text.str(), file.string());
}

bool is_machine_directory(const fs::path& path) {
  std::error_code ignored;
  return fs::is_regular_file(path / kSettingsFile, ignored) &&
         fs::is_directory(path / "root", ignored);
}

Outcome<Machine> load(std::string name, const fs::path& directory) {
  Machine machine{
      .name = std::move(name), .directory = directory, .root = directory / "root", .settings = {}};
  machine.settings = TRY(read_settings(directory / kSettingsFile));
  return machine;
}

Outcome<Machine> find_by_path(const std::string& text) {
  std::error_code error;
  const fs::path path = fs::canonical(text, error);
  if (error) {
    return failure(Errno{error.value()}, "there is no tree {}", text);
  }
  if (!fs::is_directory(path, error)) {
    return std::unexpected(Failure(fmt::format("{} is not a directory", text))
                               .with_hint("name a machine, or the directory of a guest's tree"));
  }
  if (is_machine_directory(path)) {
    return load(path.filename().string(), path);
  }
  if (path.filename() == "root" && is_machine_directory(path.parent_path())) {
    return load(path.parent_path().filename().string(), path.parent_path());
  }
  return Machine{.name = text, .directory = {}, .root = path, .settings = {}};
}

Outcome<Machine> find_by_name(const std::string& name) {
  TRY(check_machine_name(name));
  const fs::path home = TRY(home_directory());
  const fs::path directory = home / "machines" / name;
  std::error_code ignored;
  if (!fs::exists(directory, ignored)) {
    return std::unexpected(
        Failure(fmt::format("there is no machine '{}' under {}", name, home.string()))
            .with_hint(fmt::format("`nineroot list` shows the machines; for a directory write ./{}",
                                   name)));
  }
  return load(name, directory);
}

Outcome<void> check_run_name(const std::string& name) {
  if (name.size() > kLongestRunName || !check_machine_name(name)) {
    return std::unexpected(
        Failure(fmt::format("'{}' cannot be the name of a guest", name))
            .with_hint("use letters, digits, '-', '_' and '.', at most 16 of them, not beginning "
                       "with '.' or '-'")
            .as_usage());
  }
  return {};
}

}  // namespace

Outcome<fs::path> home_directory() {
  std::string home = environment("NINEROOT_HOME");
  const char* source = "NINEROOT_HOME";
  if (home.empty()) {
    home = environment("XDG_DATA_HOME");
    source = "XDG_DATA_HOME";
    // The specification of that variable says that a relative path is to be ignored.
    home = home.starts_with('/') ? home + "/nineroot" : "";
  }
  if (home.empty()) {
    home = environment("HOME");
    source = "HOME";
    if (home.empty()) {
      const passwd* entry = ::getpwuid(::geteuid());
      home = entry != nullptr ? entry->pw_dir : "";
    }
    home = home.empty() ? "" : home + "/.local/share/nineroot";
  }
  if (home.empty()) {
    return std::unexpected(Failure("cannot tell where machines are kept")
                               .with_hint("set NINEROOT_HOME to a directory of yours"));
  }
  std::error_code error;
  const fs::path path = fs::absolute(home, error);
  if (error) {
    return failure(Errno{error.value()}, "cannot use the {} {}", source, home);
  }
  return path;
}

Outcome<void> check_machine_name(std::string_view name) {
  if (!name.empty() && name.size() <= kLongestName && std::ranges::all_of(name, is_name_letter) &&
      name.front() != '.' && name.front() != '-') {
    return {};
  }
  return std::unexpected(
      Failure(fmt::format("'{}' cannot be a machine's name", name))
          .with_hint(
              "use letters, digits, '-', '_' and '.', at most 64 of them, not beginning with "
              "'.' or '-'")
          .as_usage());
}

Outcome<Machine> find_machine(const std::string& name_or_path, const std::string& run) {
  if (!run.empty()) {
    TRY(check_run_name(run));
  }
  const bool is_path = name_or_path.find('/') != std::string::npos;
  Machine machine = TRY(is_path ? find_by_path(name_or_path) : find_by_name(name_or_path));
  machine.run = run;
  return machine;
}

Outcome<std::vector<Machine>> list_machines() {
  const fs::path home = TRY(home_directory());
  std::vector<Machine> machines;
  std::error_code error;
  for (fs::directory_iterator at(home / "machines", error), end; !error && at != end;
       at.increment(error)) {
    const std::string name = at->path().filename().string();
    if (check_machine_name(name) && is_machine_directory(at->path())) {
      Outcome<Machine> machine = load(name, at->path());
      if (machine) {
        machines.push_back(std::move(*machine));
      } else {
        log::warn("{}", machine.error().what());
      }
    }
  }
  if (error && error != std::errc::no_such_file_or_directory) {
    return failure(Errno{error.value()}, "cannot list the machines under {}", home.string());
  }
  std::ranges::sort(machines, {}, &Machine::name);
  return machines;
}

}  // namespace nineroot::vm

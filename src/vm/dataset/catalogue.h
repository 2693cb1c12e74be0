// Which data sets a machine has: storage.json beside its tree.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "base/failure.h"

namespace nineroot::vm {

/// A directory of the guest's that is snapshotted and rolled back by itself.
struct DataSet {
  std::string path;    ///< As the guest sees it: "/", "/var/log".
  std::string driver;  ///< storage::Driver::name().

  bool operator==(const DataSet&) const = default;
};

/// Sorted by path, so that a data set comes after those that it is nested in.
struct Catalogue {
  std::vector<DataSet> sets;

  [[nodiscard]] const DataSet* find(std::string_view path) const;

  /// The data set that has `path` in it, other than that of `path` itself; null for the root.
  [[nodiscard]] const DataSet* around(std::string_view path) const;

  /// Those nested directly or deeper in `path`, relative to it: {"log"} for "/var".
  [[nodiscard]] std::set<std::string> nested_in(std::string_view path) const;

  bool operator==(const Catalogue&) const = default;
};

/// "/var//log/" as "/var/log".  A Failure that is_usage() for what is not absolute, goes up, or has
/// bytes or a length that no data set can have.
Outcome<std::string> data_set_path(std::string_view text);

/// Its name in a snapshot: "@" for "/", "@var@log" for "/var/log", with '%' and '@' in names as
/// "%25" and "%40".
[[nodiscard]] std::string copy_name(std::string_view path);

/// The catalogue of the machine whose directory is `directory`; one with the root alone, of
/// `root_driver`, if none was written yet.
Outcome<Catalogue> read_catalogue(int directory, const std::string& root_driver);
Outcome<void> write_catalogue(int directory, const Catalogue& catalogue);

[[nodiscard]] nlohmann::json to_json(const Catalogue& catalogue);
Outcome<Catalogue> catalogue_from_json(const nlohmann::json& object, const std::string& path);

}  // namespace nineroot::vm

#include "vm/dataset/catalogue.h"

#include <algorithm>

#include "storage/dataset/driver.h"
#include "storage/entry_path.h"
#include "vm/dataset/durable_file.h"

namespace nineroot::vm {
namespace {

constexpr const char* kFile = "storage.json";
constexpr int kVersion = 1;

/// A copy's name is one name of the host, at most three times as long.
constexpr std::size_t kLongestPath = 80;

bool is_inside(std::string_view path, std::string_view directory) {
  if (directory == "/") {
    return path.size() > 1;
  }
  return path.size() > directory.size() && path.starts_with(directory) &&
         path[directory.size()] == '/';
}

Failure no_path(std::string_view text) {
  return Failure(fmt::format("'{}' cannot be a data set", storage::printable(std::string(text))))
      .with_hint(fmt::format("give a directory as the guest sees it, /home or /var/log, of at most "
                             "{} bytes",
                             kLongestPath))
      .as_usage();
}

}  // namespace

const DataSet* Catalogue::find(std::string_view path) const {
  const auto found = std::ranges::find(sets, path, &DataSet::path);
  return found != sets.end() ? &*found : nullptr;
}

const DataSet* Catalogue::around(std::string_view path) const {
  const DataSet* nearest = nullptr;
  for (const DataSet& set : sets) {
    if (is_inside(path, set.path) &&
        (nearest == nullptr || set.path.size() > nearest->path.size())) {
      nearest = &set;
    }
  }
  return nearest;
}

std::set<std::string> Catalogue::nested_in(std::string_view path) const {
  std::set<std::string> nested;
  const std::size_t skipped = path == "/" ? 1 : path.size() + 1;
  for (const DataSet& set : sets) {
    if (is_inside(set.path, path)) {
      nested.insert(set.path.substr(skipped));
    }
  }
  return nested;
}

Outcome<std::string> data_set_path(std::string_view text) {
  if (!text.starts_with('/') || text.find('\0') != std::string_view::npos) {
    return std::unexpected(no_path(text));
  }
  std::string path;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('/', at), text.size());
    const std::string_view name = text.substr(at, end - at);
    at = end + 1;
    if (name == ".." || name == ".") {
      return std::unexpected(no_path(text));
    }
    if (!name.empty()) {
      path += '/';
      path += name;
    }
  }
  if (path.size() > kLongestPath) {
    return std::unexpected(no_path(text));
  }
  return path.empty() ? std::string("/") : path;
}

std::string copy_name(std::string_view path) {
  std::string name;
  for (const char c : path) {
    if (c == '/') {
      name += '@';
    } else if (c == '@' || c == '%') {
      name += fmt::format("%{:02x}", static_cast<unsigned>(c));
    } else {
      name += c;
    }
  }
  return name;
}

nlohmann::json to_json(const Catalogue& catalogue) {
  nlohmann::json sets = nlohmann::json::array();
  for (const DataSet& set : catalogue.sets) {
    sets.push_back({{"path", set.path}, {"driver", set.driver}});
  }
  return {{"version", kVersion}, {"data_sets", sets}};
}

Outcome<Catalogue> catalogue_from_json(const nlohmann::json& object, const std::string& path) {
  Catalogue catalogue;
  const auto sets = object.find("data_sets");
  if (sets == object.end() || !sets->is_array()) {
    return failure("{} is damaged: it names no data sets", path);
  }
  for (const nlohmann::json& one : *sets) {
    DataSet set;
    set.path = TRY(member<std::string>(one, "path", path));
    set.driver = TRY(member<std::string>(one, "driver", path));
    const Outcome<std::string> clean = data_set_path(set.path);
    if (!clean || *clean != set.path || storage::driver_by_name(set.driver) == nullptr ||
        catalogue.find(set.path) != nullptr) {
      return failure("{} is damaged: '{}' is no data set", path, storage::printable(set.path));
    }
    catalogue.sets.push_back(std::move(set));
  }
  std::ranges::sort(catalogue.sets, {}, &DataSet::path);
  if (catalogue.sets.empty()) {
    return failure("{} is damaged: it names no data sets", path);
  }
  return catalogue;
}

Outcome<Catalogue> read_catalogue(int directory, const std::string& root_driver) {
  const auto object = TRY(read_json(directory, kFile, kFile, kVersion));
  if (!object) {
    return Catalogue{.sets = {{.path = "/", .driver = root_driver}}};
  }
  Catalogue catalogue = TRY(catalogue_from_json(*object, kFile));
  if (catalogue.find("/") == nullptr) {
    return failure("{} is damaged: the root is not in it", kFile);
  }
  return catalogue;
}

Outcome<void> write_catalogue(int directory, const Catalogue& catalogue) {
  return write_durably(directory, kFile, to_json(catalogue).dump(2) + "\n");
}

}  // namespace nineroot::vm

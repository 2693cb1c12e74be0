// Small files of ours beside a machine: whole or not there, and on the disk when it is said so.
#pragma once

#include <optional>
#include <string>

#include <nlohmann/json.hpp>

#include "base/failure.h"

namespace nineroot::vm {

/// Puts `text` into the file `name` of `directory` (opened for reading), in place of what it held,
/// by way of a temporary file; on the disk when this returns.
Outcome<void> write_durably(int directory, const std::string& name, const std::string& text);

/// Removes the file, on the disk too when this returns; fine if it is not there.
Outcome<void> remove_durably(int directory, const std::string& name);

/// The JSON object in the file; nothing if it is not there.  `path` names it for messages.  A file
/// that holds no object, or one of another "version" than `version`, is a Failure.
Outcome<std::optional<nlohmann::json>> read_json(int directory, const std::string& name,
                                                 const std::string& path, int version);

/// A member that must be there with the right type.
template <class Value>
Outcome<Value> member(const nlohmann::json& object, const char* key, const std::string& path) {
  const auto found = object.find(key);
  if (found != object.end()) {
    if constexpr (std::is_same_v<Value, std::string>) {
      if (found->is_string()) {
        return found->template get<Value>();
      }
    } else if constexpr (std::is_same_v<Value, bool>) {
      if (found->is_boolean()) {
        return found->template get<Value>();
      }
    } else if (found->is_number_unsigned()) {
      return found->template get<Value>();
    }
  }
  return failure("{} is damaged: \"{}\" is missing or of another kind", path, key);
}

}  // namespace nineroot::vm

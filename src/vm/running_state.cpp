// The state file of a running machine: JSON out and in.
#include <optional>
#include <string>

#include <nlohmann/json.hpp>

#include "vm/runtime.h"

namespace nineroot::vm {
namespace {

using Json = nlohmann::json;

Json to_value(const ProcessIdentity& process) {
  return {{"pid", process.pid}, {"start_time", process.start_time}};
}

template <class Number>
void read_number(const Json& object, const char* key, Number& into) {
  const auto found = object.find(key);
  if (found != object.end() && found->is_number_integer()) {
    into = found->get<Number>();
  }
}

void read_text(const Json& object, const char* key, std::string& into) {
  const auto found = object.find(key);
  if (found != object.end() && found->is_string()) {
    into = found->get<std::string>();
  }
}

void read_process(const Json& object, const char* key, ProcessIdentity& into) {
  const auto found = object.find(key);
  if (found != object.end() && found->is_object()) {
    read_number(*found, "pid", into.pid);
    read_number(*found, "start_time", into.start_time);
  }
}

}  // namespace

std::string to_json(const RunningState& state) {
  const Json object = {{"owner", to_value(state.owner)},
                       {"qemu", to_value(state.qemu)},
                       {"server", to_value(state.server)},
                       {"memory_mib", state.memory_mib},
                       {"cpus", state.cpus},
                       {"accelerator", state.accelerator},
                       {"transport", state.transport},
                       {"qemu_version", state.qemu_version},
                       {"kernel", state.kernel},
                       {"started", state.started}};
  return object.dump(2, ' ', false, Json::error_handler_t::replace);
}

std::optional<RunningState> running_state_from_json(std::string_view text) {
  const Json object = Json::parse(text, nullptr, false);
  if (!object.is_object()) {
    return std::nullopt;
  }
  RunningState state;
  read_process(object, "owner", state.owner);
  read_process(object, "qemu", state.qemu);
  read_process(object, "server", state.server);
  read_number(object, "memory_mib", state.memory_mib);
  read_number(object, "cpus", state.cpus);
  read_text(object, "accelerator", state.accelerator);
  read_text(object, "transport", state.transport);
  read_text(object, "qemu_version", state.qemu_version);
  read_text(object, "kernel", state.kernel);
  read_text(object, "started", state.started);
  return state;
}

}  // namespace nineroot::vm

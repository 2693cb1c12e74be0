#include "base/log.h"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

namespace nineroot::log {
namespace {

spdlog::logger& logger() {
  static const std::shared_ptr<spdlog::logger> shared = [] {
    auto made = std::make_shared<spdlog::logger>("nineroot",
                                                 std::make_shared<spdlog::sinks::stderr_sink_mt>());
    made->set_pattern("nineroot: %l: %v");
    made->flush_on(spdlog::level::debug);
    return made;
  }();
  return *shared;
}

spdlog::level::level_enum to_spdlog(Level level) {
  switch (level) {
    case Level::debug:
      return spdlog::level::debug;
    case Level::info:
      return spdlog::level::info;
    case Level::warn:
      return spdlog::level::warn;
    case Level::error:
      break;
  }
  return spdlog::level::err;
}

}  // namespace

void set_level(Level level) {
  logger().set_level(to_spdlog(level));
}

void write(Level level, std::string_view text) {
  logger().log(to_spdlog(level), "{}", text);
}

}  // namespace nineroot::log

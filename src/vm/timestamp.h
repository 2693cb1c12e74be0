// Points in time as machines' files have them.
#pragma once

#include <string>

#include "base/failure.h"

namespace nineroot::vm {

/// RFC 3339, UTC, whole seconds: "2026-11-28T02:17:37Z".
[[nodiscard]] std::string now_text();

/// "2026-12-31" (its end), "2026-12-31T12:00:00Z", or from now "30d", "12h", "45m": as now_text()
/// writes it.  A Failure that is_usage() else.
Outcome<std::string> parse_time(const std::string& text);

}  // namespace nineroot::vm

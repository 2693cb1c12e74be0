#include "vm/qmp.h"

#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <optional>

#include <nlohmann/json.hpp>

#include "base/log.h"

namespace nineroot::vm {
namespace {

using Json = nlohmann::json;

// QEMU's messages are a few hundred bytes; a stream without a line end for longer is not QMP.
constexpr std::size_t kLongestMessage = 1U << 20U;

std::string text_at(const Json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

std::optional<std::string> take_line(std::string& buffer) {
  const std::size_t end = buffer.find('\n');
  if (end == std::string::npos) {
    return std::nullopt;
  }
  std::string line = buffer.substr(0, end);
  buffer.erase(0, end + 1);
  return line;
}

}  // namespace

Result<void> Qmp::read_available() {
  std::array<char, 4096> buffer;
  for (;;) {
    const ssize_t got = ::recv(stream_.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (got > 0) {
      received_.append(buffer.data(), static_cast<std::size_t>(got));
      if (received_.size() > kLongestMessage) {
        return fail(EMSGSIZE);
      }
    } else if (got == 0) {
      is_closed_ = true;
      return {};
    } else if (errno == EAGAIN) {
      return {};
    } else if (errno == ECONNRESET) {
      is_closed_ = true;
      return {};
    } else if (errno != EINTR) {
      return fail_errno();
    }
  }
}

Outcome<Qmp> Qmp::open(UniqueFd stream, std::chrono::milliseconds patience) {
  Qmp qmp(std::move(stream));
  const auto deadline = std::chrono::steady_clock::now() + patience;
  // The greeting, then the answer to the command that ends the negotiation.
  for (const char* expected : {"QMP", "return"}) {
    std::optional<std::string> line;
    while (!(line = take_line(qmp.received_))) {
      const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
          deadline - std::chrono::steady_clock::now());
      pollfd poll_fd{.fd = qmp.fd(), .events = POLLIN, .revents = 0};
      if (qmp.is_closed_) {
        return failure("QEMU has ended");
      }
      if (left.count() <= 0) {
        return failure("QEMU does not answer");
      }
      ::poll(&poll_fd, 1, static_cast<int>(left.count()));
      TRY(context(qmp.read_available(), "cannot read from QEMU"));
    }
    const Json message = Json::parse(*line, nullptr, false);
    if (!message.is_object() || !message.contains(expected)) {
      return failure("QEMU does not speak QMP");
    }
    if (std::string_view(expected) == "QMP") {
      TRY(context(qmp.send("qmp_capabilities"), "cannot write to QEMU"));
    }
  }
  return qmp;
}

Result<std::vector<QmpEvent>> Qmp::receive() {
  TRY(read_available());
  std::vector<QmpEvent> events;
  while (const std::optional<std::string> line = take_line(received_)) {
    const Json message = Json::parse(*line, nullptr, false);
    if (!message.is_object()) {
      continue;
    }
    if (const auto error = message.find("error"); error != message.end()) {
      log::warn("QEMU refuses a command: {}", text_at(*error, "desc"));
    }
    if (std::string name = text_at(message, "event"); !name.empty()) {
      const auto data = message.find("data");
      events.push_back({.name = std::move(name),
                        .reason = data != message.end() && data->is_object()
                                      ? text_at(*data, "reason")
                                      : std::string()});
    }
  }
  if (events.empty() && is_closed_) {
    return fail(ECONNRESET);
  }
  return events;
}

Result<void> Qmp::send(std::string_view command) {
  const std::string line = Json{{"execute", command}}.dump() + "\n";
  std::string_view rest = line;
  while (!rest.empty()) {
    const ssize_t sent = ::send(stream_.get(), rest.data(), rest.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno != EINTR) {
      return fail_errno();
    }
    rest.remove_prefix(sent > 0 ? static_cast<std::size_t>(sent) : 0);
  }
  return {};
}

}  // namespace nineroot::vm

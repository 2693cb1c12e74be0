#include "server/control.h"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <optional>

#include <fmt/format.h>

#include "base/log.h"

namespace nineroot::server {
namespace {

constexpr std::size_t kMostClients = 8;
constexpr std::size_t kLongestLine = 256;
constexpr unsigned kMostPatienceMs = 60'000;

/// Nobody who does not read his answers holds anybody up.
bool send_line(int socket, const std::string& line) {
  const std::string bytes = line + "\n";
  return ::send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT) ==
         static_cast<ssize_t>(bytes.size());
}

std::optional<unsigned> number_after(const std::string& line, std::string_view word) {
  if (!line.starts_with(word)) {
    return std::nullopt;
  }
  unsigned value = 0;
  const char* end = line.data() + line.size();
  const auto [rest, error] = std::from_chars(line.data() + word.size(), end, value);
  return error == std::errc() && rest == end && value <= kMostPatienceMs ? std::optional(value)
                                                                         : std::nullopt;
}

}  // namespace

Outcome<std::unique_ptr<Control>> Control::listen(const std::string& path) {
  auto listener = TRY(transport::UnixListener::bind(path));
  return std::unique_ptr<Control>(new Control(std::move(listener)));
}

void Control::run(session::Gate& gate, int stop_fd) {
  for (;;) {
    std::vector<pollfd> watched = {{.fd = stop_fd, .events = POLLIN, .revents = 0},
                                   {.fd = listener_.fd(), .events = POLLIN, .revents = 0}};
    for (const auto& client : clients_) {
      watched.push_back({.fd = client->socket.get(), .events = POLLIN, .revents = 0});
    }
    if (::poll(watched.data(), watched.size(), -1) < 0) {
      continue;
    }
    if (watched[0].revents != 0) {
      break;
    }
    const std::size_t count = clients_.size();
    for (std::size_t i = count; i-- > 0;) {
      if (watched[i + 2].revents != 0 && !serve(*clients_[i], gate)) {
        forget(*clients_[i], gate);
        clients_.erase(clients_.begin() + static_cast<std::ptrdiff_t>(i));
      }
    }
    if (watched[1].revents != 0) {
      accept();
    }
  }
  if (gate.is_closed()) {
    gate.open();
  }
}

void Control::accept() {
  Result<UniqueFd> socket = listener_.accept();
  if (!socket) {
    return;
  }
  if (clients_.size() == kMostClients) {
    send_line(socket->get(), "error too many connections");
    return;
  }
  clients_.push_back(std::make_unique<Client>(Client{.socket = std::move(*socket), .input = {}}));
}

bool Control::serve(Client& client, session::Gate& gate) {
  char bytes[kLongestLine];
  const ssize_t got = ::recv(client.socket.get(), bytes, sizeof bytes, MSG_DONTWAIT);
  if (got <= 0) {
    return got < 0 && (errno == EAGAIN || errno == EINTR);
  }
  client.input.append(bytes, static_cast<std::size_t>(got));
  for (std::size_t end = client.input.find('\n'); end != std::string::npos;
       end = client.input.find('\n')) {
    const std::string line = client.input.substr(0, end);
    client.input.erase(0, end + 1);
    if (!send_line(client.socket.get(), answer(client, line, gate))) {
      return false;
    }
  }
  return client.input.size() < kLongestLine;
}

std::string Control::answer(const Client& client, const std::string& line, session::Gate& gate) {
  if (const auto patience = number_after(line, "close ")) {
    if (gate.is_closed()) {
      return "error the gate is closed already";
    }
    if (!gate.close(std::chrono::milliseconds(*patience))) {
      return "timeout";
    }
    closed_by_ = &client;
    return "closed";
  }
  if (line == "hold") {
    if (closed_by_ != &client) {
      return "error the gate was not closed by this connection";
    }
    is_held_ = true;
    return "held";
  }
  if (line == "open") {
    if (!gate.is_closed()) {
      return "error the gate is open";
    }
    if (closed_by_ != &client && !is_held_) {
      return "error the gate was closed by another connection";
    }
    gate.open();
    closed_by_ = nullptr;
    is_held_ = false;
    return "opened";
  }
  return "error not a word that is known: close MILLISECONDS, hold, open";
}

void Control::forget(const Client& client, session::Gate& gate) {
  if (closed_by_ != &client) {
    return;
  }
  closed_by_ = nullptr;
  if (!is_held_) {
    log::warn("whoever closed the gate over the tree is gone: it is open again");
    gate.open();
  }
}

}  // namespace nineroot::server

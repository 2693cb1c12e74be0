#include "tests/support/echo_handler.h"

#include <chrono>
#include <cstring>
#include <span>
#include <stdexcept>
#include <utility>

#include "wire/types.h"

namespace nineroot::test {
namespace {

constexpr std::chrono::seconds kTimeout{20};
// Of no 9P message that means anything here.
constexpr std::uint8_t kEcho = 200;
constexpr std::uint8_t kSlow = 202;

std::vector<std::byte> message(std::uint8_t type, std::uint16_t tag, std::string_view body) {
  std::vector<std::byte> bytes(wire::kHeaderSize + body.size());
  const auto size = static_cast<std::uint32_t>(bytes.size());
  std::memcpy(bytes.data(), &size, 4);
  bytes[4] = std::byte{type};
  std::memcpy(bytes.data() + 5, &tag, 2);
  std::memcpy(bytes.data() + wire::kHeaderSize, body.data(), body.size());
  return bytes;
}

}  // namespace

std::vector<std::byte> echo_request(std::uint16_t tag, std::string_view body) {
  return message(kEcho, tag, body);
}

std::vector<std::byte> slow_request(std::uint16_t tag, std::string_view body) {
  return message(kSlow, tag, body);
}

std::vector<std::byte> echo_reply(std::uint16_t tag, std::string_view body) {
  return message(kEcho + 1, tag, body);
}

std::vector<std::byte> error_reply(std::uint16_t tag, std::uint32_t ecode) {
  std::string_view body(reinterpret_cast<const char*>(&ecode), sizeof(ecode));
  return message(static_cast<std::uint8_t>(wire::MsgType::Rlerror), tag, body);
}

wire::HandlerFactory EchoLog::factory(std::size_t max_pending) {
  return [this, max_pending](std::shared_ptr<Mailbox> mailbox) {
    auto handler = std::make_unique<EchoHandler>(*this, max_pending);
    const std::lock_guard lock(mutex_);
    mailbox_ = std::move(mailbox);
    newest_ = handler.get();
    return handler;
  };
}

void EchoLog::wait_for_pending(std::size_t count) {
  std::unique_lock lock(mutex_);
  if (!changed_.wait_for(lock, kTimeout, [&] { return pending_ >= count; })) {
    throw std::runtime_error("requests do not arrive");
  }
}

void EchoLog::wait_for_resets(unsigned count) {
  std::unique_lock lock(mutex_);
  if (!changed_.wait_for(lock, kTimeout, [&] { return resets_ >= count; })) {
    throw std::runtime_error("the handler is not reset");
  }
}

void EchoLog::release() {
  const std::lock_guard lock(mutex_);
  mailbox_->post([handler = newest_] { handler->answer_all(); });
}

void EchoHandler::note_pending() {
  const std::lock_guard lock(log_.mutex_);
  log_.pending_ = waiting_.size();
  log_.changed_.notify_all();
}

void EchoHandler::handle(wire::Exchange exchange) {
  ++log_.requests_;
  std::vector<std::byte> reply(exchange.request().size());
  exchange.request().read(0, reply);
  if (reply.size() > exchange.reply().size()) {
    return;  // Destroying the exchange answers EIO.
  }
  const bool is_slow = reply[4] == std::byte{kSlow};
  reply[4] = std::byte{kEcho + 1};
  if (!is_slow) {
    exchange.reply().write(0, reply);
    std::move(exchange).complete(reply.size());
    return;
  }
  waiting_.push_back(std::make_unique<Waiting>(
      Waiting{.pending = std::move(exchange).detach(), .reply = std::move(reply)}));
  note_pending();
}

void EchoHandler::answer_all() {
  const auto answered = std::exchange(waiting_, {});
  note_pending();  // First: whoever sees a reply must not find the old count.
  for (const auto& waiting : answered) {
    std::move(waiting->pending).complete(waiting->reply);
  }
}

void EchoHandler::reset() {
  for (const auto& waiting : std::exchange(waiting_, {})) {
    std::move(waiting->pending).drop();
  }
  note_pending();
  const std::lock_guard lock(log_.mutex_);
  ++log_.resets_;
  log_.changed_.notify_all();
}

}  // namespace nineroot::test

#include "transport/vhost_user_connection.h"

#include <cerrno>
#include <utility>

#include "virtio/ring_layout.h"

namespace nineroot::transport {
namespace {

/// VIRTIO_9P_MOUNT_TAG: without it Linux refuses the device.
constexpr std::uint64_t kFeatureMountTag = virtio::feature(0);

}  // namespace

std::vector<std::byte> config_of_tag(const std::string& tag) {
  std::vector<std::byte> config;
  virtio::append_payload(config, static_cast<std::uint16_t>(tag.size()));
  const auto bytes = std::as_bytes(std::span(tag));
  config.insert(config.end(), bytes.begin(), bytes.end());
  return config;
}

VhostUserConnection::VhostUserConnection(UniqueFd socket, const std::string& tag,
                                         AdaptivePoll::Clock::duration poll_for,
                                         const wire::HandlerFactory& make_handler)
    : socket_(std::move(socket)),
      backend_({.device_features = kFeatureMountTag,
                .config = config_of_tag(tag),
                .max_chain_bytes = kMaxChainBytes},
               *this),
      requests_(backend_.ring(), poll_for),
      mailbox_(std::make_shared<Mailbox>()),
      handler_(make_handler(mailbox_)) {
}

VhostUserConnection::~VhostUserConnection() {
  // First the ring, so that what the handler drops goes nowhere.
  backend_.ring().abandon();
  handler_->reset();
}

Outcome<bool> VhostUserConnection::on_socket() {
  auto received = socket_.receive();
  if (!received) {
    if (received.error() == Errno{EPIPE} || received.error() == Errno{ECONNRESET}) {
      return false;
    }
    return failure(received.error(), "cannot read from the vhost-user front-end");
  }
  if (!received->has_value()) {
    return true;
  }
  const auto reply = TRY(backend_.handle(std::move(**received)));
  if (!reply.empty()) {
    const auto sent = socket_.send(reply);
    if (!sent && sent.error() != Errno{EPIPE}) {
      return failure(sent.error(), "cannot answer the vhost-user front-end");
    }
  }
  return true;
}

void VhostUserConnection::ring_restarted() {
  log::debug("the guest's driver has started anew");
  requests_.restart();
  handler_->reset();
}

void VhostUserConnection::ring_resumed() {
  requests_.resume();
}

}  // namespace nineroot::transport

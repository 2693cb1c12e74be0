#include "tests/support/served_tree.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cstring>
#include <stdexcept>

#include "session/session.h"
#include "tests/support/vmm_sequences.h"
#include "transport/stream_transport.h"
#include "transport/vhost_user_transport.h"

namespace nineroot::test {
namespace {

template <class T>
T must(Outcome<T> outcome) {
  if (!outcome) {
    throw std::runtime_error(outcome.error().text());
  }
  if constexpr (!std::is_void_v<T>) {
    return std::move(*outcome);
  }
}

UniqueFd connect_unix(const std::string& path) {
  UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path.c_str(), sizeof(address.sun_path) - 1);
  if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) < 0) {
    throw std::runtime_error("cannot connect to " + path);
  }
  return socket;
}

UniqueFd connect_tcp(std::uint16_t port) {
  UniqueFd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) < 0) {
    throw std::runtime_error("cannot connect to a TCP port");
  }
  return socket;
}

/// A port that was free a moment ago.
std::uint16_t free_port() {
  const UniqueFd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), size) < 0 ||
      ::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&address), &size) < 0) {
    throw std::runtime_error("no free TCP port");
  }
  return ntohs(address.sin_port);
}

/// Requests through a ring, cut as Linux cuts them: one descriptor each way.
class RingChannel : public Channel {
 public:
  explicit RingChannel(DriverSim& driver) : driver_(driver) {}

  std::vector<std::byte> call(std::span<const std::byte> request, std::size_t room) override {
    const std::size_t buffer = driver_.options().buffer_bytes;
    return driver_.call(request, std::min(room, buffer - request.size()));
  }

 private:
  DriverSim& driver_;
};

}  // namespace

struct ServedTree::Device {
  explicit Device(UniqueFd socket)
      : ram(ram_of(Vmm::qemu)),
        driver(ram, {.buffer_bytes = 0x40000}),
        frontend(std::move(socket)),
        vmm(Vmm::qemu, frontend, ram) {}

  GuestRam ram;
  DriverSim driver;
  FakeFrontend frontend;
  VmmSequence vmm;
};

std::string name_of(Carrier carrier) {
  switch (carrier) {
    case Carrier::unix_socket:
      return "unix";
    case Carrier::tcp:
      return "tcp";
    case Carrier::inherited_fd:
      return "fd";
    case Carrier::vhost_user:
      break;
  }
  return "vhost_user";
}

std::string name_of(fs::IdentityKind identity) {
  switch (identity) {
    case fs::IdentityKind::mapped_xattr:
      return "mapped_xattr";
    case fs::IdentityKind::mapped_file:
      return "mapped_file";
    case fs::IdentityKind::passthrough:
      return "passthrough";
    case fs::IdentityKind::none:
      break;
  }
  return "none";
}

ServedTree::ServedTree(ServedOptions options)
    : options_(options), stop_(::eventfd(0, EFD_CLOEXEC)) {
  if (options.prepare) {
    options.prepare(path());
  }
  UniqueFd root(::open(path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  tree_ = must(fs::Tree::open(std::move(root), {.identity = options.identity,
                                                .is_read_only = options.is_read_only,
                                                .id_map = must(fs::IdMap::parse(options.id_rules)),
                                                .multidevs = options.multidevs,
                                                .data_sets = options.data_sets,
                                                .fd_limit = options.fd_limit}));
  const wire::HandlerFactory factory = [this](std::shared_ptr<Mailbox> mailbox) {
    return std::make_unique<session::Session>(
        *tree_, pool_, std::move(mailbox),
        session::SessionOptions{.takes_host_locks = options_.takes_host_locks, .gate = &gate_});
  };
  if (options.carrier == Carrier::vhost_user) {
    start_vhost_user(factory);
  } else {
    start_stream(factory);
  }
  client_ = std::make_unique<Client9p>(*channel_);
  if (!client_->version() || !client_->attach(0, 0)) {
    throw std::runtime_error("cannot attach");
  }
}

ServedTree::~ServedTree() {
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto written = ::write(stop_.get(), &one, sizeof(one));
}

void ServedTree::start_stream(const wire::HandlerFactory& factory) {
  if (options_.carrier == Carrier::inherited_fd) {
    SocketPair pair = make_socket_pair();
    transport_ = must(transport::adopt_stream(std::move(pair.theirs), {}, factory));
    channel_ = std::make_unique<SocketChannel>(std::move(pair.ours));
  } else if (options_.carrier == Carrier::unix_socket) {
    address_ = (sockets_.path() / "9p").string();
    transport_ = must(transport::listen_stream("unix:" + address_, {}, factory));
  } else {
    const std::uint16_t port = free_port();
    address_ = std::to_string(port);
    transport_ = must(transport::listen_stream("tcp:127.0.0.1:" + address_, {}, factory));
  }
  thread_ = std::jthread([this] { must(transport_->run(stop_.get())); });
  if (!channel_) {
    channel_ = connect();
  }
}

std::unique_ptr<SocketChannel> ServedTree::connect() {
  UniqueFd socket = options_.carrier == Carrier::tcp
                        ? connect_tcp(static_cast<std::uint16_t>(std::stoi(address_)))
                        : connect_unix(address_);
  return std::make_unique<SocketChannel>(std::move(socket));
}

void ServedTree::start_vhost_user(const wire::HandlerFactory& factory) {
  SocketPair pair = make_socket_pair();
  transport_ =
      must(transport::VhostUserTransport::adopt(std::move(pair.theirs), {.tag = "root"}, factory));
  thread_ = std::jthread([this] { must(transport_->run(stop_.get())); });
  device_ = std::make_unique<Device>(std::move(pair.ours));
  device_->vmm.connect();
  device_->vmm.start(device_->driver, 0);
  channel_ = std::make_unique<RingChannel>(device_->driver);
}

}  // namespace nineroot::test

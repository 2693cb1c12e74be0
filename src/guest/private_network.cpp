#include "guest/private_network.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cstring>

#include "guest/read_text.h"

namespace nineroot::guest {
namespace {

constexpr const char* kCardAddress = "52:54:00:39:50:01";
constexpr const char* kOwnAddress = "10.0.2.15";
constexpr const char* kNetmask = "255.255.255.0";
constexpr const char* kServerAddress = "10.0.2.100";
constexpr std::uint16_t kServerPort = 564;
constexpr int kPatienceTenths = 100;
constexpr time_t kConnectSeconds = 30;

std::string find_card() {
  for (int tenths = 0; tenths < kPatienceTenths; ++tenths) {
    for (const std::string& name : names_in("/sys/class/net")) {
      const Result<std::string> address = read_text("/sys/class/net/" + name + "/address");
      if (address && address->starts_with(kCardAddress)) {
        return name;
      }
    }
    usleep(100'000);
  }
  return "";
}

// RTM_NEWLINK with IFLA_NET_NS_FD: what `ip link set NAME netns FD` sends.
struct MoveRequest {
  nlmsghdr header{};
  ifinfomsg link{};
  rtattr attribute{};
  std::uint32_t ns = 0;
};

struct MoveReply {
  nlmsghdr header{};
  nlmsgerr error{};
};

Result<void> move_card(const std::string& name, int ns) {
  MoveRequest request;
  request.header.nlmsg_len = sizeof(request);
  request.header.nlmsg_type = RTM_NEWLINK;
  request.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
  request.link.ifi_index = static_cast<int>(if_nametoindex(name.c_str()));
  request.attribute.rta_len = RTA_LENGTH(sizeof(request.ns));
  request.attribute.rta_type = IFLA_NET_NS_FD;
  request.ns = static_cast<std::uint32_t>(ns);
  const UniqueFd netlink(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE));
  if (!netlink.is_open() || send(netlink.get(), &request, sizeof(request), 0) < 0) {
    return fail_errno();
  }
  MoveReply reply;
  const ssize_t got = recv(netlink.get(), &reply, sizeof(reply), MSG_TRUNC);
  if (got < 0) {
    return fail_errno();
  }
  if (static_cast<std::size_t>(got) < sizeof(reply) || reply.header.nlmsg_type != NLMSG_ERROR) {
    return fail(EPROTO);
  }
  return reply.error.error == 0 ? Result<void>() : fail(-reply.error.error);
}

sockaddr_in ipv4(const char* text, std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  inet_pton(AF_INET, text, &address.sin_addr);
  return address;
}

Result<void> bring_up(int any_socket, const std::string& name) {
  ifreq request{};
  name.copy(static_cast<char*>(request.ifr_name), IFNAMSIZ - 1);
  const sockaddr_in address = ipv4(kOwnAddress, 0);
  std::memcpy(&request.ifr_addr, &address, sizeof(address));
  if (ioctl(any_socket, SIOCSIFADDR, &request) != 0) {
    return fail_errno();
  }
  const sockaddr_in mask = ipv4(kNetmask, 0);
  std::memcpy(&request.ifr_netmask, &mask, sizeof(mask));
  if (ioctl(any_socket, SIOCSIFNETMASK, &request) != 0) {
    return fail_errno();
  }
  request.ifr_flags = IFF_UP | IFF_RUNNING;
  if (ioctl(any_socket, SIOCSIFFLAGS, &request) != 0) {
    return fail_errno();
  }
  return {};
}

Or<UniqueFd> connect_through(const std::string& card) {
  UniqueFd stream(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!stream.is_open()) {
    return std::unexpected("cannot make a socket: " + error_text(errno));
  }
  if (const Result<void> up = bring_up(stream.get(), card); !up) {
    return std::unexpected("cannot configure the network card " + card + ": " +
                           error_text(code(up.error())));
  }
  const int on = 1;
  setsockopt(stream.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  const timeval patience{.tv_sec = kConnectSeconds, .tv_usec = 0};
  setsockopt(stream.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
  const sockaddr_in server = ipv4(kServerAddress, kServerPort);
  sockaddr any{};
  static_assert(sizeof(any) == sizeof(server));
  std::memcpy(&any, &server, sizeof(server));
  if (connect(stream.get(), &any, sizeof(any)) != 0) {
    return std::unexpected(std::string("cannot connect to the 9P server at ") + kServerAddress +
                           ": " + error_text(errno == EINPROGRESS ? ETIMEDOUT : errno));
  }
  const timeval never{};
  setsockopt(stream.get(), SOL_SOCKET, SO_SNDTIMEO, &never, sizeof(never));
  return stream;
}

}  // namespace

Or<UniqueFd> connect_to_server() {
  const std::string card = find_card();
  if (card.empty()) {
    return std::unexpected(std::string("there is no network card with the address ") +
                           kCardAddress + " to reach the 9P server");
  }
  const char* path = "/proc/self/ns/net";
  const UniqueFd ours(open(path, O_RDONLY | O_CLOEXEC));
  if (!ours.is_open() || unshare(CLONE_NEWNET) != 0) {
    return std::unexpected("cannot make a network namespace: " + error_text(errno));
  }
  const UniqueFd fresh(open(path, O_RDONLY | O_CLOEXEC));
  if (!fresh.is_open() || setns(ours.get(), CLONE_NEWNET) != 0) {
    return std::unexpected("cannot leave the network namespace: " + error_text(errno));
  }
  if (const Result<void> moved = move_card(card, fresh.get()); !moved) {
    return std::unexpected("cannot move the network card " + card +
                           " into its namespace: " + error_text(code(moved.error())));
  }
  if (setns(fresh.get(), CLONE_NEWNET) != 0) {
    return std::unexpected("cannot enter the network namespace: " + error_text(errno));
  }
  Or<UniqueFd> stream = connect_through(card);
  if (setns(ours.get(), CLONE_NEWNET) != 0) {
    return std::unexpected("cannot leave the network namespace: " + error_text(errno));
  }
  return stream;
}

}  // namespace nineroot::guest

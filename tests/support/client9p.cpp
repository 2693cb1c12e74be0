#include "tests/support/client9p.h"

#include <sys/socket.h>

#include <cerrno>
#include <stdexcept>

namespace nineroot::test {
namespace {

constexpr std::size_t kReplyRoom = 1U << 20U;

void send_all(int socket, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t size = ::send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (size <= 0) {
      throw std::runtime_error("the server has hung up");
    }
    bytes = bytes.subspan(static_cast<std::size_t>(size));
  }
}

void receive_all(int socket, std::span<std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t size = ::recv(socket, bytes.data(), bytes.size(), 0);
    if (size <= 0) {
      throw std::runtime_error("the server has hung up");
    }
    bytes = bytes.subspan(static_cast<std::size_t>(size));
  }
}

Result<void> without_body(const auto& reply) {
  if (!reply) {
    return std::unexpected(reply.error());
  }
  return {};
}

}  // namespace

void SocketChannel::send(std::span<const std::byte> request) {
  send_all(socket_.get(), request);
}

std::vector<std::byte> SocketChannel::receive() {
  std::vector<std::byte> reply(wire::kHeaderSize);
  receive_all(socket_.get(), reply);
  const std::size_t size = wire::read_header(reply).size;
  if (size < wire::kHeaderSize || size > kReplyRoom) {
    throw std::runtime_error("a reply of impossible size");
  }
  reply.resize(size);
  receive_all(socket_.get(), std::span(reply).subspan(wire::kHeaderSize));
  return reply;
}

std::vector<std::byte> SocketChannel::call(std::span<const std::byte> request,
                                           std::size_t /*room*/) {
  send(request);
  return receive();
}

void Client9p::throw_malformed() {
  throw std::runtime_error("a reply does not decode");
}

Result<std::span<const std::byte>> Client9p::call(std::span<const std::byte> request,
                                                  wire::MsgType expected) {
  last_ = channel_.call(request, kReplyRoom);
  const wire::Header header = wire::read_header(last_);
  if (last_.size() < wire::kHeaderSize || header.size != last_.size() ||
      header.tag != wire::read_header(request).tag) {
    throw_malformed();
  }
  const auto body = std::span<const std::byte>(last_).subspan(wire::kHeaderSize);
  if (header.type == static_cast<std::uint8_t>(wire::MsgType::Rlerror)) {
    const auto error = wire::decode_body<wire::Rlerror>(body);
    if (!error || error->ecode == 0) {
      throw_malformed();
    }
    return fail(static_cast<int>(error->ecode));
  }
  if (header.type != static_cast<std::uint8_t>(expected)) {
    throw_malformed();
  }
  return body;
}

Result<void> Client9p::send_raw(std::span<const std::byte> request) {
  last_ = channel_.call(request, kReplyRoom);
  const wire::Header header = wire::read_header(last_);
  if (header.type == static_cast<std::uint8_t>(wire::MsgType::Rlerror)) {
    const auto error =
        wire::decode_body<wire::Rlerror>(std::span(last_).subspan(wire::kHeaderSize));
    return fail(static_cast<int>(error->ecode));
  }
  return {};
}

Result<wire::Rversion> Client9p::version(std::uint32_t msize) {
  return ask<wire::Rversion>(wire::Tversion{.msize = msize, .version = "9P2000.L"});
}

Result<wire::Rattach> Client9p::attach(std::uint32_t fid, std::uint32_t uid,
                                       std::string_view aname) {
  return ask<wire::Rattach>(
      wire::Tattach{.fid = fid, .afid = wire::kNoFid, .uname = "", .aname = aname, .n_uname = uid});
}

Result<wire::Rwalk> Client9p::walk(std::uint32_t fid, std::uint32_t newfid,
                                   const std::vector<std::string_view>& names) {
  wire::Twalk walk{.fid = fid, .newfid = newfid, .nwname = 0, .wname = {}};
  for (const std::string_view name : names) {
    walk.wname.at(walk.nwname++) = name;
  }
  return ask<wire::Rwalk>(walk);
}

Result<void> Client9p::clunk(std::uint32_t fid) {
  return without_body(ask<wire::Rclunk>(wire::Tclunk{.fid = fid}));
}

Result<wire::Rlopen> Client9p::open(std::uint32_t fid, std::uint32_t flags) {
  return ask<wire::Rlopen>(wire::Tlopen{.fid = fid, .flags = flags});
}

Result<wire::Rlcreate> Client9p::create(std::uint32_t dir, std::uint32_t fid, std::string_view name,
                                        std::uint32_t flags, std::uint32_t mode,
                                        std::uint32_t gid) {
  TRY(walk(dir, fid));
  return ask<wire::Rlcreate>(
      wire::Tlcreate{.fid = fid, .name = name, .flags = flags, .mode = mode, .gid = gid});
}

Result<std::string> Client9p::read(std::uint32_t fid, std::uint64_t offset, std::uint32_t count) {
  std::vector<std::byte> request(64);
  const std::size_t size =
      wire::encode(kTag, wire::Tread{.fid = fid, .offset = offset, .count = count}, request);
  const auto body = TRY(call(std::span(request).first(size), wire::MsgType::Rread));
  if (body.size() < 4) {
    throw_malformed();
  }
  return std::string(reinterpret_cast<const char*>(body.data()) + 4, body.size() - 4);
}

Result<std::uint32_t> Client9p::write(std::uint32_t fid, std::uint64_t offset,
                                      std::string_view data) {
  const auto reply = TRY(ask<wire::Rwrite>(
      wire::Twrite{.fid = fid, .offset = offset, .count = static_cast<std::uint32_t>(data.size())},
      std::as_bytes(std::span(data))));
  return reply.count;
}

Result<wire::Rgetattr> Client9p::getattr(std::uint32_t fid, std::uint64_t mask) {
  return ask<wire::Rgetattr>(wire::Tgetattr{.fid = fid, .request_mask = mask});
}

Result<std::vector<Entry>> Client9p::readdir(std::uint32_t fid, std::uint64_t offset,
                                             std::uint32_t count) {
  std::vector<std::byte> request(64);
  const std::size_t size =
      wire::encode(kTag, wire::Treaddir{.fid = fid, .offset = offset, .count = count}, request);
  auto body = TRY(call(std::span(request).first(size), wire::MsgType::Rreaddir));
  std::vector<Entry> entries;
  for (body = body.subspan(4); !body.empty();) {
    wire::Dirent dirent;
    wire::Reader reader(body);
    reader(dirent);
    if (reader.is_short()) {
      throw_malformed();
    }
    entries.push_back({.qid = dirent.qid,
                       .offset = dirent.offset,
                       .type = dirent.type,
                       .name = std::string(dirent.name)});
    body = body.subspan(24 + dirent.name.size());
  }
  return entries;
}

Result<std::string> Client9p::readlink(std::uint32_t fid) {
  const auto reply = TRY(ask<wire::Rreadlink>(wire::Treadlink{.fid = fid}));
  return std::string(reply.target);
}

Result<void> Client9p::unlink(std::uint32_t dir, std::string_view name, std::uint32_t flags) {
  return without_body(
      ask<wire::Runlinkat>(wire::Tunlinkat{.dirfd = dir, .name = name, .flags = flags}));
}

Result<void> Client9p::rename(std::uint32_t dir, std::string_view name, std::uint32_t new_dir,
                              std::string_view new_name) {
  return without_body(ask<wire::Rrenameat>(wire::Trenameat{
      .olddirfid = dir, .oldname = name, .newdirfid = new_dir, .newname = new_name}));
}

Result<void> Client9p::chmod(std::uint32_t fid, std::uint32_t mode) {
  wire::Tsetattr change;
  change.fid = fid;
  change.valid = wire::kSetMode | wire::kSetCtime;
  change.mode = mode;
  return without_body(ask<wire::Rsetattr>(change));
}

Result<void> Client9p::truncate(std::uint32_t fid, std::uint64_t size) {
  wire::Tsetattr change;
  change.fid = fid;
  change.valid = wire::kSetSize | wire::kSetCtime | wire::kSetMtime;
  change.size = size;
  return without_body(ask<wire::Rsetattr>(change));
}

Result<std::string> Client9p::get_xattr(std::uint32_t fid, std::uint32_t scratch,
                                        std::string_view name) {
  const auto walked =
      TRY(ask<wire::Rxattrwalk>(wire::Txattrwalk{.fid = fid, .newfid = scratch, .name = name}));
  std::string value = TRY(read(scratch, 0, static_cast<std::uint32_t>(walked.size)));
  TRY(clunk(scratch));
  return value;
}

Result<void> Client9p::set_xattr(std::uint32_t fid, std::uint32_t scratch, std::string_view name,
                                 std::string_view value, std::uint32_t flags) {
  TRY(walk(fid, scratch));
  TRY(ask<wire::Rxattrcreate>(
      wire::Txattrcreate{.fid = scratch, .name = name, .attr_size = value.size(), .flags = flags}));
  if (!value.empty()) {
    TRY(write(scratch, 0, value));
  }
  return clunk(scratch);
}

}  // namespace nineroot::test

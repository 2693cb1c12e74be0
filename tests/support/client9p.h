// A 9P2000.L client for tests: messages out, replies in, over any channel.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "wire/codec.h"
#include "wire/messages.h"

namespace nineroot::test {

/// Carries whole messages.  Throws std::runtime_error when the other side has gone.
class Channel {
 public:
  virtual ~Channel() = default;

  /// `room` is the most that the reply may have.
  virtual std::vector<std::byte> call(std::span<const std::byte> request, std::size_t room) = 0;
};

/// A connected stream socket.
class SocketChannel : public Channel {
 public:
  explicit SocketChannel(UniqueFd socket) : socket_(std::move(socket)) {}

  std::vector<std::byte> call(std::span<const std::byte> request, std::size_t room) override;

  void send(std::span<const std::byte> request);
  std::vector<std::byte> receive();

 private:
  UniqueFd socket_;
};

struct Entry {
  wire::Qid qid;
  std::uint64_t offset = 0;
  std::uint8_t type = 0;
  std::string name;
};

/// Blocking; one request at a time.  Strings in replies are good until the next request.
class Client9p {
 public:
  explicit Client9p(Channel& channel) : channel_(channel) {}

  /// Sends a message and decodes its reply; Rlerror becomes the error.  A reply of another type or
  /// tag, or one that does not decode, throws std::runtime_error.
  template <class Reply, class Message>
  Result<Reply> ask(const Message& message, std::span<const std::byte> data = {}) {
    std::vector<std::byte> request(kRequestRoom + data.size());
    std::size_t size = wire::encode(kTag, message, request);
    std::copy(data.begin(), data.end(), request.begin() + static_cast<std::ptrdiff_t>(size));
    size += data.size();
    wire::Writer size_field(request);
    size_field(static_cast<std::uint32_t>(size));
    return decode<Reply>(std::span(request).first(size));
  }

  /// Sends these bytes as they are; returns the error of an Rlerror, or nothing.
  Result<void> send_raw(std::span<const std::byte> request);

  Result<wire::Rversion> version(std::uint32_t msize = 65536 + 24);
  Result<wire::Rattach> attach(std::uint32_t fid, std::uint32_t uid, std::string_view aname = "");
  Result<wire::Rwalk> walk(std::uint32_t fid, std::uint32_t newfid,
                           const std::vector<std::string_view>& names = {});
  Result<void> clunk(std::uint32_t fid);
  Result<wire::Rlopen> open(std::uint32_t fid, std::uint32_t flags);
  /// Clones `dir` to `fid`, then creates: as Linux does.
  Result<wire::Rlcreate> create(std::uint32_t dir, std::uint32_t fid, std::string_view name,
                                std::uint32_t flags, std::uint32_t mode, std::uint32_t gid);
  Result<std::string> read(std::uint32_t fid, std::uint64_t offset, std::uint32_t count);
  Result<std::uint32_t> write(std::uint32_t fid, std::uint64_t offset, std::string_view data);
  Result<wire::Rgetattr> getattr(std::uint32_t fid, std::uint64_t mask = wire::kGetattrAll);
  Result<std::vector<Entry>> readdir(std::uint32_t fid, std::uint64_t offset, std::uint32_t count);
  Result<std::string> readlink(std::uint32_t fid);
  Result<void> unlink(std::uint32_t dir, std::string_view name, std::uint32_t flags = 0);
  Result<void> rename(std::uint32_t dir, std::string_view name, std::uint32_t new_dir,
                      std::string_view new_name);
  Result<void> chmod(std::uint32_t fid, std::uint32_t mode);
  Result<void> truncate(std::uint32_t fid, std::uint64_t size);
  /// Through `scratch`, a fid number that is free.
  Result<std::string> get_xattr(std::uint32_t fid, std::uint32_t scratch, std::string_view name);
  Result<void> set_xattr(std::uint32_t fid, std::uint32_t scratch, std::string_view name,
                         std::string_view value, std::uint32_t flags = 0);

 private:
  static constexpr std::uint16_t kTag = 1;
  static constexpr std::size_t kRequestRoom = 80000;

  /// The reply's body behind the header; the buffer stays in last_.
  Result<std::span<const std::byte>> call(std::span<const std::byte> request,
                                          wire::MsgType expected);

  template <class Reply>
  Result<Reply> decode(std::span<const std::byte> request) {
    const auto body = TRY(call(request, Reply::kType));
    const auto reply = wire::decode_body<Reply>(body);
    if (!reply) {
      throw_malformed();
    }
    return *reply;
  }

  [[noreturn]] static void throw_malformed();

  Channel& channel_;
  std::vector<std::byte> last_;
};

}  // namespace nineroot::test

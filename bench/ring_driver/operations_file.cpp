// Operations on attributes and contents.
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "bench/ring_driver/operations.h"
#include "bench/ring_driver/requests.h"

namespace nineroot::bench {
namespace {

Operation look_for_capability() {
  return {.name = "xattrwalk security.capability",
          .prepare = hold_files,
          .request =
              [](unsigned i, std::span<std::byte> room) {
                Request request = Client::plain(
                    wire::Txattrwalk{
                        .fid = kFirst + i, .newfid = kSecond + i, .name = "security.capability"},
                    room, ENODATA);
                request.other_error = EOPNOTSUPP;  // QEMU's.
                return request;
              },
          .clean = drop_files,
          .bare_prepare = keep_files,
          .bare = [](BareCalls& calls, unsigned i) { (void)calls.get_capability(calls.kept(i)); },
          .bare_clean = close_files};
}

Operation set_mode() {
  return {.name = "setattr mode",
          .prepare = hold_files,
          .request =
              [](unsigned i, std::span<std::byte> room) {
                return Client::plain(
                    wire::Tsetattr{.fid = kFirst + i, .valid = wire::kSetMode, .mode = 0600}, room);
              },
          .clean = drop_files,
          .bare_prepare = keep_files,
          .bare = [](BareCalls& calls, unsigned i) { calls.set_mode_record(calls.kept(i)); },
          .bare_clean = close_files};
}

MakeRequest reading(std::size_t size) {
  return [size](unsigned, std::span<std::byte> room) {
    Request request = Client::plain(
        wire::Tread{.fid = kReader, .offset = 0, .count = static_cast<std::uint32_t>(size)}, room);
    request.payload = Payload::in_reply;
    request.payload_size = size;
    return request;
  };
}

MakeRequest writing(std::size_t size) {
  return [size](unsigned, std::span<std::byte> room) {
    Request request = Client::plain(
        wire::Twrite{.fid = kWriter, .offset = 0, .count = static_cast<std::uint32_t>(size)}, room);
    request.payload = Payload::in_request;
    request.payload_size = size;
    return request;
  };
}

}  // namespace

std::vector<Operation> attributes() {
  return {look_for_capability(), set_mode()};
}

std::vector<Operation> contents() {
  const auto plain = [](std::string name, MakeRequest request,
                        std::function<void(BareCalls&, unsigned)> bare, unsigned count) {
    return Operation{.name = std::move(name),
                     .prepare = {},
                     .request = std::move(request),
                     .clean = {},
                     .bare_prepare = {},
                     .bare = std::move(bare),
                     .bare_clean = {},
                     .count = count};
  };
  constexpr unsigned kLargeCount = 200;
  return {
      {.name = "open",
       .prepare = hold_files,
       .request =
           [](unsigned i, std::span<std::byte> room) {
             return Client::plain(wire::Tlopen{.fid = kFirst + i, .flags = O_RDONLY}, room);
           },
       .clean = drop_files,
       .bare_prepare = keep_files,
       .bare =
           [](BareCalls& calls, unsigned i) {
             const int path = calls.kept(i);
             calls.keep(i, calls.reopen(path));
             ::close(path);
           },
       .bare_clean = close_files},
      plain(
          "read of 4 KiB", reading(kPage), [](BareCalls& calls, unsigned) { calls.read(kPage); },
          kFiles),
      plain(
          "read of msize", reading(kLargePayload),
          [](BareCalls& calls, unsigned) { calls.read(kLargePayload); }, kLargeCount),
      plain(
          "write of 4 KiB", writing(kPage), [](BareCalls& calls, unsigned) { calls.write(kPage); },
          kFiles),
      plain(
          "write of msize", writing(kLargePayload),
          [](BareCalls& calls, unsigned) { calls.write(kLargePayload); }, kLargeCount),
      plain(
          "readdir of 100 entries",
          [](unsigned, std::span<std::byte> room) {
            Request request = Client::plain(
                wire::Treaddir{.fid = kLister, .offset = 0, .count = 8 * kPage}, room);
            request.payload = Payload::in_reply;
            request.payload_size = 8 * kPage;
            return request;
          },
          [](BareCalls& calls, unsigned) { (void)calls.list(); }, kLargeCount),
  };
}

}  // namespace nineroot::bench

// Bytes as the body of each message: what decodes encodes to the same bytes again.
// The first byte chooses the message, by its number.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <vector>

#include "wire/codec.h"
#include "wire/messages.h"

using namespace nineroot::wire;

namespace {

template <class Message>
void check(std::uint8_t type, std::span<const std::byte> body) {
  if (type != static_cast<std::uint8_t>(Message::kType)) {
    return;
  }
  const auto message = decode_body<Message>(body);
  if (!message) {
    return;
  }
  if constexpr (requires { message->is_too_long(); }) {
    if (message->is_too_long()) {
      return;
    }
  }
  std::vector<std::byte> again(kHeaderSize + body.size());
  if (encode(1, *message, again) != again.size() ||
      !std::ranges::equal(std::span(again).subspan(kHeaderSize), body)) {
    std::abort();
  }
}

template <class... Messages>
void check_all(std::uint8_t type, std::span<const std::byte> body) {
  (check<Messages>(type, body), ...);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) {
    return 0;
  }
  check_all<Tversion, Rversion, Tattach, Rattach, Tflush, Twalk, Rwalk, Tclunk, Tremove, Tstatfs,
            Rstatfs, Tgetattr, Rgetattr, Tsetattr, Txattrwalk, Rxattrwalk, Txattrcreate, Tlopen,
            Rlopen, Tlcreate, Rlcreate, Tread, Twrite, Rwrite, Treaddir, Tfsync, Tlock, Rlock,
            Tgetlock, Rgetlock, Tsymlink, Rsymlink, Tmknod, Rmknod, Tmkdir, Rmkdir, Tlink, Trename,
            Trenameat, Tunlinkat, Treadlink, Rreadlink>(
      data[0], std::as_bytes(std::span(data + 1, size - 1)));
  return 0;
}

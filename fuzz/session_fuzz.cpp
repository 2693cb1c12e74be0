// A sequence of messages against a session on a real directory tree.
// Input: identity[1], then messages of type[1] length[1] body[length]; sizes and tags are added
// here, so that most messages get as far as their handler.  Held: each request is answered exactly
// once, with its own tag and the size that the reply says; nothing outside the tree changes.
#include <fcntl.h>
#include <poll.h>

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <span>
#include <vector>

#include "fs/tree.h"
#include "session/session.h"
#include "wire/codec.h"

using namespace nineroot;

namespace {

constexpr std::uint32_t kMsize = 8192;

void require(bool is_true) {
  if (!is_true) {
    std::abort();
  }
}

/// A directory with a file beside the tree, which no message may reach.
class Place {
 public:
  Place() {
    std::string name = (std::filesystem::temp_directory_path() / "session_fuzz.XXXXXX").string();
    require(::mkdtemp(name.data()) != nullptr);
    directory_ = name;
    std::filesystem::create_directory(root());
    std::ofstream(directory_ / "secret") << "secret";
  }

  ~Place() { std::filesystem::remove_all(directory_); }

  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;

  [[nodiscard]] std::filesystem::path root() const { return directory_ / "root"; }

  [[nodiscard]] bool is_untouched() const {
    std::string text;
    std::ifstream(directory_ / "secret") >> text;
    const auto entries = std::distance(std::filesystem::directory_iterator(directory_), {});
    return text == "secret" && entries == 2;
  }

  void empty() const {
    for (const auto& entry : std::filesystem::directory_iterator(root())) {
      std::filesystem::remove_all(entry.path());
    }
  }

 private:
  std::filesystem::path directory_;
};

/// Plays the transport: owns the memory of each request until it is answered.
class Transport : public wire::ReplySink {
 public:
  void send(wire::Handler& handler, std::uint8_t type, std::span<const std::byte> body) {
    const std::uint64_t slot = ++last_slot_;
    Request& request = requests_[slot];
    request.tag = static_cast<std::uint16_t>(slot);
    request.message.resize(wire::kHeaderSize + body.size());
    wire::Writer header(request.message);
    header(static_cast<std::uint32_t>(request.message.size()));
    header(type);
    header(request.tag);
    std::ranges::copy(body, request.message.begin() + wire::kHeaderSize);
    request.reply.resize(kMsize);
    handler.handle(
        wire::Exchange(*this, slot, request.tag, IoVecs(request.message), IoVecs(request.reply)));
  }

  void finish_in_place(std::uint64_t slot, std::size_t size) override {
    require(requests_.contains(slot));
    end(slot, std::span(requests_[slot].reply).first(size));
  }

  void finish(std::uint64_t slot, std::span<const std::byte> reply) override { end(slot, reply); }

  [[nodiscard]] bool is_waiting() const { return !requests_.empty(); }

 private:
  struct Request {
    std::uint16_t tag = 0;
    std::vector<std::byte> message;
    std::vector<std::byte> reply;
  };

  void end(std::uint64_t slot, std::span<const std::byte> reply) {
    const auto found = requests_.find(slot);
    require(found != requests_.end());
    if (!reply.empty()) {
      const wire::Header header = wire::read_header(reply);
      require(reply.size() >= wire::kHeaderSize && header.size == reply.size());
      require(header.tag == found->second.tag);
    }
    requests_.erase(found);
  }

  std::map<std::uint64_t, Request> requests_;
  std::uint64_t last_slot_ = 0;
};

template <class Message>
void send(Transport& transport, wire::Handler& handler, const Message& message) {
  std::byte bytes[256];
  const std::size_t size = wire::encode(0, message, bytes);
  transport.send(handler, static_cast<std::uint8_t>(Message::kType),
                 std::span(bytes).first(size).subspan(wire::kHeaderSize));
}

void run(fs::Tree& tree, WorkerPool& pool, std::span<const std::byte> input) {
  const auto mailbox = std::make_shared<Mailbox>();
  Transport transport;
  session::Session session(tree, pool, mailbox, {.max_msize = kMsize});
  send(transport, session, wire::Tversion{.msize = kMsize, .version = "9P2000.L"});
  send(transport, session,
       wire::Tattach{.fid = 0, .afid = wire::kNoFid, .uname = "", .aname = "", .n_uname = 0});
  while (input.size() >= 2 && !session.is_full()) {
    const auto type = static_cast<std::uint8_t>(input[0]);
    const std::size_t size =
        std::min<std::size_t>(std::to_integer<std::size_t>(input[1]), input.size() - 2);
    transport.send(session, type, input.subspan(2, size));
    input = input.subspan(2 + size);
    mailbox->run();
  }
  while (transport.is_waiting()) {
    pollfd waiting{.fd = mailbox->fd(), .events = POLLIN, .revents = 0};
    if (::poll(&waiting, 1, -1) == 1) {  // Else libFuzzer's alarm clock rang.
      mailbox->run();
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const Place place;
  if (size == 0) {
    return 0;
  }
  const auto identity =
      data[0] % 2 == 0 ? fs::IdentityKind::mapped_xattr : fs::IdentityKind::mapped_file;
  // Changes the working directory, so the tree is opened by a path from the root.
  UniqueFd root(::open(place.root().c_str(), O_PATH | O_DIRECTORY));
  auto tree = fs::Tree::open(std::move(root), {.identity = identity});
  require(tree.has_value());
  {
    WorkerPool pool(1);
    run(**tree, pool, std::as_bytes(std::span(data + 1, size - 1)));
  }
  require(place.is_untouched());
  place.empty();
  return 0;
}

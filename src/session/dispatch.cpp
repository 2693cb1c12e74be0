#include "session/dispatch.h"

#include <array>
#include <type_traits>

#include "session/reply.h"

namespace nineroot::session {

template <class Message>
auto Dispatch::answer_to(Session& session, const Message& message) {
  using Reply = decltype(session.on(message));
  if (!session.herald_.is_here()) {
    return session.on(message);
  }
  if (const std::optional<Reply> answer = session.herald_.answer(message)) {
    return *answer;
  }
  const Reply answer = session.on(message);
  if (answer) {
    session.herald_.note(message);
  }
  return answer;
}

namespace {

/// Whether to try once more: out of descriptors, some of which the tree could close.  A call that
/// fails so has done nothing.
bool has_made_room(Errno error, fs::Tree& tree) {
  return (error == Errno{EMFILE} || error == Errno{ENFILE}) && tree.make_room();
}

/// These let go of their fid whatever happens.
template <class Message>
constexpr bool kEndsFid =
    std::is_same_v<Message, wire::Tclunk> || std::is_same_v<Message, wire::Tremove>;

}  // namespace

template <class Message>
void Dispatch::simple(Session& session, wire::Exchange& exchange, std::span<const std::byte> body) {
  const auto message = wire::decode_body<Message>(body);
  if (!message) {
    return session.reply_error(exchange, Errno{EPROTO});
  }
  auto answer = answer_to(session, *message);
  if constexpr (!kEndsFid<Message>) {
    if (!answer && has_made_room(answer.error(), session.tree_)) {
      answer = answer_to(session, *message);
    }
  }
  if (!answer) {
    return session.reply_error(exchange, answer.error());
  }
  session.reply(exchange, *answer);
}

template <class Message, Result<void> (Session::*handler)(wire::Exchange&, const Message&)>
void Dispatch::direct(Session& session, wire::Exchange& exchange, std::span<const std::byte> body) {
  const auto message = wire::decode_body<Message>(body);
  if (!message) {
    return session.reply_error(exchange, Errno{EPROTO});
  }
  auto done = (session.*handler)(exchange, *message);
  if (!done && has_made_room(done.error(), session.tree_)) {
    done = (session.*handler)(exchange, *message);
  }
  if (!done) {
    session.reply_error(exchange, done.error());
  }
}

struct Dispatch::Table {
  std::array<Answer, 256> answers{};

  constexpr Answer& of(wire::MsgType type) { return answers[static_cast<std::uint8_t>(type)]; }

  template <class... Messages>
  constexpr void add_simple() {
    ((of(Messages::kType) = &simple<Messages>), ...);
  }

  static constexpr Table make() {
    using namespace wire;
    Table table;
    table.add_simple<Tattach, Twalk, Tclunk, Tremove, Tlopen, Tlcreate, Tlock, Tgetlock, Tsymlink,
                     Tmknod, Tmkdir, Tlink, Trename, Trenameat, Tunlinkat, Treadlink, Tstatfs,
                     Tgetattr, Tsetattr, Txattrwalk, Txattrcreate>();
    table.of(MsgType::Tversion) = &direct<Tversion, &Session::on_version>;
    table.of(MsgType::Tflush) = &direct<Tflush, &Session::on_flush>;
    table.of(MsgType::Tread) = &direct<Tread, &Session::on_read>;
    table.of(MsgType::Twrite) = &direct<Twrite, &Session::on_write>;
    table.of(MsgType::Treaddir) = &direct<Treaddir, &Session::on_readdir>;
    table.of(MsgType::Tfsync) = &direct<Tfsync, &Session::on_fsync>;
    return table;
  }
};

void Dispatch::run(Session& session, wire::Exchange& exchange, std::uint8_t type,
                   std::span<const std::byte> body) {
  static constexpr Table kTable = Table::make();
  const Answer answer = kTable.answers[type];
  if (answer == nullptr) {
    return session.reply_error(exchange, Errno{EOPNOTSUPP});
  }
  if (session.msize_ == 0 && type != static_cast<std::uint8_t>(wire::MsgType::Tversion)) {
    return session.reply_error(exchange, Errno{EPROTO});
  }
  answer(session, exchange, body);
}

}  // namespace nineroot::session

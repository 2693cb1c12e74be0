// What the host and the agent in the guest say to each other, and nothing of how it is carried.
// The host begins with Hello and a session number of its choice; the agent answers with the same
// number, and what belongs to a former session is void.  An agent that has just started says Hello
// with the number 0, which asks the host for a new session.
// Pure: no system calls.  Either end treats the other as hostile.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <variant>
#include <vector>

namespace nineroot::agent {

inline constexpr std::uint32_t kProtocolVersion = 1;

/// The name of the virtio-serial port.
inline constexpr std::string_view kPortName = "org.nineroot.agent";

/// Each stream of a command begins with this credit in bytes; its sender may not have more under
/// way than was granted.  So a stuck stream costs this much memory and holds up nothing else.
inline constexpr std::uint32_t kWindow = 64 * 1024;

/// The most bytes in one Input or Output.
inline constexpr std::size_t kMaxData = 16 * 1024;

/// The most commands that an agent runs at once.
inline constexpr std::size_t kMaxCommands = 64;

enum class Stream : std::uint8_t { input = 0, output = 1, error = 2 };

/// Both ways.
struct Hello {
  std::uint32_t version = kProtocolVersion;
  std::uint64_t session = 0;
  std::string boot_id;  ///< From the agent: /proc/sys/kernel/random/boot_id.

  template <class Self>
  static auto fields(Self& self) {
    return std::tie(self.version, self.session, self.boot_id);
  }
};

/// To the agent: start the command with this number.
struct Execute {
  std::vector<std::string> argv;
  std::vector<std::string> environment;  ///< NAME=VALUE.
  std::string directory;
  std::string user;  ///< Name or number; empty: root.
  bool wants_tty = false;
  bool waits_for_boot = false;
  std::uint16_t rows = 0;
  std::uint16_t columns = 0;

  template <class Self>
  static auto fields(Self& self) {
    return std::tie(self.argv, self.environment, self.directory, self.user, self.wants_tty,
                    self.waits_for_boot, self.rows, self.columns);
  }
};

/// To the agent: bytes of standard input.
struct Input {
  std::string bytes;

  template <class Self>
  static auto fields(Self& self) {
    return std::tie(self.bytes);
  }
};

/// To the agent: standard input has ended.
struct EndOfInput {
  template <class Self>
  static auto fields(Self&) {
    return std::tuple<>();
  }
};

/// To the sender of a stream: it may send that many bytes more.
struct Credit {
  Stream stream = Stream::input;
  std::uint32_t bytes = 0;

  template <class Self>
  static auto fields(Self& self) {
    return std::tie(self.stream, self.bytes);
  }
};

/// To the agent: send the command's process group this signal (the numbers of Linux on x86).
struct Signal {
  std::uint8_t number = 0;

  template <class Self>
  static auto fields(Self& self) {
    return std::tie(self.number);
  }
};

/// To the agent: the terminal's window has changed.
struct Resize {
  std::uint16_t rows = 0;
  std::uint16_t columns = 0;

  template <class Self>
  static auto fields(Self& self) {
    return std::tie(self.rows, self.columns);
  }
};

/// To the agent: nobody waits for the command any more; SIGHUP, and SIGKILL if that does not do.
struct Abandon {
  template <class Self>
  static auto fields(Self&) {
    return std::tuple<>();
  }
};

/// To the agent: power the guest off in its own way.  The command's number means nothing.
struct PowerOff {
  template <class Self>
  static auto fields(Self&) {
    return std::tuple<>();
  }
};

/// From the agent: bytes of standard output or error.
struct Output {
  Stream stream = Stream::output;
  std::string bytes;

  template <class Self>
  static auto fields(Self& self) {
    return std::tie(self.stream, self.bytes);
  }
};

/// From the agent, the last of a command: how it ended.
struct Exited {
  std::uint8_t status = 0;
  std::uint8_t signal = 0;  ///< Not 0: the signal that killed it.

  template <class Self>
  static auto fields(Self& self) {
    return std::tie(self.status, self.signal);
  }
};

/// From the agent, the last of a command: it was not started, or is lost; a sentence.
struct Refused {
  std::string reason;

  template <class Self>
  static auto fields(Self& self) {
    return std::tie(self.reason);
  }
};

/// To the agent: start the refresher, as a command with this number.  Its tasks come as Input
/// (refresh_task.h), its answers go as Output; it ends with the input.
struct Refresh {
  template <class Self>
  static auto fields(Self&) {
    return std::tuple<>();
  }
};

/// The place in this list, counted from 0, is the message's number on the wire.
using Message = std::variant<Hello, Execute, Input, EndOfInput, Credit, Signal, Resize, Abandon,
                             PowerOff, Output, Exited, Refused, Refresh>;

/// A message and the number of the command that it is about.
struct Letter {
  std::uint32_t command = 0;
  Message message;
};

/// The content of one frame: u8 message, u32 command, then the fields in their order, integers
/// little-endian, strings and lists with a u32 length in front.
[[nodiscard]] std::string encode(const Letter& letter);

/// Nothing for what encode() would not have made: unknown messages, cut or overlong contents,
/// truth values other than 0 and 1, unknown streams, more data than kMaxData.
[[nodiscard]] std::optional<Letter> decode(std::string_view content);

}  // namespace nineroot::agent

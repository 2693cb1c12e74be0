// The guest's serial console, carried between QEMU's socket and the terminal (or whatever standard
// input and output are), or into a log alone.  Knows the keys behind Ctrl-A; what they lead to is
// the caller's.
#pragma once

#include <poll.h>
#include <termios.h>

#include <array>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "base/failure.h"
#include "base/unique_fd.h"

namespace nineroot::vm {

/// What a person asked for with the key after Ctrl-A.
enum class ConsoleRequest { nothing, quit, shut_down };

/// Finds the last words of the kernel and of our init in what a guest prints, in pieces of any
/// size.
class PanicWatch {
 public:
  void see(std::string_view output);

  /// The line of the panic, without its time stamp; empty if there was none.
  [[nodiscard]] const std::string& panic() const { return panic_; }

  /// Why our init did not start the guest, in its words; empty if it did.
  [[nodiscard]] const std::string& init_error() const { return init_error_; }

  void forget() {
    panic_.clear();
    init_error_.clear();
  }

 private:
  void see_line(std::string_view line);

  std::string line_;
  std::string panic_;
  std::string init_error_;
};

/// Splits what was typed into what the guest gets and what was asked for.
class EscapeKeys {
 public:
  struct Typed {
    std::string for_guest{};
    ConsoleRequest request = ConsoleRequest::nothing;
    bool wants_help = false;
  };

  /// Ctrl-A x quits, s shuts down, h helps, Ctrl-A or a sends one Ctrl-A; another key is dropped.
  Typed filter(std::string_view keys);

 private:
  bool is_escaped_ = false;
};

class Console {
 public:
  /// On standard input and output, or only into `log` if that is given.  A terminal becomes raw
  /// until destruction; one where we run in the background is left alone.
  static Outcome<Console> open(const std::filesystem::path& log);

  Console(Console&& other) noexcept;
  Console& operator=(Console&&) = delete;
  Console(const Console&) = delete;
  Console& operator=(const Console&) = delete;
  ~Console();

  /// The stream to a QEMU that has just been started; replaces the one before.
  void attach(UniqueFd guest);

  /// What to poll now: the guest, standard input, standard output.
  [[nodiscard]] std::array<pollfd, 3> poll_fds() const;

  /// Moves what can be moved without waiting, after poll() has filled `ready` in.
  ConsoleRequest move(const std::array<pollfd, 3>& ready);

  /// Carries out what QEMU wrote before it ended.
  void drain();

  [[nodiscard]] bool has_terminal() const { return is_raw_; }

  [[nodiscard]] PanicWatch& panic_watch() { return panic_watch_; }

  /// A line of ours between the guest's, on standard error; nothing where there is only a log.
  void say(std::string_view line) const;

 private:
  Console() = default;

  void read_guest();
  ConsoleRequest read_keys();
  void write_keys();
  void write_out();
  void show(std::string_view output);

  UniqueFd guest_;
  UniqueFd log_;
  std::string for_guest_;
  std::string for_output_;
  EscapeKeys keys_;
  PanicWatch panic_watch_;
  bool reads_input_ = false;
  bool shows_output_ = false;
  bool is_raw_ = false;
  termios saved_{};
};

}  // namespace nineroot::vm

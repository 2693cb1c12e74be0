// One command that runs in the guest: its process, what is under way on its streams and the credit
// for more.  When to look at which descriptor is the server's.
#pragma once

#include <poll.h>

#include <array>
#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "agent/child.h"
#include "agent/message.h"

namespace nineroot::agent {

class Command {
 public:
  using Clock = std::chrono::steady_clock;

  /// A command that waits: start() is called once the guest has booted.
  Command(std::uint32_t number, Execute request) : number_(number), request_(std::move(request)) {}

  /// A function of ours instead, which runs in a process of its own.
  Command(std::uint32_t number, std::function<int()> function)
      : number_(number), function_(std::move(function)) {}

  Command(Command&&) = default;
  Command& operator=(Command&&) = default;

  [[nodiscard]] std::uint32_t number() const { return number_; }

  [[nodiscard]] bool waits_for_boot() const { return !is_started_ && request_.waits_for_boot; }

  [[nodiscard]] bool is_started() const { return is_started_; }

  Result<void> start();

  // From the host.  A host that breaks a window is cut off: the command is abandoned.
  void take(const Input& input);
  void take(const EndOfInput&);
  void take(const Credit& credit);
  void take(const Signal& signal) const;
  void take(const Resize& size) const;

  /// SIGHUP now, SIGKILL after five seconds; its output goes nowhere.
  void abandon();

  [[nodiscard]] bool is_abandoned() const { return kill_at_.has_value(); }

  void kill() const;

  /// Adds what to wait for; output only if `may_read`.
  void add_descriptors(std::vector<pollfd>& descriptors, bool may_read) const;

  /// Moves what can be moved without waiting, at most one piece per stream, and looks whether the
  /// process has ended.  Messages for the host are added to `letters`.
  void work(bool may_read, std::vector<Letter>& letters);

  /// Ended, with output to be read that no descriptor may announce: work() must be called again.
  [[nodiscard]] bool must_be_drained() const;

  /// Whether a descriptor of add_descriptors() tells when the process ends.
  [[nodiscard]] bool tells_its_end() const { return process_.is_open() || exited_; }

  /// Ended, and all its output is in letters.
  [[nodiscard]] bool is_finished() const;

  [[nodiscard]] Exited result() const { return *exited_; }

 private:
  void write_input(std::vector<Letter>& letters);
  void end_input();
  void read_output(std::size_t index, std::vector<Letter>& letters);
  void look_for_the_end();

  /// There is input to be written, or its end to be told.
  [[nodiscard]] bool owes_input() const {
    return child_.input.is_open() && (!input_.empty() || has_input_ended_);
  }

  [[nodiscard]] bool can_read(std::size_t index) const {
    return child_.out[index].is_open() && credit_[index] > 0;
  }

  std::uint32_t number_;
  Execute request_;
  std::function<int()> function_;  ///< Where there is one, instead of the request.
  bool is_started_ = false;
  Child child_;
  UniqueFd process_;  ///< A pidfd; not open on kernels before 5.3.
  std::string input_;
  bool has_input_ended_ = false;
  bool is_at_line_start_ = true;  ///< Of a terminal's input.
  std::array<std::uint32_t, 2> credit_ = {kWindow, kWindow};
  std::optional<Exited> exited_;
  std::optional<Clock::time_point> kill_at_;
};

}  // namespace nineroot::agent

#include "session/gate.h"

#include <condition_variable>
#include <utility>

namespace nineroot::session {
namespace {

/// Counts the letters that are still on their way.
class Round {
 public:
  /// Goes with the letter, whether it is run or thrown away with a mailbox.
  class Token {
   public:
    explicit Token(std::shared_ptr<Round> round) : round_(std::move(round)) { round_->add(1); }

    ~Token() { round_->add(-1); }

    Token(const Token&) = delete;
    Token& operator=(const Token&) = delete;

   private:
    std::shared_ptr<Round> round_;
  };

  bool wait(std::chrono::steady_clock::time_point deadline) {
    std::unique_lock lock(mutex_);
    return ended_.wait_until(lock, deadline, [this] { return under_way_ == 0; });
  }

 private:
  void add(int count) {
    const std::lock_guard lock(mutex_);
    under_way_ += count;
    if (under_way_ == 0) {
      ended_.notify_all();
    }
  }

  std::mutex mutex_;
  std::condition_variable ended_;
  int under_way_ = 0;
};

}  // namespace

Gate::Seat::~Seat() {
  if (gate_ != nullptr) {
    const std::lock_guard lock(gate_->mutex_);
    gate_->mailboxes_.erase(number_);
  }
}

Gate::Seat Gate::join(std::shared_ptr<Mailbox> mailbox) {
  const std::lock_guard lock(mutex_);
  const std::uint64_t number = next_number_++;
  mailboxes_.emplace(number, std::move(mailbox));
  return {*this, number};
}

void Gate::post_to_all(const std::function<Mailbox::Letter()>& make_letter) {
  const std::lock_guard lock(mutex_);
  for (const auto& [number, mailbox] : mailboxes_) {
    mailbox->post(make_letter());
  }
}

bool Gate::close(std::chrono::milliseconds patience) {
  const auto deadline = std::chrono::steady_clock::now() + patience;
  is_closed_.store(true, std::memory_order_release);
  // A session's thread that runs the letter is at no request, and takes no other one.
  const auto round = std::make_shared<Round>();
  post_to_all([&round] {
    auto token = std::make_unique<Round::Token>(round);
    return [token = std::move(token)]() mutable { token.reset(); };
  });
  if (round->wait(deadline) && pool_.wait_until_idle(deadline)) {
    return true;
  }
  open();
  return false;
}

void Gate::open() {
  is_closed_.store(false, std::memory_order_release);
  // Whoever sleeps over a full ring looks at it again.
  post_to_all([] { return [] {}; });
}

}  // namespace nineroot::session

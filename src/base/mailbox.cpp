#include "base/mailbox.h"

#include <sys/eventfd.h>

#include <cstdint>
#include <system_error>

namespace nineroot {

Mailbox::Mailbox() : event_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (!event_.is_open()) {
    throw std::system_error(errno, std::generic_category(), "eventfd");
  }
}

void Mailbox::post(Letter letter) {
  {
    const std::lock_guard lock(mutex_);
    letters_.push_back(std::move(letter));
  }
  const std::uint64_t one = 1;
  // EAGAIN means that the counter is full: the owner is awake already.
  [[maybe_unused]] const auto written = ::write(event_.get(), &one, sizeof(one));
}

void Mailbox::run() {
  std::uint64_t count = 0;
  [[maybe_unused]] const auto got = ::read(event_.get(), &count, sizeof(count));
  std::vector<Letter> letters;
  {
    const std::lock_guard lock(mutex_);
    letters.swap(letters_);
  }
  for (Letter& letter : letters) {
    letter();
  }
}

}  // namespace nineroot

#include "virtio/vring.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <bit>
#include <cerrno>
#include <limits>
#include <utility>

namespace nineroot::virtio {
namespace {

/// Kick, call and error descriptors are eventfds or pipes that others made, some of them blocking
/// ones.  Nobody may make us wait in read(2) or write(2) on them.
Result<void> unblock(const UniqueFd& fd) {
  if (!fd.is_open()) {
    return {};
  }
  const int flags = ::fcntl(fd.get(), F_GETFL);
  if (flags < 0 || ::fcntl(fd.get(), F_SETFL, flags | O_NONBLOCK) < 0) {
    return fail_errno();
  }
  return {};
}

/// What has no type of its own (fstat(2) of an anonymous inode) and can be a kick is an eventfd.
bool is_eventfd(const UniqueFd& fd) {
  struct stat info{};
  return fd.is_open() && ::fstat(fd.get(), &info) == 0 && (info.st_mode & S_IFMT) == 0;
}

void notify(const UniqueFd& fd) {
  if (fd.is_open()) {
    const std::uint64_t one = 1;
    // A full eventfd or pipe has woken its reader already; a closed one has none.
    [[maybe_unused]] const auto written = ::write(fd.get(), &one, sizeof(one));
  }
}

}  // namespace

Result<void> Vring::set_size(std::uint32_t size) {
  if (!std::has_single_bit(size) || size > kMaxRingSize) {
    return fail(EINVAL);
  }
  size_ = size;
  is_reconfigured_ = true;
  return {};
}

Result<void> Vring::set_base(std::uint32_t base) {
  if (base > std::numeric_limits<std::uint16_t>::max()) {
    return fail(EINVAL);
  }
  base_ = static_cast<std::uint16_t>(base);
  is_reconfigured_ = true;
  return {};
}

Result<void> Vring::set_addresses(const RingAddresses& addresses) {
  if (addresses.descriptors % 16 != 0 || addresses.avail % 2 != 0 || addresses.used % 4 != 0) {
    return fail(EINVAL);
  }
  addresses_ = addresses;
  is_reconfigured_ = true;
  return {};
}

Result<void> Vring::set_kick(UniqueFd kick) {
  TRY(unblock(kick));
  kick_ = std::move(kick);
  has_kick_counter_ = is_eventfd(kick_);
  is_kick_noted_ = false;
  has_kick_ = true;
  return start_if_ready();
}

Result<void> Vring::set_call(UniqueFd call) {
  TRY(unblock(call));
  call_ = std::move(call);
  if (is_running_) {
    // A needless interrupt is harmless; one that went to the old descriptor may be lost.
    notify(call_);
  }
  return {};
}

Result<void> Vring::set_error(UniqueFd error) {
  TRY(unblock(error));
  error_ = std::move(error);
  return {};
}

Result<void> Vring::set_enabled(bool is_enabled) {
  is_enabled_ = is_enabled;
  if (!is_enabled) {
    is_running_ = false;
    return {};
  }
  return start_if_ready();
}

std::uint16_t Vring::stop() {
  is_running_ = false;
  has_kick_ = false;
  kick_.reset();
  return queue_.last_avail();
}

void Vring::abandon() {
  is_running_ = false;
  ++generation_;
}

Result<RingMemory> Vring::resolve() const {
  if (size_ == 0 || !addresses_) {
    return fail(EINVAL);
  }
  RingMemory ring{.descriptors = memory_.at_user_address(addresses_->descriptors,
                                                         descriptor_table_bytes(size_)),
                  .avail = memory_.at_user_address(addresses_->avail, avail_ring_bytes(size_)),
                  .used = memory_.at_user_address(addresses_->used, used_ring_bytes(size_)),
                  .size = size_};
  if (ring.descriptors == nullptr || ring.avail == nullptr || ring.used == nullptr) {
    return fail(EFAULT);
  }
  return ring;
}

bool Vring::is_same_ring(const RingMemory& ring, std::uint16_t base) const {
  return started_ && started_->addresses == *addresses_ && started_->size == size_ &&
         started_->has_event_idx == has_event_idx_ && base == queue_.last_avail() &&
         Virtqueue::used_index_in(ring) == queue_.used_index();
}

Result<void> Vring::start_if_ready() {
  if (!has_kick_ || !is_enabled_ || (is_running_ && !is_reconfigured_)) {
    return {};
  }
  is_running_ = false;
  const RingMemory ring = TRY(resolve());
  const std::uint16_t base = base_.value_or(queue_.last_avail());
  const bool is_resumed = is_same_ring(ring, base);
  const bool has_run_before = started_.has_value();
  if (is_resumed) {
    queue_.resume(ring);
  } else {
    ++generation_;
    queue_.start(ring, base, has_event_idx_);
  }
  started_ = Started{.addresses = *addresses_, .size = size_, .has_event_idx = has_event_idx_};
  base_.reset();
  is_reconfigured_ = false;
  is_running_ = true;
  holds_signals_ = false;
  unsignalled_ = 0;
  kicks_ = 0;
  if (is_resumed) {
    listener_.ring_resumed();
  } else if (has_run_before) {
    listener_.ring_restarted();
  }
  // Whatever was signalled around the stop may be lost.
  notify(call_);
  return {};
}

void Vring::memory_changed() {
  if (!is_running_) {
    return;
  }
  // What runs was started from started_; a configuration that is not yet in effect must not leak
  // in here.
  const auto place = [&](std::uint64_t address, std::size_t bytes) {
    return memory_.at_user_address(address, bytes);
  };
  const RingMemory ring{
      .descriptors = place(started_->addresses.descriptors, descriptor_table_bytes(started_->size)),
      .avail = place(started_->addresses.avail, avail_ring_bytes(started_->size)),
      .used = place(started_->addresses.used, used_ring_bytes(started_->size)),
      .size = started_->size};
  if (ring.descriptors == nullptr || ring.avail == nullptr || ring.used == nullptr) {
    is_running_ = false;
    break_down(RingDefect::ring_unmapped);
    return;
  }
  queue_.move_to(ring);
}

int Vring::kick_fd() const {
  return is_running_ && !queue_.defect() ? kick_.get() : -1;
}

void Vring::drain_kick() {
  std::array<std::byte, 64> ignored;  // An eventfd gives 8 bytes, a pipe what it has.
  const ssize_t got = ::read(kick_.get(), ignored.data(), ignored.size());
  if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR)) {
    // Readable for ever, and nobody will kick again: look at the ring now and then instead.
    kick_.reset();
    return;
  }
  if (got > 0 && !std::exchange(is_kick_noted_, false)) {
    ++kicks_;
  }
}

std::optional<DescriptorChain> Vring::pop() {
  if (!is_running_ || queue_.defect()) {
    return std::nullopt;
  }
  auto chain = queue_.pop();
  if (chain) {
    had_request_ = true;
  } else if (const auto defect = queue_.defect()) {
    break_down(*defect);
  } else if (!had_request_ && kicks_ >= 2) {
    // The first wake-up of a start is the front-end's own: QEMU makes its eventfd with a count of
    // 1.  The second one is the guest's, and it has nothing to kick for but a request.
    kicks_ = 0;
    kick_log_.warn(
        "the guest kicks but its ring stays empty; if the mount hangs, the virtual machine does "
        "not share its memory: add share=on to its memory backend");
  }
  return chain;
}

void Vring::break_down(RingDefect defect) {
  queue_.break_down(defect);
  notify(error_);
  defect_log_.warn("the guest's ring is unusable and is left alone until it is set up anew: {}",
                   describe(defect));
}

void Vring::complete(std::uint16_t head, std::uint32_t length) {
  constexpr unsigned kMostHeld = 4;
  queue_.push(head, length);
  if (++unsignalled_ >= kMostHeld || !holds_signals_) {
    signal();
  }
}

void Vring::let_signals_go() {
  holds_signals_ = false;
  if (unsignalled_ > 0 && is_running_) {
    signal();
  }
}

void Vring::signal() {
  unsignalled_ = 0;
  if (queue_.should_signal()) {
    notify(call_);
  }
}

}  // namespace nineroot::virtio

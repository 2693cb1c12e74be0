#include "tests/support/driver_sim.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <stdexcept>
#include <utility>

namespace nineroot::test {
namespace {

using virtio::Descriptor;

constexpr int kTimeoutMs = 20000;

template <class T>
std::atomic_ref<T> cell(const GuestRam& ram, std::uint64_t address) {
  return std::atomic_ref(*reinterpret_cast<T*>(ram.at(address)));
}

/// Both sides look at an index of the other after they have published their own.
void full_fence() {
#ifdef __SANITIZE_THREAD__
  static std::atomic<int> unused;
  unused.exchange(0);
#else
  std::atomic_thread_fence(std::memory_order_seq_cst);
#endif
}

std::uint64_t align(std::uint64_t value) {
  return (value + 4095) / 4096 * 4096;
}

}  // namespace

DriverSim::DriverSim(GuestRam& ram, DriverOptions options)
    : ram_(&ram),
      options_(options),
      kick_(::eventfd(0, EFD_CLOEXEC)),
      kick_writer_(::dup(kick_.get())),
      call_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      call_reader_(::dup(call_.get())),
      avail_index_(options.first_index),
      used_seen_(options.first_index),
      chain_of_(options.size),
      buffers_of_(options.size) {
  for (std::uint16_t i = options_.size; i > 0; --i) {
    free_.push_back(static_cast<std::uint16_t>(i - 1));
  }
  set_avail_index(avail_index_);
  cell<std::uint16_t>(*ram_, avail_address()).store(0);
  cell<std::uint16_t>(*ram_, used_address()).store(0);
  cell<std::uint16_t>(*ram_, used_address() + virtio::kRingIndex).store(used_seen_);
  set_used_event(used_seen_);
}

std::uint64_t DriverSim::avail_address() const {
  return align(descriptor_address() + virtio::descriptor_table_bytes(options_.size));
}

std::uint64_t DriverSim::used_address() const {
  return align(avail_address() + virtio::avail_ring_bytes(options_.size));
}

std::uint64_t DriverSim::buffer_of(std::uint16_t head) const {
  return options_.buffer_address + head * options_.buffer_bytes;
}

void DriverSim::use_call_pipe() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK) != 0) {
    throw std::runtime_error("pipe2");
  }
  call_reader_.reset(ends[0]);
  call_.reset(ends[1]);
}

void DriverSim::use_kick_pipe() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK) != 0) {
    throw std::runtime_error("pipe2");
  }
  kick_.reset(ends[0]);
  kick_writer_.reset(ends[1]);
}

void DriverSim::change_kick() {
  kick_.reset(::eventfd(0, EFD_CLOEXEC));
  kick_writer_.reset(::dup(kick_.get()));
}

void DriverSim::put_descriptor(std::uint16_t index, const Descriptor& descriptor) {
  ram_->write(descriptor_address() + index * sizeof(Descriptor),
              std::as_bytes(std::span(&descriptor, 1)));
}

void DriverSim::set_avail_index(std::uint16_t index) {
  avail_index_ = index;
  cell<std::uint16_t>(*ram_, avail_address() + virtio::kRingIndex)
      .store(index, std::memory_order_release);
}

void DriverSim::set_used_event(std::uint16_t index) {
  cell<std::uint16_t>(*ram_, avail_address() + virtio::kRingEntries + 2UL * options_.size)
      .store(index);
}

std::uint16_t DriverSim::used_index() const {
  return cell<std::uint16_t>(*ram_, used_address() + virtio::kRingIndex)
      .load(std::memory_order_acquire);
}

std::uint16_t DriverSim::avail_event() const {
  return cell<std::uint16_t>(*ram_, used_address() + virtio::kRingEntries + 8UL * options_.size)
      .load();
}

std::uint16_t DriverSim::used_flags() const {
  return cell<std::uint16_t>(*ram_, used_address()).load();
}

void DriverSim::kick() {
  const std::uint64_t one = 1;
  if (::write(kick_writer_.get(), &one, sizeof(one)) != sizeof(one)) {
    throw std::runtime_error("kick");
  }
  ++kicks_;
}

bool DriverSim::device_wants_kick(std::uint16_t before) const {
  if (!options_.has_event_idx) {
    return (used_flags() & virtio::kUsedNoNotify) == 0;
  }
  const auto passed = static_cast<std::uint16_t>(avail_index_ - avail_event() - 1);
  return passed < static_cast<std::uint16_t>(avail_index_ - before);
}

void DriverSim::publish(std::uint16_t head) {
  const std::uint64_t slot = avail_index_ & (options_.size - 1U);
  cell<std::uint16_t>(*ram_, avail_address() + virtio::kRingEntries + 2 * slot).store(head);
  set_avail_index(static_cast<std::uint16_t>(avail_index_ + 1));
  full_fence();
}

void DriverSim::offer(std::uint16_t head) {
  publish(head);
  kick();
}

std::uint16_t DriverSim::submit_chain(std::vector<Descriptor> chain) {
  const std::size_t needed = options_.has_indirect ? 1 : chain.size();
  if (free_.size() < needed) {
    throw std::runtime_error("the test submits more than its ring holds");
  }
  std::vector<std::uint16_t> indices;
  for (std::size_t i = 0; i < needed; ++i) {
    indices.push_back(free_.back());
    free_.pop_back();
  }
  const std::uint16_t head = indices.front();
  buffers_of_[head] = chain;
  for (std::size_t i = 0; i + 1 < chain.size(); ++i) {
    chain[i].flags |= virtio::kDescNext;
    chain[i].next = options_.has_indirect ? static_cast<std::uint16_t>(i + 1) : indices[i + 1];
  }
  if (options_.has_indirect) {
    // The end of the request's buffer holds the table.
    const std::uint64_t bytes = chain.size() * sizeof(Descriptor);
    const std::uint64_t table = buffer_of(head) + options_.buffer_bytes - bytes;
    ram_->write(table, std::as_bytes(std::span(chain)));
    put_descriptor(head, {.address = table,
                          .length = static_cast<std::uint32_t>(bytes),
                          .flags = virtio::kDescIndirect,
                          .next = 0});
  } else {
    for (std::size_t i = 0; i < chain.size(); ++i) {
      put_descriptor(indices[i], chain[i]);
    }
  }
  chain_of_[head] = std::move(indices);
  const std::uint16_t before = avail_index_;
  publish(head);
  if (device_wants_kick(before)) {
    kick();
  }
  return head;
}

std::uint16_t DriverSim::submit(std::span<const std::byte> request, std::size_t room,
                                const Cuts& cuts) {
  if (free_.empty()) {
    throw std::runtime_error("the test submits more than its ring holds");
  }
  const std::uint64_t buffer = buffer_of(free_.back());
  ram_->write(buffer, request);
  std::vector<Descriptor> chain;
  std::uint64_t address = buffer;
  const auto add = [&](std::size_t bytes, const std::vector<std::size_t>& sizes,
                       std::uint16_t flags) {
    for (std::size_t i = 0; bytes > 0; ++i) {
      const std::size_t here = i < sizes.size() ? std::min(sizes[i], bytes) : bytes;
      chain.push_back({.address = address,
                       .length = static_cast<std::uint32_t>(here),
                       .flags = flags,
                       .next = 0});
      address += here;
      bytes -= here;
    }
  };
  add(request.size(), cuts.readable, 0);
  add(room, cuts.writable, virtio::kDescWrite);
  return submit_chain(std::move(chain));
}

std::optional<DriverSim::Completion> DriverSim::take() {
  if (used_index() == used_seen_) {
    return std::nullopt;
  }
  const std::uint64_t slot = used_seen_ & (options_.size - 1U);
  const std::uint64_t entry = used_address() + virtio::kRingEntries + 8 * slot;
  Completion completion;
  completion.head = static_cast<std::uint16_t>(cell<std::uint32_t>(*ram_, entry).load());
  completion.length = cell<std::uint32_t>(*ram_, entry + 4).load();
  ++used_seen_;
  std::size_t left = completion.length;
  for (const Descriptor& buffer : std::exchange(buffers_of_.at(completion.head), {})) {
    if ((buffer.flags & virtio::kDescWrite) != 0) {
      const auto bytes = ram_->read(buffer.address, std::min<std::size_t>(left, buffer.length));
      completion.reply.insert(completion.reply.end(), bytes.begin(), bytes.end());
      left -= bytes.size();
    }
  }
  for (const std::uint16_t index : std::exchange(chain_of_[completion.head], {})) {
    free_.push_back(index);
  }
  return completion;
}

bool DriverSim::wait_for_call() {
  pollfd watched{.fd = call_reader_.get(), .events = POLLIN, .revents = 0};
  if (::poll(&watched, 1, kTimeoutMs) <= 0) {
    return false;
  }
  std::array<std::byte, 8> ignored;
  [[maybe_unused]] const auto got = ::read(call_reader_.get(), ignored.data(), ignored.size());
  return true;
}

DriverSim::Completion DriverSim::wait() {
  for (;;) {
    if (auto completion = take()) {
      return std::move(*completion);
    }
    set_used_event(used_seen_);
    full_fence();
    if (used_index() == used_seen_ && !wait_for_call()) {
      throw std::runtime_error("the device does not answer");
    }
  }
}

std::vector<std::byte> DriverSim::call(std::span<const std::byte> request, std::size_t room) {
  submit(request, room);
  return wait().reply;
}

}  // namespace nineroot::test

// Plays the guest's virtio driver on a real ring in guest memory: builds chains, kicks, waits for
// interrupts and takes replies, honestly or not.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/unique_fd.h"
#include "tests/support/guest_ram.h"
#include "virtio/ring_layout.h"

namespace nineroot::test {

struct DriverOptions {
  std::uint64_t ring_address = 0x100000;    ///< Guest physical, 4096-aligned.
  std::uint64_t buffer_address = 0x400000;  ///< Where its buffers are; across kSeam by default.
  std::uint16_t size = 128;
  std::uint16_t first_index = 0;  ///< Both indices start here, as after a long life.
  bool has_indirect = true;
  bool has_event_idx = true;
  std::size_t buffer_bytes = 0x10000;  ///< Per request in flight.
};

/// How the bytes of a request are cut into descriptors: sizes of all pieces but the last.
struct Cuts {
  std::vector<std::size_t> readable;
  std::vector<std::size_t> writable;
};

/// One thread only; the device runs on another one or on the same.
class DriverSim {
 public:
  struct Completion {
    std::uint16_t head = 0;
    std::uint32_t length = 0;
    std::vector<std::byte> reply;  ///< `length` bytes of the room, at most all of it.
  };

  explicit DriverSim(GuestRam& ram, DriverOptions options = {});

  // An honest driver.

  /// Puts a request with `room` bytes for the reply on the ring and kicks if the device wants it.
  /// Returns its head.
  std::uint16_t submit(std::span<const std::byte> request, std::size_t room, const Cuts& cuts = {});

  /// As submit(), of descriptors whose buffers the caller has filled; NEXT flags and links are
  /// made here.
  std::uint16_t submit_chain(std::vector<virtio::Descriptor> chain);

  /// Submits and waits for the reply.
  std::vector<std::byte> call(std::span<const std::byte> request, std::size_t room);

  /// What the device has completed, if anything.
  std::optional<Completion> take();

  /// Waits for an interrupt where needed; throws std::runtime_error after 20 seconds without.
  Completion wait();

  // A driver that lies.

  void put_descriptor(std::uint16_t index, const virtio::Descriptor& descriptor);
  /// Offers `head` whatever it is, and kicks.
  void offer(std::uint16_t head);
  void set_avail_index(std::uint16_t index);
  void set_used_event(std::uint16_t index);
  void kick();

  // What the VMM needs to know.

  [[nodiscard]] const DriverOptions& options() const { return options_; }

  [[nodiscard]] std::uint64_t descriptor_address() const { return options_.ring_address; }
  [[nodiscard]] std::uint64_t avail_address() const;
  [[nodiscard]] std::uint64_t used_address() const;

  [[nodiscard]] int kick_fd() const { return kick_.get(); }

  [[nodiscard]] int call_fd() const { return call_.get(); }

  /// A pipe instead of an eventfd, as UML has it.
  void use_call_pipe();
  void use_kick_pipe();

  /// From now on it kicks another eventfd.
  void change_kick();

  /// Buffers of the request with this head.
  [[nodiscard]] std::uint64_t buffer_of(std::uint16_t head) const;

  [[nodiscard]] std::uint16_t avail_index() const { return avail_index_; }

  [[nodiscard]] std::uint16_t used_index() const;
  [[nodiscard]] std::uint16_t avail_event() const;
  [[nodiscard]] std::uint16_t used_flags() const;

  [[nodiscard]] unsigned kicks() const { return kicks_; }

 private:
  void publish(std::uint16_t head);
  [[nodiscard]] bool device_wants_kick(std::uint16_t before) const;
  bool wait_for_call();

  GuestRam* ram_;
  DriverOptions options_;
  UniqueFd kick_;
  UniqueFd kick_writer_;  ///< The same as kick_ unless it is a pipe.
  UniqueFd call_;
  UniqueFd call_reader_;  ///< The same as call_ unless it is a pipe.
  std::uint16_t avail_index_;
  std::uint16_t used_seen_;
  unsigned kicks_ = 0;
  std::vector<std::uint16_t> free_;
  std::vector<std::vector<std::uint16_t>> chain_of_;         ///< By head: its descriptors.
  std::vector<std::vector<virtio::Descriptor>> buffers_of_;  ///< By head, without links.
};

}  // namespace nineroot::test

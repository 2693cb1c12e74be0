// Any guest memory, any ring in it: pops everything, writes every reply, pushes in two orders.
// The sanitizers see accesses outside the mapped memory; the checks here see a ring that never
// ends, a head given out twice, and more chains in flight than the ring holds.
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <set>
#include <vector>

#include "base/unique_fd.h"
#include "fuzz_input.h"
#include "virtio/guest_memory.h"
#include "virtio/virtqueue.h"

namespace {

using nineroot::virtio::GuestMemory;
using nineroot::virtio::MemoryRegion;
using nineroot::virtio::RingMemory;
using nineroot::virtio::Virtqueue;

constexpr std::size_t kRamSize = 0x10000;
constexpr std::uint64_t kUser = 0x7f0000000000;
/// Two neighbours, a hole, and a region far above.
const MemoryRegion kRegions[] = {{0x0, 0x4000, kUser, 0x0},
                                 {0x4000, 0x4000, kUser + 0x100000, 0x8000},
                                 {0x100000000, 0x4000, kUser + 0x200000, 0x4000}};

void check(bool is_good) {
  if (!is_good) {
    std::abort();
  }
}

/// A memfd that lives as long as the process, and our own view of it.
struct Ram {
  nineroot::UniqueFd file{::memfd_create("fuzz", MFD_CLOEXEC)};
  std::byte* bytes = nullptr;

  Ram() {
    check(::ftruncate(file.get(), kRamSize) == 0);
    void* base = ::mmap(nullptr, kRamSize, PROT_READ | PROT_WRITE, MAP_SHARED, file.get(), 0);
    check(base != MAP_FAILED);
    bytes = static_cast<std::byte*>(base);
  }
};

/// Pops and pushes until the ring is empty or broken, or far more has come than fits in it.
void drive(Virtqueue& queue, std::uint32_t size, std::uint8_t choices) {
  std::set<std::uint16_t> in_flight;
  const std::vector<std::byte> reply(64, std::byte{0x5a});
  for (std::uint32_t step = 0; step < 4 * size + 16; ++step) {
    queue.disarm();
    auto chain = queue.pop();
    if (!chain) {
      if (queue.defect() || !queue.arm()) {
        break;
      }
      continue;
    }
    check(in_flight.insert(chain->head).second);
    check(in_flight.size() <= size && queue.in_flight() == in_flight.size());
    chain->writable.write(0, reply);
    std::vector<std::byte> request(chain->readable.size());
    check(chain->readable.read(0, request) == request.size());
    if ((choices >> (step % 8U) & 1U) != 0) {
      (void)queue.walk_again(chain->head);
      queue.push(chain->head, 1);
      in_flight.erase(chain->head);
      (void)queue.should_signal();
    }
  }
  for (const std::uint16_t head : in_flight) {
    queue.push(head, 0);
  }
  check(queue.in_flight() == 0);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static Ram ram;
  nineroot::fuzz::FuzzInput input(data, size);
  const std::uint32_t ring_size = 1U << (input.take<std::uint8_t>() % 9U);
  const auto base = input.take<std::uint16_t>();
  const auto choices = input.take<std::uint8_t>();
  const bool has_event_idx = (input.take<std::uint8_t>() & 1U) != 0;
  // Aligned as SET_VRING_ADDR demands; the parts may overlap each other and the buffers.
  const std::uint64_t desc = input.take<std::uint16_t>() % 0x2000U & ~15U;
  const std::uint64_t avail = input.take<std::uint16_t>() % 0x2000U & ~1U;
  const std::uint64_t used = input.take<std::uint16_t>() % 0x2000U & ~3U;
  std::memset(ram.bytes, 0, kRamSize);
  while (!input.is_empty()) {
    const std::size_t at = input.take<std::uint16_t>() % kRamSize;
    const auto bytes = input.take_bytes(input.take<std::uint8_t>());
    std::memcpy(ram.bytes + at, bytes.data(), std::min(bytes.size(), kRamSize - at));
  }

  GuestMemory memory;
  for (const MemoryRegion& region : kRegions) {
    check(memory.add(region, ram.file.get()).has_value());
  }
  using namespace nineroot::virtio;
  const RingMemory ring{
      .descriptors = memory.at_user_address(kUser + desc, descriptor_table_bytes(ring_size)),
      .avail = memory.at_user_address(kUser + avail, avail_ring_bytes(ring_size)),
      .used = memory.at_user_address(kUser + used, used_ring_bytes(ring_size)),
      .size = ring_size};
  check(ring.descriptors != nullptr && ring.avail != nullptr && ring.used != nullptr);
  Virtqueue queue(memory, 1U << 16U);
  queue.start(ring, base, has_event_idx);
  drive(queue, ring_size, choices);
  queue.resume(ring);
  drive(queue, ring_size, static_cast<std::uint8_t>(~choices));
  return 0;
}

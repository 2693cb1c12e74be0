#include "bench/scale_driver/served.h"

#include <chrono>
#include <thread>

#include <fmt/format.h>

namespace nineroot::bench {

std::string entry_name(unsigned i) {
  return fmt::format("entry-name-{:07}", i);
}

unsigned scattered(unsigned i, unsigned count) {
  constexpr std::uint64_t kStep = 7919;
  return static_cast<unsigned>(i * kStep % count);
}

wire::Twalk walk_to(std::uint32_t fid, std::uint32_t newfid, std::string_view name) {
  wire::Twalk message;
  message.fid = fid;
  message.newfid = newfid;
  if (!name.empty()) {
    message.nwname = 1;
    message.wname[0] = name;
  }
  return message;
}

MakeRequest clunk_from(std::uint32_t first) {
  return [first](unsigned i, std::span<std::byte> room) {
    return Client::plain(wire::Tclunk{.fid = first + i}, room);
  };
}

Served::Served(std::vector<std::string> serve)
    : device_(std::move(serve), memory_file_),
      ring_(memory_file_, [this] { device_.kick(); }),
      client_(ring_) {
  client_.call(wire::Tversion{.msize = static_cast<std::uint32_t>(kLargePayload + 24),
                              .version = "9P2000.L"});
  client_.call(wire::Tattach{
      .fid = kRootFid, .afid = wire::kNoFid, .uname = "root", .aname = "", .n_uname = 0});
}

std::uint64_t Served::settled_cpu() const {
  std::this_thread::sleep_for(std::chrono::milliseconds(2));
  return device_.cpu();
}

Cost Served::run(unsigned count, const MakeRequest& make) {
  return cost_of(
      count, [this] { return settled_cpu(); }, [&] { client_.run(count, kSlots, make); });
}

}  // namespace nineroot::bench

// A directory that grows: what making, finding, listing and removing an entry costs.
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <stdexcept>

#include <fmt/format.h>

#include "bench/scale_driver/bare_tree.h"
#include "bench/scale_driver/kinds.h"
#include "bench/scale_driver/served.h"

namespace nineroot::bench {
namespace {

constexpr std::uint32_t kDirFid = 1;
constexpr std::uint32_t kFirstFid = 10;
constexpr const char* kOurs = "nineroot";
constexpr const char* kBare = "system calls";
constexpr auto kList = BareCalls::Dir::list;

/// With kDirFid at the directory.
Served serve_list(const Job& job) {
  return Served({job.program, "serve", job.tree + "/ours"});
}

void go_to_list(Served& served) {
  served.client().call(walk_to(kRootFid, kDirFid, "list"));
}

Request make_entry(unsigned i, std::span<std::byte> room) {
  return Client::plain(wire::Tmknod{.dfid = kDirFid,
                                    .name = entry_name(i),
                                    .mode = S_IFREG | 0644U,
                                    .major = 0,
                                    .minor = 0,
                                    .gid = 0},
                       room);
}

Request remove_entry(unsigned i, std::span<std::byte> room) {
  return Client::plain(wire::Tunlinkat{.dirfd = kDirFid, .name = entry_name(i), .flags = 0}, room);
}

template <class T>
T field_at(std::span<const std::byte> bytes, std::size_t at) {
  T value{};
  std::memcpy(&value, bytes.data() + at, sizeof(value));
  return value;
}

/// How many entries one Rreaddir has; the last one's cookie goes to `offset`.
unsigned count_entries(std::span<const std::byte> data, std::uint64_t& offset) {
  // qid[13] offset[8] type[1] name[s]
  constexpr std::size_t kOffsetAt = 13;
  constexpr std::size_t kNameAt = 22;
  unsigned count = 0;
  for (std::size_t at = 0; at < data.size(); ++count) {
    offset = field_at<std::uint64_t>(data, at + kOffsetAt);
    at += kNameAt + 2 + field_at<std::uint16_t>(data, at + kNameAt);
  }
  return count;
}

/// Reads the whole directory, whose fid is open, as Linux does: from cookie to cookie.
unsigned list_all(Served& served) {
  unsigned count = 0;
  std::uint64_t offset = 0;
  while (true) {
    served.client().run(1, 1, [&](unsigned, std::span<std::byte> room) {
      Request request = Client::plain(
          wire::Treaddir{.fid = kDirFid, .offset = offset, .count = std::uint32_t{kLargePayload}},
          room);
      request.payload = Payload::in_reply;
      request.payload_size = kLargePayload;
      return request;
    });
    const auto size = field_at<std::uint32_t>(served.ring().reply(0), wire::kHeaderSize);
    if (size == 0) {
      return count;
    }
    count += count_entries(served.ring().payload(0).first(size), offset);
  }
}

void expect(unsigned seen, unsigned expected) {
  if (seen != expected) {
    throw std::runtime_error(fmt::format("{} entries were listed, not {}", seen, expected));
  }
}

void measure_create(const Job& job, BareCalls& calls) {
  Served served = serve_list(job);
  go_to_list(served);
  print_cost("create", kOurs, served.run(job.size, make_entry));
  print_cost("create", kBare, cost_of(job.size, own_cpu, [&] {
               for (unsigned i = 0; i < job.size; ++i) {
                 create_entry(calls, i);
               }
             }));
}

void measure_lookup(const Job& job, BareCalls& calls) {
  const unsigned count = std::min(job.size, 10'000U);
  Served served = serve_list(job);
  go_to_list(served);
  print_cost("lookup", kOurs, served.run(count, [&](unsigned i, std::span<std::byte> room) {
    return Client::plain(walk_to(kDirFid, kFirstFid + i, entry_name(scattered(i, job.size))), room);
  }));
  print_cost("lookup", kBare, cost_of(count, own_cpu, [&] {
               for (unsigned i = 0; i < count; ++i) {
                 const int fd = calls.open_path(kList, entry_name(scattered(i, job.size)).c_str());
                 calls.stat(fd);
                 calls.get_records(fd);
                 ::close(fd);
               }
             }));
}

void measure_list(const Job& job, BareCalls& calls) {
  Served served = serve_list(job);
  go_to_list(served);
  served.client().call(wire::Tlopen{.fid = kDirFid, .flags = 0});
  unsigned seen = 0;
  print_cost(
      "list, per entry", kOurs,
      cost_of(job.size, [&] { return served.settled_cpu(); }, [&] { seen = list_all(served); }));
  expect(seen, job.size + 2);
  print_cost("list, per entry", kBare, cost_of(job.size, own_cpu, [&] { seen = calls.list(); }));
  expect(seen, job.size);
}

void measure_remove(const Job& job, BareCalls& calls) {
  Served served = serve_list(job);
  go_to_list(served);
  print_cost("remove", kOurs, served.run(job.size, remove_entry));
  print_cost("remove", kBare, cost_of(job.size, own_cpu, [&] {
               for (unsigned i = 0; i < job.size; ++i) {
                 const std::string name = entry_name(i);
                 calls.stat_at(kList, name.c_str());
                 calls.unlink(kList, name.c_str(), false);
               }
             }));
}

}  // namespace

void measure_directory(const Job& job) {
  for (const char* name : {"/ours", "/bare"}) {
    make_bare_tree(job.tree + name);
  }
  BareCalls calls(job.tree + "/bare");
  measure_create(job, calls);
  measure_lookup(job, calls);
  measure_list(job, calls);
  measure_remove(job, calls);
}

}  // namespace nineroot::bench

// Fids that are held: what one takes, and what walking and clunking costs beside so many.
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <thread>

#include "bench/scale_driver/bare_tree.h"
#include "bench/scale_driver/kinds.h"
#include "bench/scale_driver/served.h"

namespace nineroot::bench {
namespace {

constexpr std::uint32_t kDirFid = 1;
constexpr std::uint32_t kFirstFid = 10;
constexpr unsigned kSample = 10'000;
/// A server keeps inodes for up to three seconds, and then looks whether memory is worth giving
/// back.
constexpr std::chrono::seconds kUntilGivenBack(5);
constexpr const char* kOurs = "nineroot";
constexpr auto kList = BareCalls::Dir::list;

double growth(const ProcessMemory& from, const ProcessMemory& to, unsigned count) {
  return (static_cast<double>(to.anonymous) - static_cast<double>(from.anonymous)) / count;
}

/// Of an inode that has one already.
void measure_clones(const Job& job) {
  Served served({job.program, "serve", job.tree});
  const ProcessMemory before = served.memory();
  const auto clone_to = [](std::uint32_t first) {
    return [first](unsigned i, std::span<std::byte> room) {
      return Client::plain(walk_to(kRootFid, first + i), room);
    };
  };
  print_cost("clone", kOurs, served.run(job.size, clone_to(kFirstFid)));
  print_number("a fid of a known inode", "bytes", growth(before, served.memory(), job.size));
  const std::uint32_t next = kFirstFid + job.size;
  const Cost one_more = served.run(kSample, clone_to(next));
  const Cost one_less = served.run(kSample, clunk_from(next));
  print_cost("clone and clunk beside them", kOurs,
             {.elapsed = one_more.elapsed + one_less.elapsed, .cpu = one_more.cpu + one_less.cpu});
  print_cost("clunk of a clone", kOurs, served.run(job.size, clunk_from(kFirstFid)));
}

/// Each of an inode of its own.
void measure_inodes(const Job& job) {
  Served served({job.program, "serve", job.tree});
  served.client().call(walk_to(kRootFid, kDirFid, "list"));
  const ProcessMemory before = served.memory();
  const std::size_t descriptors = served.descriptors();
  const auto walk_scattered = [&](std::uint32_t first) {
    return [&job, first](unsigned i, std::span<std::byte> room) {
      return Client::plain(walk_to(kDirFid, first + i, entry_name(scattered(i, job.size))), room);
    };
  };
  print_cost("walk to a new inode", kOurs, served.run(job.size, walk_scattered(kFirstFid)));
  print_number("an inode and its fid", "bytes", growth(before, served.memory(), job.size));
  print_number("descriptors held", "descriptors",
               static_cast<double>(served.descriptors() - descriptors));
  const unsigned sample = std::min(job.size, kSample);
  const std::uint32_t next = kFirstFid + job.size;
  const Cost one_more = served.run(sample, walk_scattered(next));
  const Cost one_less = served.run(sample, clunk_from(next));
  print_cost("walk to a held inode and clunk", kOurs,
             {.elapsed = one_more.elapsed + one_less.elapsed, .cpu = one_more.cpu + one_less.cpu});
  print_cost("clunk of an inode's last", kOurs, served.run(job.size, clunk_from(kFirstFid)));
  std::this_thread::sleep_for(kUntilGivenBack);
  print_number("left of it after all clunks", "bytes", growth(before, served.memory(), job.size));
}

/// As many descriptors held as the driver may have, like the server.
void measure_bare_walks(const Job& job, BareCalls& calls) {
  constexpr unsigned kHeld = 1000;
  print_cost("walk to a new inode", "system calls", cost_of(job.size, own_cpu, [&] {
               for (unsigned i = 0; i < job.size; ++i) {
                 const int fd = calls.open_path(kList, entry_name(scattered(i, job.size)).c_str());
                 calls.stat(fd);
                 calls.get_records(fd);
                 if (i >= kHeld) {
                   calls.close(i % kHeld);
                 }
                 calls.keep(i % kHeld, fd);
               }
             }));
  calls.close_all();
}

}  // namespace

void measure_fids(const Job& job) {
  make_bare_tree(job.tree);
  measure_clones(job);
  BareCalls calls(job.tree);
  for (unsigned i = 0; i < job.size; ++i) {
    create_entry(calls, i);
  }
  measure_inodes(job);
  measure_bare_walks(job, calls);
}

}  // namespace nineroot::bench

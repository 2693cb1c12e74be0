// Ever more guests at work on one tree: with a server each, or as sessions of one server.
#include <unistd.h>

#include <filesystem>
#include <memory>
#include <vector>

#include <fmt/format.h>

#include "bench/scale_driver/bare_tree.h"
#include "bench/scale_driver/kinds.h"
#include "bench/scale_driver/served.h"
#include "bench/scale_driver/socket_client.h"

namespace nineroot::bench {
namespace {

constexpr std::uint32_t kDirFid = 1;
constexpr std::uint32_t kFirstFid = 10;
constexpr unsigned kFiles = 1000;
constexpr const char* kOurs = "nineroot";

/// All guests together, each time.
constexpr unsigned kBatches = 1280;

/// Starts a batch of kSlots requests with every guest before it waits for any.
template <class Clients>
void do_all(const Clients& clients, const MakeRequest& make) {
  for (const auto& client : clients) {
    client->start(kSlots, make);
  }
  for (const auto& client : clients) {
    client->finish();
  }
}

/// Each guest looks at files and lets them go.
template <class Clients>
void work(const Clients& clients) {
  const auto rounds = static_cast<unsigned>(kBatches / clients.size());
  for (unsigned round = 0; round < rounds; ++round) {
    do_all(clients, [round](unsigned i, std::span<std::byte> room) {
      const unsigned file = scattered(round * kSlots + i, kFiles);
      return Client::plain(walk_to(kDirFid, kFirstFid + i, entry_name(file)), room);
    });
    do_all(clients, [](unsigned i, std::span<std::byte> room) {
      return Client::plain(
          wire::Tgetattr{.fid = kFirstFid + i, .request_mask = wire::kGetattrBasic}, room);
    });
    do_all(clients, clunk_from(kFirstFid));
  }
}

constexpr unsigned kRequests = kBatches * kSlots * 3;

void make_files(const Job& job) {
  make_bare_tree(job.tree);
  BareCalls calls(job.tree);
  for (unsigned i = 0; i < kFiles; ++i) {
    create_entry(calls, i);
  }
}

Request go_to_list(unsigned, std::span<std::byte> room) {
  return Client::plain(walk_to(kRootFid, kDirFid, "list"), room);
}

void print_memory(const std::string& when, const ProcessMemory& sum, std::size_t count) {
  const auto each = static_cast<double>(count) * 1024;
  print_number(when + ", RSS", "KiB", static_cast<double>(sum.rss) / each);
  print_number(when + ", guest memory in RSS", "KiB",
               static_cast<double>(sum.shared_memory) / each);
  print_number(when + ", PSS", "KiB", static_cast<double>(sum.pss) / each);
  print_number(when + ", private", "KiB", static_cast<double>(sum.private_) / each);
}

ProcessMemory memory_of_all(const std::vector<std::unique_ptr<Served>>& guests) {
  ProcessMemory sum;
  for (const auto& guest : guests) {
    const ProcessMemory memory = guest->memory();
    sum.rss += memory.rss;
    sum.pss += memory.pss;
    sum.private_ += memory.private_;
    sum.shared_memory += memory.shared_memory;
  }
  return sum;
}

}  // namespace

void measure_guests(const Job& job) {
  make_files(job);
  std::vector<std::unique_ptr<Served>> guests;
  std::vector<Client*> clients;
  for (unsigned i = 0; i < job.size; ++i) {
    guests.push_back(std::make_unique<Served>(
        std::vector<std::string>{job.program, "serve", job.tree, "--shared"}));
    clients.push_back(&guests.back()->client());
    clients.back()->run(1, 1, go_to_list);
  }
  print_memory("a server, idle", memory_of_all(guests), job.size);
  const auto cpu = [&] {
    std::uint64_t sum = 0;
    for (const auto& guest : guests) {
      sum += guest->settled_cpu();
    }
    return sum;
  };
  print_cost("a request, a server per guest", kOurs,
             cost_of(kRequests, cpu, [&] { work(clients); }));
  print_memory("a server, after work", memory_of_all(guests), job.size);
}

void measure_sessions(const Job& job) {
  make_files(job);
  const std::string path =
      (std::filesystem::temp_directory_path() / fmt::format("nineroot-scale-{}", ::getpid()))
          .string();
  Child server({job.program, "serve", job.tree, "--shared", "--listen", "unix:" + path});
  std::vector<std::unique_ptr<SocketClient>> clients;
  const auto call_all = [&](const auto& message) {
    for (const auto& client : clients) {
      client->start(
          1, [&](unsigned, std::span<std::byte> room) { return Client::plain(message, room); });
      client->finish();
    }
  };
  for (unsigned i = 0; i < job.size; ++i) {
    clients.push_back(std::make_unique<SocketClient>(path, server));
  }
  call_all(wire::Tversion{.msize = 65536, .version = "9P2000.L"});
  call_all(wire::Tattach{
      .fid = kRootFid, .afid = wire::kNoFid, .uname = "root", .aname = "", .n_uname = 0});
  call_all(walk_to(kRootFid, kDirFid, "list"));
  print_memory("a session, idle", memory_of(server.pid()), job.size);
  print_cost("a request, a session per guest", kOurs,
             cost_of(kRequests, [&] { return server.cpu(); }, [&] { work(clients); }));
  print_memory("a session, after work", memory_of(server.pid()), job.size);
}

}  // namespace nineroot::bench

// A file below ever more directories: a fid of it should cost what one at the root does.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <functional>
#include <system_error>

#include "base/unique_fd.h"
#include "bench/scale_driver/kinds.h"
#include "bench/scale_driver/served.h"

namespace nineroot::bench {
namespace {

constexpr const char* kLevel = "level-name";
constexpr const char* kFile = "file";
constexpr const char* kOurs = "nineroot";
constexpr const char* kBare = "system calls";
constexpr unsigned kRepeats = 2000;
constexpr unsigned kOthers = 400;
/// So many descriptors that those of kOthers inodes push all older ones out.
constexpr const char* kFewDescriptors = "--nofile=300";

enum : std::uint32_t { kParentFid = 1, kFileFid, kPathFid, kOthersFid };
constexpr std::uint32_t kFirstFid = 10'000;

template <class Status>
Status must(Status status, const char* what) {
  if (status < 0) {
    throw std::system_error(errno, std::generic_category(), what);
  }
  return status;
}

void make_chain(const Job& job) {
  UniqueFd at(must(::open(job.tree.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC), "tree"));
  must(::mkdirat(at.get(), "others", 0700), "others");
  for (unsigned i = 0; i < kOthers; ++i) {
    const std::string name = "others/" + entry_name(i);
    must(::mknodat(at.get(), name.c_str(), S_IFREG | 0600U, 0), "others");
  }
  for (unsigned i = 0; i < job.size; ++i) {
    must(::mkdirat(at.get(), kLevel, 0700), kLevel);
    at = UniqueFd(must(::openat(at.get(), kLevel, O_PATH | O_DIRECTORY | O_CLOEXEC), kLevel));
  }
  must(::mknodat(at.get(), kFile, S_IFREG | 0600U, 0), kFile);
}

/// Down `levels` directories from the root, as a guest does: 16 names per Twalk.
void walk_down(Client& client, unsigned levels, std::uint32_t fid) {
  client.call(walk_to(kRootFid, fid));
  for (unsigned left = levels; left > 0;) {
    wire::Twalk message = walk_to(fid, fid);
    const unsigned names = std::min<unsigned>(left, wire::kMaxWalkNames);
    message.nwname = static_cast<std::uint16_t>(names);
    std::fill_n(message.wname.begin(), names, kLevel);
    client.call(message);
    left -= names;
  }
}

template <class Message>
MakeRequest always(Message message) {
  return [message](unsigned, std::span<std::byte> room) { return Client::plain(message, room); };
}

Request walk_to_file(unsigned i, std::span<std::byte> room) {
  return Client::plain(walk_to(kParentFid, kFirstFid + i, kFile), room);
}

void measure_at_the_bottom(const Job& job) {
  Served served({job.program, "serve", job.tree});
  Client& client = served.client();
  const auto walk_paths = [&](const char* row, unsigned paths) {
    print_cost(row, kOurs,
               cost_of(
                   paths * job.size, [&] { return served.settled_cpu(); },
                   [&] {
                     for (unsigned i = 0; i < paths; ++i) {
                       walk_down(client, job.size, kPathFid);
                       client.call(wire::Tclunk{.fid = kPathFid});
                     }
                   }));
  };
  walk_paths("first walk of the path, per name", 1);
  walk_paths("walk of the path, per name", std::max(1U, kRepeats / job.size));
  walk_down(client, job.size, kParentFid);
  client.call(walk_to(kParentFid, kFileFid, kFile));
  print_cost("walk of the last name", kOurs, served.run(kRepeats, walk_to_file));
  print_cost("getattr", kOurs,
             served.run(kRepeats, always(wire::Tgetattr{.fid = kFileFid,
                                                        .request_mask = wire::kGetattrBasic})));
  print_cost("open", kOurs, served.run(kRepeats, [](unsigned i, std::span<std::byte> room) {
    return Client::plain(wire::Tlopen{.fid = kFirstFid + i, .flags = O_RDONLY}, room);
  }));
  client.run(kRepeats, kSlots, clunk_from(kFirstFid));
}

/// No descriptor of the path is left when the getattr comes.
void measure_found_again(const Job& job) {
  constexpr unsigned kTimes = 20;
  Served served({"prlimit", kFewDescriptors, job.program, "serve", job.tree});
  Client& client = served.client();
  walk_down(client, job.size, kParentFid);
  client.call(walk_to(kParentFid, kFileFid, kFile));
  client.call(walk_to(kRootFid, kOthersFid, "others"));
  Cost sum;
  for (unsigned i = 0; i < kTimes; ++i) {
    client.run(kOthers, kSlots, [](unsigned other, std::span<std::byte> room) {
      return Client::plain(walk_to(kOthersFid, kFirstFid + other, entry_name(other)), room);
    });
    const Cost cost =
        served.run(1, always(wire::Tgetattr{.fid = kFileFid, .request_mask = wire::kGetattrBasic}));
    sum.elapsed += cost.elapsed / kTimes;
    sum.cpu += cost.cpu / kTimes;
    client.run(kOthers, kSlots, clunk_from(kFirstFid));
  }
  print_cost("getattr, all descriptors closed", kOurs, sum);
}

void measure_bare(const Job& job) {
  struct statx seen{};
  const auto stat = [&](int fd) {
    must(::statx(fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS | STATX_BTIME, &seen), "statx");
  };
  const auto open_at = [](int dir, const char* name, int flags) {
    return UniqueFd(must(::openat(dir, name, flags | O_NOFOLLOW | O_CLOEXEC), name));
  };
  const UniqueFd root = open_at(AT_FDCWD, job.tree.c_str(), O_PATH);
  UniqueFd bottom;
  const unsigned paths = std::max(1U, kRepeats / job.size);
  const auto print = [](const char* row, unsigned count, const std::function<void()>& once) {
    print_cost(row, kBare, cost_of(count, own_cpu, once));
  };
  print("walk of the path, per name", paths * job.size, [&] {
    for (unsigned i = 0; i < paths * job.size; ++i) {
      const bool is_first = i % job.size == 0;
      bottom = open_at(is_first ? root.get() : bottom.get(), kLevel, O_PATH);
      stat(bottom.get());
    }
  });
  const auto repeated = [](const std::function<void()>& work) {
    return [work] {
      for (unsigned i = 0; i < kRepeats; ++i) {
        work();
      }
    };
  };
  const UniqueFd file = open_at(bottom.get(), kFile, O_PATH);
  print("walk of the last name", kRepeats,
        repeated([&] { stat(open_at(bottom.get(), kFile, O_PATH).get()); }));
  print("getattr", kRepeats, repeated([&] { stat(file.get()); }));
  print("open", kRepeats, repeated([&] { (void)open_at(bottom.get(), kFile, O_RDONLY); }));
}

}  // namespace

void measure_depth(const Job& job) {
  make_chain(job);
  measure_at_the_bottom(job);
  measure_found_again(job);
  measure_bare(job);
}

}  // namespace nineroot::bench

#include "bench/workload/measure.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "bench/workload/must.h"

namespace nineroot::workload {
namespace {

constexpr unsigned kMaxProcesses = 8;

/// A guest's kernel serves nobody else; the host's does.
bool has_caches_of_its_own() {
  return getpid() == 1;
}

void drop_caches() {
  sync();
  const std::string path = "/proc/sys/vm/drop_caches";
  const int fd = must(open(path.c_str(), O_WRONLY), "open", path);
  must(write(fd, "3", 1), "write", path);
  close(fd);
}

/// Of all virtio devices: one per reply as long as one process asks.
std::uint64_t interrupts() {
  std::uint64_t total = 0;
  std::ifstream file("/proc/interrupts");
  for (std::string line; std::getline(file, line);) {
    if (line.find("virtio") != std::string::npos) {
      std::istringstream words(line);
      std::string number;
      std::uint64_t count = 0;
      words >> number >> count;
      total += count;
    }
  }
  return total;
}

Part part_of(const Job& job, const Step& step, const Place& place, unsigned process) {
  return {.job = &job,
          .step = &step,
          .directory = place.directory + '/' + step.tree + std::to_string(process),
          .processes = step.processes};
}

Tally in_each(const Job& job, const Step& step, const Place& place, Work work) {
  Tally total;
  for (unsigned process = 0; process < step.processes; ++process) {
    total += work(part_of(job, step, place, process));
  }
  return total;
}

/// Processes that wait for the start, work, and stay until they are sent home: what a process used
/// of a CPU is known as long as it is there.
class Team {
 public:
  Team(const Job& job, const Step& step, const Place& place) {
    void* memory = mmap(nullptr, sizeof(Tally) * kMaxProcesses, PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) {
      give_up("mmap", "tallies");
    }
    tallies_ = static_cast<Tally*>(memory);
    for (auto* ends : {&start_, &home_, &done_}) {
      must(pipe2(ends->data(), O_CLOEXEC), "pipe", "of a team");
    }
    for (unsigned process = 0; process < step.processes; ++process) {
      const pid_t child = must(fork(), "fork", step.name);
      if (child == 0) {
        close(start_[1]);
        close(home_[1]);
        wait_for_end(start_[0]);
        tallies_[process] = step.work(part_of(job, step, place, process));
        must(write(done_[1], "d", 1), "write", "done");
        close(done_[1]);
        wait_for_end(home_[0]);
        _exit(0);
      }
      children_.push_back(child);
    }
    close(start_[0]);
    close(home_[0]);
    close(done_[1]);
  }

  Team(const Team&) = delete;
  Team& operator=(const Team&) = delete;

  ~Team() {
    close(home_[1]);
    for (const pid_t child : children_) {
      waitpid(child, nullptr, 0);
    }
    close(done_[0]);
    munmap(tallies_, sizeof(Tally) * kMaxProcesses);
  }

  Tally work() {
    close(start_[1]);  // All of them read the end of the pipe.
    Tally total;
    for (std::size_t i = 0; i < children_.size(); ++i) {
      char done = 0;
      if (must(read(done_[0], &done, 1), "read", "done") == 0) {
        errno = ECHILD;
        give_up("work", "in a process");
      }
    }
    for (std::size_t i = 0; i < children_.size(); ++i) {
      total += tallies_[i];
    }
    return total;
  }

 private:
  static void wait_for_end(int fd) {
    char none = 0;
    (void)!read(fd, &none, 1);
  }

  std::array<int, 2> start_{};
  std::array<int, 2> home_{};
  std::array<int, 2> done_{};
  std::vector<pid_t> children_;
  Tally* tallies_ = nullptr;
};

/// Whoever reads our lines looks at the server's clock now.
void let_look(const char* what, const Step& step, const Place& place, const std::string& numbers) {
  std::printf("@%s %s\t%s\t%s\n", what, step.name.c_str(), place.name.c_str(), numbers.c_str());
  std::fflush(stdout);
  char byte = 0;
  while (read(STDIN_FILENO, &byte, 1) == 1 && byte != '\n') {
  }
}

}  // namespace

void measure(const Job& job, const Step& step, const Place& place) {
  for (unsigned process = 0; process < step.processes; ++process) {
    mkdir(part_of(job, step, place, process).directory.c_str(), 0755);
  }
  if (step.caches == Caches::cold && !has_caches_of_its_own()) {
    std::printf("@skip %s\t%s\n", step.name.c_str(), place.name.c_str());
    return;
  }
  if (step.warm_up != nullptr) {
    in_each(job, step, place, step.warm_up);
  }
  if (step.caches == Caches::cold) {
    drop_caches();
  }
  Team team(job, step, place);
  let_look("ready", step, place, "");
  const std::uint64_t interrupts_before = interrupts();
  const auto start = std::chrono::steady_clock::now();
  Tally tally = team.work();
  const std::chrono::nanoseconds spent = std::chrono::steady_clock::now() - start;
  const std::uint64_t interrupted = interrupts() - interrupts_before;
  let_look("done", step, place,
           std::to_string(tally.operations) + '\t' + std::to_string(spent.count()) + '\t' +
               std::to_string(interrupted));
  if (step.check != nullptr) {
    tally = in_each(job, step, place, step.check);
  }
  std::printf("@sum %s\t%s\t%llu\t%llu\n", step.name.c_str(), place.name.c_str(),
              static_cast<unsigned long long>(tally.operations),
              static_cast<unsigned long long>(tally.sum));
}

}  // namespace nineroot::workload

// ring_driver TREE NINEROOT QEMU ROUNDS DEPTHS [OPERATION]: measures, prints a line of JSON each.
// `bench/ring` runs it and makes the table.  QEMU may be "-": then there is no peer.  DEPTHS are
// numbers with commas between; OPERATION is what the names of those to be measured begin with.
#include <chrono>
#include <ctime>
#include <exception>
#include <memory>
#include <sstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <fmt/format.h>

#include "bench/ring_driver/device.h"
#include "bench/ring_driver/operations.h"

namespace nineroot::bench {
namespace {

std::uint64_t now(clockid_t clock) {
  timespec time{};
  ::clock_gettime(clock, &time);
  return static_cast<std::uint64_t>(time.tv_sec) * 1'000'000'000U +
         static_cast<std::uint64_t>(time.tv_nsec);
}

/// A device with its own memory and a session on it.
class Subject {
 public:
  using Start = std::unique_ptr<Device> (*)(const std::string&, const std::string&,
                                            GuestMemoryFile&);

  Subject(std::string name, Start start, const std::string& program, const std::string& tree)
      : name_(std::move(name)),
        device_(start(program, tree, memory_)),
        ring_(memory_, [this] { device_->kick(); }),
        client_(ring_) {
    begin_session(client_);
    measure_kick();
  }

  void measure(const Operation& operation, unsigned depth, unsigned round) {
    if (operation.prepare) {
      operation.prepare(client_);
    }
    const std::int64_t interrupts = device_->interrupts();
    const std::uint64_t kicks = ring_.kicks();
    const std::uint64_t cpu = settled_cpu();
    const std::uint64_t start = now(CLOCK_MONOTONIC);
    client_.run(operation.count, depth, operation.request);
    const std::uint64_t end = now(CLOCK_MONOTONIC);
    const double cpu_spent = static_cast<double>(settled_cpu() - cpu);
    const double kicked = static_cast<double>(ring_.kicks() - kicks);
    const std::int64_t interrupted = device_->interrupts() - interrupts;
    if (operation.clean) {
      operation.clean(client_);
    }
    const double count = operation.count;
    fmt::print(
        "{{\"variant\": \"{}\", \"operation\": \"{}\", \"depth\": {}, \"round\": {}, \"ns\": "
        "{:.0f}, "
        "\"cpu_ns\": {:.0f}, \"net_cpu_ns\": {:.0f}, \"kicks\": {:.3f}, \"interrupts\": {:.3f}}}\n",
        name_, operation.name, depth, round, static_cast<double>(end - start) / count,
        cpu_spent / count, (cpu_spent - kicked * kick_cost_) / count, kicked / count,
        interrupts < 0 ? -1 : static_cast<double>(interrupted) / count);
  }

 private:
  /// CPU time when the device has gone to sleep: the kernel adds up a running thread's time at its
  /// next tick only.
  [[nodiscard]] std::uint64_t settled_cpu() const {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
    return device_->cpu();
  }

  /// What a kick with nothing in the ring costs: QEMU's is a line of text, which no guest sends, so
  /// the comparison leaves kicks out on both sides.
  void measure_kick() {
    constexpr int kKicks = 2000;
    constexpr std::chrono::microseconds kPause(20);
    const std::uint64_t before = settled_cpu();
    for (int i = 0; i < kKicks; ++i) {
      device_->kick();
      device_->finish_kick();
      std::this_thread::sleep_for(kPause);
    }
    kick_cost_ = static_cast<double>(settled_cpu() - before) / kKicks;
    fmt::print("{{\"variant\": \"{}\", \"kick_cost_ns\": {:.0f}}}\n", name_, kick_cost_);
  }

  std::string name_;
  GuestMemoryFile memory_;
  std::unique_ptr<Device> device_;
  Ring ring_;
  Client client_;
  double kick_cost_ = 0;
};

void measure_bare(BareCalls& calls, const Operation& operation, unsigned round) {
  if (operation.bare_prepare) {
    operation.bare_prepare(calls);
  }
  const std::uint64_t start = now(CLOCK_THREAD_CPUTIME_ID);
  if (operation.bare) {
    for (unsigned i = 0; i < operation.count; ++i) {
      operation.bare(calls, i);
    }
  }
  const std::uint64_t spent = operation.bare ? now(CLOCK_THREAD_CPUTIME_ID) - start : 0;
  if (operation.bare_clean) {
    operation.bare_clean(calls);
  }
  fmt::print(
      "{{\"variant\": \"system calls\", \"operation\": \"{}\", \"round\": {}, \"cpu_ns\": "
      "{:.0f}}}\n",
      operation.name, round, static_cast<double>(spent) / operation.count);
}

std::vector<unsigned> numbers_in(const std::string& text) {
  std::vector<unsigned> numbers;
  std::istringstream words(text);
  for (std::string word; std::getline(words, word, ',');) {
    numbers.push_back(static_cast<unsigned>(std::stoul(word)));
    if (numbers.back() == 0 || numbers.back() > kSlots) {
      throw std::invalid_argument(fmt::format("a depth is 1 to {}", kSlots));
    }
  }
  return numbers;
}

int run(const std::vector<std::string>& arguments) {
  const std::string& tree = arguments.at(0);
  const auto rounds = static_cast<unsigned>(std::stoul(arguments.at(3)));
  const std::vector<unsigned> depths = numbers_in(arguments.at(4));
  const std::string wanted = arguments.size() > 5 ? arguments[5] : "";
  make_tree(tree);
  std::vector<std::unique_ptr<Subject>> subjects;
  subjects.push_back(std::make_unique<Subject>("nineroot", start_nineroot, arguments.at(1), tree));
  if (arguments.at(2) != "-") {
    subjects.push_back(std::make_unique<Subject>("QEMU", start_qemu, arguments.at(2), tree));
  }
  BareCalls calls(tree);
  for (unsigned round = 0; round < rounds; ++round) {
    for (const Operation& operation : operations()) {
      if (!operation.name.starts_with(wanted)) {
        continue;
      }
      measure_bare(calls, operation, round);
      for (const unsigned depth : depths) {
        for (const auto& subject : subjects) {
          subject->measure(operation, depth, round);
        }
      }
    }
  }
  return 0;
}

}  // namespace
}  // namespace nineroot::bench

int main(int argc, char** argv) {
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  if (arguments.size() < 5) {
    fmt::print(stderr, "Usage: ring_driver TREE NINEROOT QEMU|- ROUNDS DEPTHS [OPERATION]\n");
    return 2;
  }
  try {
    return nineroot::bench::run(arguments);
  } catch (const std::exception& error) {
    fmt::print(stderr, "ring_driver: {}\n", error.what());
    return 1;
  }
}

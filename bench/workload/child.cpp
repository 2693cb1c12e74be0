#include "bench/workload/child.h"

#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <vector>

#include "bench/workload/must.h"

namespace nineroot::workload {
namespace {

[[noreturn]] void become(std::initializer_list<const char*> words, int output) {
  std::vector<char*> arguments;
  for (const char* word : words) {
    arguments.push_back(const_cast<char*>(word));
  }
  arguments.push_back(nullptr);
  dup2(output, STDOUT_FILENO);
  execv(arguments[0], arguments.data());
  _exit(127);
}

}  // namespace

Tally run_child(std::initializer_list<const char*> words) {
  std::array<int, 2> ends{};
  must(pipe(ends.data()), "pipe", *words.begin());
  const pid_t child = must(fork(), "fork", *words.begin());
  if (child == 0) {
    close(ends[0]);
    become(words, ends[1]);
  }
  close(ends[1]);
  Tally tally{.operations = 0, .sum = hash_of("")};
  static std::array<char, 65536> buffer;
  while (const ssize_t got = must(read(ends[0], buffer.data(), buffer.size()), "read", "pipe")) {
    const auto size = static_cast<std::size_t>(got);
    tally.operations += size;
    tally.sum = hash_of({buffer.data(), size}, tally.sum);
  }
  close(ends[0]);
  int status = 0;
  must(waitpid(child, &status, 0), "wait for", *words.begin());
  if (status != 0) {
    errno = ECHILD;
    give_up("run", *words.begin());
  }
  return tally;
}

}  // namespace nineroot::workload

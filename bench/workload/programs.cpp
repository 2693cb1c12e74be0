#include "bench/workload/programs.h"

#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <initializer_list>
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

/// How many bytes the program printed; gives up unless it ended well.
std::uint64_t run(std::initializer_list<const char*> words) {
  std::array<int, 2> ends{};
  must(pipe(ends.data()), "pipe", *words.begin());
  const pid_t child = must(fork(), "fork", *words.begin());
  if (child == 0) {
    close(ends[0]);
    become(words, ends[1]);
  }
  close(ends[1]);
  std::uint64_t bytes = 0;
  static std::array<char, 65536> buffer;
  while (const ssize_t got = must(read(ends[0], buffer.data(), buffer.size()), "read", "pipe")) {
    bytes += static_cast<std::uint64_t>(got);
  }
  close(ends[0]);
  int status = 0;
  must(waitpid(child, &status, 0), "wait for", *words.begin());
  if (status != 0) {
    errno = ECHILD;
    give_up("run", *words.begin());
  }
  return bytes;
}

std::string tree_of(const Repository& repository) {
  return repository.directory + "/repository";
}

}  // namespace

Tally unpack(const Repository& repository) {
  run({"/bin/tar", "-x", "--no-same-owner", "-f", repository.archive.c_str(), "-C",
       repository.directory.c_str()});
  return {.operations = 1, .sum = 0};
}

Tally pack(const Repository& repository) {
  return {.operations = 1,
          .sum = run({"/bin/tar", "-c", "-f", "-", "-C", tree_of(repository).c_str(), "."})};
}

Tally git_status(const Repository& repository) {
  if (run({"/usr/bin/git", "-C", tree_of(repository).c_str(), "status", "--porcelain"}) != 0) {
    errno = EILSEQ;
    give_up("find clean", tree_of(repository));
  }
  return {.operations = 1, .sum = 0};
}

}  // namespace nineroot::workload

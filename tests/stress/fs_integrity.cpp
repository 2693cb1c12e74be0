// fs_integrity: several processes write, map, cut and read files at once, and know what must be
// there.
//
//   fs_integrity [--seed N] [--steps N] [--writers N] [--cache MODE] DIRECTORY
//   fs_integrity --check FILE [--seed N] [--writers N] DIRECTORY
//
// The first prints a line for each fsync.  The second, on the host after the guest has gone, reads
// those lines from FILE, and finds out whether all that they promise is there.  Exits 1 if not.
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>

#include <CLI/CLI.hpp>

#include "tests/stress/client_limits.h"
#include "tests/stress/complain.h"
#include "tests/stress/private_writer.h"
#include "tests/stress/shared_writer.h"
#include "tests/stress/side.h"

namespace {

using namespace nineroot::stress;

constexpr std::uint64_t kBetweenAcknowledgements = 500;

void work(const Crew& crew, std::uint32_t writer, std::uint64_t steps) {
  SharedWriter shared(crew, writer);
  PrivateWriter own(crew, writer);
  for (std::uint64_t step = 1; step <= steps; ++step) {
    shared.step();
    own.step();
    if (step % kBetweenAcknowledgements == 0) {
      shared.acknowledge();
    }
  }
  shared.acknowledge();
  own.acknowledge();
}

int run(const Crew& crew, std::uint64_t steps) {
  std::filesystem::remove_all(crew.directory);
  std::filesystem::create_directories(crew.directory);
  const nineroot::UniqueFd file(
      ::open((crew.directory + "/shared").c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  require(::ftruncate(file.get(), static_cast<off_t>(kRecords * kRecordSize)) == 0, "ftruncate");
  for (std::uint32_t writer = 0; writer < crew.writers; ++writer) {
    if (::fork() == 0) {
      work(crew, writer, steps);
      ::_exit(0);
    }
  }
  int failed = 0;
  for (int status = 0; ::wait(&status) > 0;) {
    failed += status == 0 ? 0 : 1;
  }
  std::printf("%s: %u writers, %llu steps each\n", failed == 0 ? "done" : "FAILED", crew.writers,
              static_cast<unsigned long long>(steps));
  return failed == 0 ? 0 : 1;
}

// Only the last line of a private file tells what it is now, and only if its writer came to an end.
bool is_as_promised(const Crew& crew, std::uint32_t writer, std::size_t size, std::uint64_t hash) {
  std::ifstream file(crew.directory + "/private" + std::to_string(writer), std::ios::binary);
  const std::string content{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  const bool is_right = content.size() == size && hash_of(content.data(), content.size()) == hash;
  if (!is_right) {
    std::printf("private file %u has %zu bytes, not the %zu promised, or others\n", writer,
                content.size(), size);
  }
  return is_right;
}

int check(const Crew& crew, const std::string& path) {
  std::ifstream lines(path);
  std::vector<std::uint64_t> acknowledged(crew.writers);
  int wrong = 0;
  std::size_t promises = 0;
  for (std::string kind; lines >> kind;) {
    std::uint32_t writer = 0;
    std::uint64_t number = 0;
    if (kind == "shared" && lines >> writer >> number && writer < crew.writers) {
      acknowledged[writer] = number;
      ++promises;
    } else if (std::uint64_t hash = 0;
               kind == "private" && lines >> writer >> number >> hash && writer < crew.writers) {
      wrong += is_as_promised(crew, writer, number, hash) ? 0 : 1;
      ++promises;
    } else {
      lines.ignore(10'000, '\n');
    }
  }
  if (promises == 0) {
    std::printf("%s promises nothing\n", path.c_str());
    return 1;
  }
  wrong += count_lost(crew, acknowledged);
  std::printf("%zu promises, %d broken\n", promises, wrong);
  return wrong == 0 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  Crew crew;
  std::uint64_t steps = 2000;
  std::string cache = "local";
  std::string promises;
  CLI::App app("Data integrity under several processes");
  app.add_option("--seed", crew.seed);
  app.add_option("--steps", steps);
  app.add_option("--writers", crew.writers)->check(CLI::Range(1, 64));
  app.add_option("--cache", cache)->check(CLI::IsMember({"local", "none", "mmap", "loose"}));
  app.add_option("--check", promises);
  app.add_option("directory", crew.directory)->required();
  CLI11_PARSE(app, argc, argv);
  crew.has_mappings = cache != "none";
  crew.has_coherent_mappings = has_coherent_mappings(*cache_named(cache));
  return promises.empty() ? run(crew, steps) : check(crew, promises);
}

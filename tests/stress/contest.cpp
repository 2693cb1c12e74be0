#include "tests/stress/contest.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <optional>

#include "tests/stress/side.h"
#include "tests/stress/tree_image.h"

namespace nineroot::stress {
namespace {

// Symlinks of the tested trees may lead upwards: these levels are theirs too.
constexpr const char* kLevels = "/1/2/3/4/5/6";

// Behind the operations on the way to the parent.
const std::string kEnd = "# end\n";

// Who is not root must first be let into directories that the operations closed.
void remove_tree(const std::string& top) {
  std::error_code none;
  std::filesystem::permissions(top, std::filesystem::perms::owner_all, none);
  for (const auto& entry : std::filesystem::directory_iterator(top, none)) {
    if (entry.symlink_status(none).type() == std::filesystem::file_type::directory) {
      remove_tree(entry.path().string());
    } else {
      std::filesystem::remove(entry.path(), none);
    }
  }
  std::filesystem::remove(top, none);
}

std::string make_root(const std::string& top) {
  remove_tree(top);
  const std::string root = top + kLevels;
  std::filesystem::create_directories(root);
  for (std::string path = root; path.size() >= top.size(); path.resize(path.find_last_of('/'))) {
    ::chmod(path.c_str(), 0777);
  }
  return root;
}

TreeImage comparable(TreeImage image, Cache cache) {
  for (auto& [path, line] : image) {
    line = stress::comparable(line, cache);
  }
  return image;
}

std::optional<std::string> compare_trees(const Side& tested, const Side& model, Cache cache,
                                         const std::array<std::string, 2>& tops) {
  std::string text;
  for (int slot = 0; slot < kSlots; ++slot) {
    const std::string one = comparable(tested.describe_open(slot), cache);
    const std::string other = comparable(model.describe_open(slot), cache);
    if (one != other && (cache == Cache::local || !is_lost_by_client(slot, model))) {
      text += "what is open in slot " + std::to_string(slot) + "\n    tested: " + one +
              "\n    model:  " + other + "\n";
    }
  }
  const UniqueFd tested_top(::open(tops[0].c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  const UniqueFd model_top(::open(tops[1].c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  text += differences(comparable(image_of(tested_top.get()), cache),
                      comparable(image_of(model_top.get()), cache));
  return text.empty() ? std::nullopt : std::optional(text);
}

// What the process tells the one that waits for it: each operation before it is done, so that a
// crash leaves its trace, then the difference.
void send(int pipe, const std::string& text) {
  for (std::size_t at = 0; at < text.size();) {
    const ssize_t sent = ::write(pipe, text.data() + at, text.size() - at);
    if (sent < 0) {
      ::_exit(1);
    }
    at += static_cast<std::size_t>(sent);
  }
}

// The difference, or nothing.
std::string run(const Arena& arena, const Source& next,
                const std::function<void(const std::string&)>& disturb, int pipe) {
  const std::array<std::string, 2> tops = {arena.tested + "/run", arena.model + "/run"};
  const std::string tested_root = make_root(tops[0]);
  const std::string model_root = make_root(tops[1]);
  Side tested(tested_root, arena.cache != Cache::local);
  Side model(model_root, false);
  std::size_t done = 0;
  while (const std::optional<Operation> wanted = next(model)) {
    const Operation operation = within_client(*wanted, arena.cache);
    if (is_beyond_client(operation, model, arena.cache)) {
      continue;
    }
    send(pipe, to_text(operation) + "\n");
    const Answer expected = comparable(model.perform(operation), arena.cache);
    const Answer given = comparable(tested.perform(operation), arena.cache);
    if (arena.is_traced) {
      std::printf("%s\n    %s\n", to_text(operation).c_str(), given.c_str());
      std::fflush(stdout);
    }
    if (disturb) {
      disturb(model_root);
    }
    if (given != expected) {
      return to_text(operation) + "\n    tested: " + given + "\n    model:  " + expected + "\n";
    }
    if (++done % arena.tree_interval == 0) {
      if (const auto text = compare_trees(tested, model, arena.cache, tops)) {
        return "after " + to_text(operation) + " the trees differ\n" + *text;
      }
    }
  }
  const auto text = compare_trees(tested, model, arena.cache, tops);
  return text ? "at the end the trees differ\n" + *text : "";
}

std::string read_all(int pipe) {
  std::string text;
  std::array<char, 4096> piece{};
  for (;;) {
    const ssize_t got = ::read(pipe, piece.data(), piece.size());
    if (got < 0 && errno == EINTR) {
      continue;
    }
    if (got <= 0) {
      return text;
    }
    text.append(piece.data(), static_cast<std::size_t>(got));
  }
}

}  // namespace

Outcome compete(const Arena& arena, const Source& next,
                const std::function<void(const std::string& model)>& disturb) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
    std::perror("pipe");
    std::exit(2);
  }
  const pid_t child = ::fork();
  if (child == 0) {
    ::close(ends[0]);
    ::signal(SIGPIPE, SIG_IGN);
    send(ends[1], kEnd + run(arena, next, disturb, ends[1]));
    ::_exit(0);
  }
  ::close(ends[1]);
  const UniqueFd read_end(ends[0]);
  const std::string text = read_all(read_end.get());
  int status = 0;
  ::waitpid(child, &status, 0);
  const std::size_t end = text.find(kEnd);
  Outcome outcome;
  outcome.done =
      parse_operations(std::string_view(text).substr(0, end)).value_or(std::vector<Operation>());
  outcome.difference = end == std::string::npos
                           ? "the process died: " + std::string(strsignal(WTERMSIG(status))) + "\n"
                           : text.substr(end + kEnd.size());
  outcome.is_equal = outcome.difference.empty();
  return outcome;
}

Source source_of(const std::vector<Operation>& operations) {
  return [&operations, index = std::size_t{0}](const Side&) mutable {
    return index < operations.size() ? std::optional(operations[index++]) : std::nullopt;
  };
}

}  // namespace nineroot::stress

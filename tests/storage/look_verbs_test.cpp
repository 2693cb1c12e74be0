// The verbs that look at trees, as a person calls them: statuses, lines and JSON.
#include <sys/stat.h>
#include <sys/wait.h>

#include <array>
#include <cstdio>
#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>

#include "tests/support/temp_dir.h"

namespace nineroot::test {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::Not;

struct Answer {
  int status = -1;
  std::string output;  ///< Standard output and error.
};

class LookVerbs : public testing::Test {
 protected:
  LookVerbs() {
    fs::create_directories(at("a/d"));
    fs::create_directories(at("b/d"));
    write_host_file(at("a/f"), "1");
    write_host_file(at("b/f"), "1");
    align();
  }

  [[nodiscard]] fs::path at(const std::string& path) const { return scratch_.path() / path; }

  void align() const {
    ASSERT_EQ(std::system(("find " + at("").string() + " -exec touch -hd @1000 {} +").c_str()), 0);
  }

  /// `nineroot WORDS`, in the directory of the trees.
  [[nodiscard]] Answer run(const std::string& words) const {
    const std::string command = "cd " + at("").string() +
                                " && NINEROOT_HOME=" + at("home").string() + " " +
                                NINEROOT_PROGRAM + " " + words + " 2>&1";
    Answer answer;
    FILE* pipe = ::popen(command.c_str(), "r");
    std::array<char, 4096> room{};
    std::size_t got = 0;
    while ((got = std::fread(room.data(), 1, room.size(), pipe)) > 0) {
      answer.output.append(room.data(), got);
    }
    answer.status = WEXITSTATUS(::pclose(pipe));
    return answer;
  }

  TempDir scratch_;
};

TEST_F(LookVerbs, DiffEndsAsDiffDoes) {
  const Answer same = run("diff ./a ./b");
  EXPECT_EQ(same.status, 0);
  EXPECT_EQ(same.output, "");
  fs::create_directory(at("b/new"));
  const Answer differs = run("diff ./a ./b --path /new");
  EXPECT_EQ(differs.status, 1);
  EXPECT_EQ(differs.output, "added     /new\n");
  const Answer trouble = run("diff ./a ./none");
  EXPECT_EQ(trouble.status, 2);
  EXPECT_THAT(trouble.output, HasSubstr("there is no tree ./none"));
  EXPECT_EQ(run("diff ./a").status, 2);
  EXPECT_EQ(run("diff ./a ./b --path /none").status, 2);
}

TEST_F(LookVerbs, DiffSaysWhatChangedFromWhatToWhat) {
  write_host_file(at("b/f"), "two");
  fs::permissions(at("b/f"), fs::perms(0640));
  fs::permissions(at("a/f"), fs::perms(0644));
  write_host_file(at("b/odd\n\xff"), "");
  align();
  EXPECT_EQ(run("diff ./a ./b").output,
            "modified  /f (size 1 -> 3, mode 0644 -> 0640)\nadded     /odd\\x0a\xff\n");
  const std::string json = run("diff ./a ./b --json").output;
  EXPECT_THAT(json, HasSubstr(R"("fields":["size","mode"],"path":"/f"})"));
  EXPECT_THAT(json, HasSubstr(R"("path_hex":"2f6f64640aff"})"));
}

TEST_F(LookVerbs, DiffReadsBytesOnDemand) {
  write_host_file(at("b/f"), "2");
  align();
  EXPECT_EQ(run("diff ./a ./b").status, 0);
  EXPECT_EQ(run("diff ./a ./b --content").output, "modified  /f (content)\n");
}

TEST_F(LookVerbs, DiffComparesASnapshotWithWhatCameOfIt) {
  const Answer created = run("create web --from ./a");
  ASSERT_EQ(created.status, 0) << created.output;
  const Answer taken = run("snapshot web one --require crash");
  ASSERT_EQ(taken.status, 0) << taken.output;
  EXPECT_EQ(run("diff web@one web").output, "");
  write_host_file(at("home/machines/web/root/f"), "2");
  std::filesystem::create_directory(at("home/machines/web/root/new"));
  const Answer answer = run("diff web@one web");
  EXPECT_EQ(answer.status, 1);
  EXPECT_THAT(answer.output, HasSubstr("modified  /f (mtime"));
  EXPECT_THAT(answer.output, HasSubstr("added     /new\n"));
  EXPECT_EQ(run("diff web@one web@one").status, 0);
  EXPECT_EQ(run("diff web@none web").status, 2);
  EXPECT_THAT(run("du web --snapshots").output, HasSubstr("\nweb@one  "));
}

TEST_F(LookVerbs, DuCountsEachTreeOnce) {
  const Answer answer = run("du ./a ./b a/../a --json");
  EXPECT_EQ(answer.status, 0);
  EXPECT_THAT(answer.output, HasSubstr("\"name\": \"./b\""));
  EXPECT_THAT(answer.output, Not(HasSubstr("a/../a")));
  EXPECT_THAT(answer.output, HasSubstr("\"inodes\": 6"));
  const Answer table = run("du ./a ./b");
  EXPECT_THAT(table.output, HasSubstr("NAME   INODES  LOGICAL"));
  EXPECT_THAT(table.output, HasSubstr("\ntotal  6"));
  EXPECT_EQ(run("du none").status, 1);
}

TEST_F(LookVerbs, DedupSaysWhatItDid) {
  const Answer nothing = run("dedup ./a ./b");
  // Files without blocks worth sharing are no reason to complain of any file system.
  if (nothing.status == 0) {
    EXPECT_THAT(nothing.output, HasSubstr("0 files share now what others hold"));
  } else {
    EXPECT_THAT(nothing.output, HasSubstr("cannot share data between files"));
  }
  EXPECT_EQ(run("dedup none").status, 1);
  EXPECT_EQ(run("dedup --nonsense").status, 2);
}

}  // namespace
}  // namespace nineroot::test

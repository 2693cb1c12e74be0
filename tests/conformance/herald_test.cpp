// The herald (base/herald.h): what it says changes nothing, and is believed only if it is so.
#include <sys/stat.h>

#include "tests/conformance/herald_fixture.h"

namespace nineroot::test {
namespace {

TEST_F(Herald, IsKnown) {
  EXPECT_EQ(client.get_xattr(kHerald, 50, kHeraldQuestion), "1");
  EXPECT_ERRNO(ENODATA, client.get_xattr(0, 50, kHeraldQuestion));
}

TEST_F(Herald, RemovesNothing) {
  EXPECT_TRUE(client.unlink(kHerald, "file"));
  EXPECT_TRUE(client.unlink(kHerald, "dir", wire::kUnlinkRemoveDir));
  EXPECT_TRUE(client.unlink(kHerald, "never-was"));
  EXPECT_TRUE(std::filesystem::exists(path / "file"));
  EXPECT_TRUE(std::filesystem::exists(path / "dir"));
}

TEST_F(Herald, SetsNothingAndOnlyTheSizeThatIs) {
  ASSERT_TRUE(client.walk(kHerald, kNew, {"file"}));
  struct stat before{};
  ASSERT_EQ(::stat((path / "file").c_str(), &before), 0);
  EXPECT_TRUE(client.chmod(kNew, 0777));
  EXPECT_TRUE(client.truncate(kNew, 7));
  EXPECT_ERRNO(ESTALE, client.truncate(kNew, 6));
  EXPECT_ERRNO(ESTALE, client.truncate(kNew, 8));
  struct stat after{};
  ASSERT_EQ(::stat((path / "file").c_str(), &after), 0);
  EXPECT_EQ(after.st_ctim.tv_sec, before.st_ctim.tv_sec);
  EXPECT_EQ(after.st_ctim.tv_nsec, before.st_ctim.tv_nsec);
  EXPECT_EQ(after.st_mode, before.st_mode);
}

TEST_F(Herald, DoesNotFindWhatItMakesUntilItIsMade) {
  announce(kHeraldMakes, "file");
  EXPECT_ERRNO(ENOENT, client.walk(kHerald, kNew, {"file"}));
  EXPECT_ERRNO(ENOENT, client.walk(kHerald, kNew, {"file"}));
  EXPECT_TRUE(client.walk(0, 1, {"file"}));
  EXPECT_TRUE(client.walk(kHerald, kNew, {"dir"}));
  const auto made = make_node("file");
  ASSERT_TRUE(made);
  EXPECT_EQ(made->qid.path, number_of("file"));
  EXPECT_TRUE(client.walk(kHerald, kNew, {"file"}));
}

TEST_F(Herald, MakesOnlyWhatIsThere) {
  EXPECT_ERRNO(ENOENT, make_node("not-there"));
  EXPECT_ERRNO(ENOENT, make_directory("not-there"));
  EXPECT_ERRNO(ENOENT, make_directory("file"));
  EXPECT_ERRNO(ENOENT, make_node("dir"));
  EXPECT_FALSE(std::filesystem::exists(path / "not-there"));
  const auto made = make_directory("dir");
  ASSERT_TRUE(made);
  EXPECT_EQ(made->qid.path, number_of("dir"));
  EXPECT_EQ(made->qid.type, wire::kQidDirectory);
}

TEST_F(Herald, FindsAStandInForWhatItRemoves) {
  announce(kHeraldRemoves, "gone");
  const auto walk = client.walk(kHerald, kNew, {"gone"});
  ASSERT_TRUE(walk);
  const auto attr = client.getattr(kNew);
  ASSERT_TRUE(attr);
  EXPECT_TRUE(S_ISREG(attr->mode));
  EXPECT_EQ(attr->qid.path, walk->wqid[0].path);
  EXPECT_ERRNO(ENOENT, client.walk(0, 1, {"gone"}));
  EXPECT_TRUE(client.walk(kNew, kNew + 1));
  EXPECT_TRUE(client.getattr(kNew + 1));
  EXPECT_TRUE(client.unlink(kHerald, "gone"));
  EXPECT_TRUE(client.clunk(kNew));
}

TEST_F(Herald, FindsADirectoryAsStandInIfItSaysSo) {
  announce(kHeraldRemovesDirectory, "gone");
  const auto walk = client.walk(kHerald, kNew, {"gone"});
  ASSERT_TRUE(walk);
  EXPECT_EQ(walk->wqid[0].type, wire::kQidDirectory);
  EXPECT_TRUE(S_ISDIR(client.getattr(kNew)->mode));
}

TEST_F(Herald, FindsNoStandInForWhatIsThere) {
  announce(kHeraldRemoves, "file");
  EXPECT_ERRNO(ESTALE, client.walk(kHerald, kNew, {"file"}));
}

TEST_F(Herald, CanDoNothingWithAStandIn) {
  announce(kHeraldRemoves, "gone");
  ASSERT_TRUE(client.walk(kHerald, kNew, {"gone"}));
  EXPECT_ERRNO(ENOTDIR, client.walk(kNew, kNew + 1, {"file"}));
  EXPECT_ERRNO(EROFS, client.open(kNew, O_RDONLY));
  EXPECT_ERRNO(ESTALE, client.chmod(kNew, 0777));
  EXPECT_ERRNO(ENODATA, client.get_xattr(kNew, 50, "user.x"));
  EXPECT_ERRNO(EROFS, client.set_xattr(kNew, 50, "user.x", "y"));
}

TEST_F(Herald, IntendsOneThingAtATimeInOneDirectory) {
  ASSERT_TRUE(client.walk(kHerald, kNew, {"dir"}));
  write_host_file(path / "dir/file", "other");
  announce(kHeraldMakes, "file", kNew);
  EXPECT_TRUE(client.walk(kHerald, kNew + 1, {"file"}));
  EXPECT_ERRNO(ENOENT, client.walk(kNew, kNew + 1, {"file"}));
  announce(kHeraldMakes, "other");
  EXPECT_TRUE(client.walk(kNew, kNew + 1, {"file"}));
}

TEST_F(Herald, ChangesNothingElse) {
  ASSERT_TRUE(client.walk(kHerald, kNew, {"file"}));
  ASSERT_TRUE(client.walk(kHerald, kNew + 1));
  EXPECT_ERRNO(EROFS, client.create(kNew + 1, kNew + 2, "new", O_RDWR, 0600, 0));
  EXPECT_ERRNO(EROFS, client.open(kNew, O_RDWR));
  EXPECT_ERRNO(EROFS, client.open(kNew, O_WRONLY));
  EXPECT_ERRNO(EROFS, client.open(kNew, O_RDONLY | O_TRUNC));
  EXPECT_ERRNO(EROFS, client.rename(kHerald, "file", kHerald, "g"));
  EXPECT_ERRNO(EROFS, client.set_xattr(kNew, 50, "user.x", "y"));
  EXPECT_ERRNO(EROFS, client.ask<wire::Rsymlink>(
                          wire::Tsymlink{.dfid = kHerald, .name = "n", .symtgt = "x", .gid = 0}));
  EXPECT_ERRNO(EROFS,
               client.ask<wire::Rlink>(wire::Tlink{.dfid = kHerald, .fid = kNew, .name = "n"}));
  EXPECT_ERRNO(EROFS,
               client.ask<wire::Rrename>(wire::Trename{.fid = kNew, .dfid = kHerald, .name = "n"}));
  EXPECT_TRUE(client.open(kNew, O_RDONLY));
  EXPECT_EQ(client.read(kNew, 0, 100), "content");
  EXPECT_ERRNO(EROFS, client.ask<wire::Rremove>(wire::Tremove{.fid = kNew}));
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(path), {}), 2);
}

TEST_F(Herald, IsNobodyElse) {
  announce(kHeraldMakes, "file");
  ASSERT_TRUE(client.walk(0, 1, {"file"}));
  EXPECT_TRUE(client.chmod(1, 0640));
  EXPECT_TRUE(client.unlink(0, "file"));
  EXPECT_FALSE(std::filesystem::exists(path / "file"));
}

TEST_F(Herald, IsToldOnceThatTheGuestHasMadeOrRemovedAName) {
  ASSERT_TRUE(client.create(0, 1, "made", O_RDWR, 0644, 0));
  ASSERT_TRUE(client.ask<wire::Rmkdir>(
      wire::Tmkdir{.dfid = 0, .name = "made-dir", .mode = 0755, .gid = 0}));
  ASSERT_TRUE(client.unlink(0, "file"));
  ASSERT_TRUE(client.rename(0, "dir", 0, "moved"));
  for (const char* name : {"made", "made-dir", "moved"}) {
    EXPECT_ERRNO(EEXIST, client.get_xattr(kHerald, 50, std::string(kHeraldMakes) + name));
    announce(kHeraldMakes, name);
  }
  for (const char* name : {"file", "dir"}) {
    EXPECT_ERRNO(EEXIST, client.get_xattr(kHerald, 50, std::string(kHeraldRemoves) + name));
    announce(kHeraldRemoves, name);
  }
}

TEST_F(Herald, IsNotToldSoOfWhatTheHostHasDoneSince) {
  ASSERT_TRUE(client.create(0, 1, "made", O_RDWR, 0644, 0));
  std::filesystem::remove(path / "made");
  write_host_file(path / "other", "other");
  std::filesystem::rename(path / "other", path / "made");
  announce(kHeraldMakes, "made");
  ASSERT_TRUE(client.unlink(0, "file"));
  write_host_file(path / "file", "again");
  announce(kHeraldMakes, "file");
}

TEST_F(Herald, IsToldWhetherTheGuestWasTheLastToChangeAFile) {
  ASSERT_TRUE(client.walk(0, 1, {"file"}));
  ASSERT_TRUE(client.walk(kHerald, kNew, {"file"}));
  EXPECT_ERRNO(ENODATA, client.get_xattr(kNew, 50, kHeraldAsksWhose));
  ASSERT_TRUE(client.open(1, O_RDWR));
  ASSERT_TRUE(client.write(1, 0, "guest's"));
  EXPECT_ERRNO(EEXIST, client.get_xattr(kNew, 50, kHeraldAsksWhose));
  EXPECT_ERRNO(EEXIST, client.get_xattr(kNew, 50, kHeraldAsksWhose));
  // The host's clock for ctime has a grain; its change counts once that shows.
  struct stat before{};
  ASSERT_EQ(::stat((path / "file").c_str(), &before), 0);
  struct stat after = before;
  while (after.st_ctim.tv_nsec == before.st_ctim.tv_nsec) {
    write_host_file(path / "file", "host's");
    ASSERT_EQ(::stat((path / "file").c_str(), &after), 0);
  }
  EXPECT_ERRNO(ENODATA, client.get_xattr(kNew, 50, kHeraldAsksWhose));
  ASSERT_TRUE(client.chmod(1, 0640));
  EXPECT_ERRNO(EEXIST, client.get_xattr(kNew, 50, kHeraldAsksWhose));
}

TEST_F(Herald, IsToldTheSize) {
  ASSERT_TRUE(client.walk(0, 1, {"file"}));
  ASSERT_TRUE(client.walk(kHerald, kNew, {"file"}));
  EXPECT_EQ(client.get_xattr(kNew, 50, kHeraldAsksSize), "7");
  EXPECT_ERRNO(ENODATA, client.get_xattr(1, 50, kHeraldAsksSize));
}

TEST_F(Herald, MovesADirectoryToWhereItIs) {
  ASSERT_TRUE(client.walk(0, 1, {"dir"}));
  std::filesystem::rename(path / "dir", path / "moved");
  announce(kHeraldMovesFrom, "dir");
  announce(kHeraldMovesTo, "moved");
  EXPECT_ERRNO(ENOENT, client.walk(kHerald, kNew, {"moved"}));
  EXPECT_TRUE(client.walk(0, 2, {"moved"}));
  EXPECT_ERRNO(ENOENT, client.walk(0, 3, {"dir"}));
  ASSERT_TRUE(client.walk(kHerald, kNew, {"dir"}));
  EXPECT_EQ(client.getattr(kNew)->qid.path, number_of("moved"));
  EXPECT_TRUE(client.rename(kHerald, "dir", kHerald, "moved"));
  EXPECT_TRUE(client.walk(kHerald, kNew + 1, {"moved"}));
  EXPECT_TRUE(client.getattr(kNew));
  EXPECT_TRUE(std::filesystem::exists(path / "moved"));
}

TEST_F(Herald, MovesOnlyWhatIsThereAndOnlyThereAndAnnounced) {
  std::filesystem::create_directory(path / "moved");
  announce(kHeraldMovesFrom, "dir");
  announce(kHeraldMovesTo, "moved");
  EXPECT_ERRNO(ESTALE, client.walk(kHerald, kNew, {"dir"}));
  EXPECT_ERRNO(ESTALE, client.rename(kHerald, "dir", kHerald, "moved"));
  EXPECT_ERRNO(EROFS, client.rename(kHerald, "dir", kHerald, "moved"));
  announce(kHeraldMovesFrom, "gone");
  announce(kHeraldMovesTo, "file");
  EXPECT_ERRNO(ESTALE, client.rename(kHerald, "gone", kHerald, "file"));
  announce(kHeraldMovesFrom, "gone");
  announce(kHeraldMovesTo, "not-there");
  EXPECT_ERRNO(ENOENT, client.rename(kHerald, "gone", kHerald, "not-there"));
  announce(kHeraldMovesFrom, "gone");
  announce(kHeraldMovesTo, "moved");
  EXPECT_ERRNO(EROFS, client.rename(kHerald, "gone", kHerald, "dir"));
  announce(kHeraldMakes, "file");
  EXPECT_ERRNO(EINVAL, client.get_xattr(kHerald, 50, std::string(kHeraldMovesTo) + "moved"));
  EXPECT_TRUE(std::filesystem::exists(path / "dir"));
}

TEST_F(Herald, IsForgottenWithItsSession) {
  announce(kHeraldMakes, "file");
  ASSERT_TRUE(client.version());
  ASSERT_TRUE(client.attach(kHerald, kHeraldUid));
  EXPECT_TRUE(client.walk(kHerald, kNew, {"file"}));
}

}  // namespace
}  // namespace nineroot::test

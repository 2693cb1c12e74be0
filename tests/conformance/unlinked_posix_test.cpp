// Every type of file after its last name has gone: by unlink or by a rename over it, open or not,
// while the budget of descriptors is short.
#include <sys/resource.h>

#include "tests/conformance/posix.h"

namespace nineroot::test {
namespace {

enum class Loss { unlinked, replaced, renamed };

std::string name_of_loss(Loss loss) {
  return loss == Loss::unlinked ? "unlinked" : loss == Loss::replaced ? "replaced" : "renamed";
}

class UnlinkedPosix : public PosixTest {
 protected:
  static constexpr std::uint32_t kPath = 1;  ///< Never opened.
  static constexpr std::uint32_t kOpen = 2;  ///< Opened, where that can be.
  static constexpr std::uint32_t kClone = 3;
  static constexpr std::uint32_t kScratch = 60;

  /// "x" of this type, with both fids, its name lost.
  void lose(std::uint32_t type, Loss loss) {
    ASSERT_TRUE(in_small.make(type, "x"));
    ASSERT_TRUE(small.walk(0, kPath, {"x"}));
    ASSERT_TRUE(small.walk(0, kOpen, {"x"}));
    if (type == S_IFREG || type == S_IFDIR) {
      ASSERT_TRUE(small.open(kOpen, type == S_IFDIR ? O_RDONLY : O_RDWR));
    }
    if (loss == Loss::unlinked) {
      ASSERT_TRUE(in_small.remove(type, "x"));
    } else if (loss == Loss::replaced) {
      ASSERT_TRUE(in_small.make(type == S_IFDIR ? S_IFDIR : S_IFREG, "y"));
      ASSERT_TRUE(small.rename(0, "y", 0, "x"));
    } else {
      ASSERT_TRUE(small.rename(0, "x", 0, "z"));
    }
  }

  void tidy(std::uint32_t type, Loss loss) {
    for (const std::uint32_t fid : {kPath, kOpen}) {
      ASSERT_TRUE(small.clunk(fid));
    }
    if (loss != Loss::unlinked) {
      const bool is_directory = type == S_IFDIR;
      ASSERT_TRUE(small.unlink(0, loss == Loss::replaced ? "x" : "z",
                               is_directory ? wire::kUnlinkRemoveDir : 0));
    }
  }

  /// More inodes than there are descriptors.
  void evict() {
    for (std::uint32_t i = 0; i < 100; ++i) {
      const std::string name = "other" + std::to_string(i);
      write_host_file(served_small.path() / name, "");
      ASSERT_TRUE(small.walk(0, 1000 + i, {name}));
    }
  }

  void check_attributes(std::uint32_t fid, std::uint32_t type, bool is_nameless) {
    const auto before = small.getattr(fid);
    ASSERT_TRUE(before);
    EXPECT_EQ(before->mode & S_IFMT, type);
    EXPECT_EQ(before->nlink == 0, is_nameless);
    if (type != S_IFLNK) {
      EXPECT_TRUE(small.chmod(fid, 02751));
      EXPECT_EQ(small.getattr(fid)->mode, type | 02751U);
    }
    EXPECT_TRUE(in_small.chown(fid, ::geteuid(), ::getegid()));
    EXPECT_TRUE(in_small.utimens(fid, {.tv_sec = 5, .tv_nsec = 6}, {.tv_sec = 7, .tv_nsec = 8}));
    EXPECT_EQ(small.getattr(fid)->atime_nsec, 6U);
    EXPECT_EQ(small.getattr(fid)->mtime_sec, 7U);
    EXPECT_TRUE(small.ask<wire::Rstatfs>(wire::Tstatfs{.fid = fid}));
    if (is_mapped() || type == S_IFREG || type == S_IFDIR) {
      EXPECT_TRUE(small.set_xattr(fid, kScratch, "user.x", "value"));
      EXPECT_EQ(small.get_xattr(fid, kScratch, "user.x"), "value");
      EXPECT_NE(small.get_xattr(fid, kScratch, "")->find("user.x"), std::string::npos);
      EXPECT_TRUE(in_small.remove_xattr(fid, "user.x"));
      EXPECT_ERRNO(ENODATA, small.get_xattr(fid, kScratch, "user.x"));
    }
    EXPECT_ERRNO(ENODATA, small.get_xattr(fid, kScratch, "security.capability"));
  }

  void check_content(std::uint32_t fid, std::uint32_t type) {
    ASSERT_TRUE(small.walk(fid, kClone));
    if (type == S_IFLNK) {
      EXPECT_EQ(small.readlink(kClone), "some/where");
      EXPECT_ERRNO(ELOOP, small.open(kClone, O_RDONLY));
    } else if (type == S_IFREG) {
      EXPECT_TRUE(small.truncate(kClone, 0));
      ASSERT_TRUE(small.open(kClone, O_RDWR));
      EXPECT_EQ(small.write(kClone, 0, "again"), 5U);
      EXPECT_EQ(small.read(kClone, 0, 100), "again");
      EXPECT_TRUE(small.truncate(kClone, 3));
      EXPECT_EQ(small.getattr(fid)->size, 3U);
      EXPECT_TRUE(in_small.fsync(kClone));
    } else if (type == S_IFDIR) {
      EXPECT_TRUE(small.open(kClone, O_RDONLY));
      EXPECT_TRUE(in_small.fsync(kClone));
    } else {
      EXPECT_ERRNO(ENXIO, small.open(kClone, O_RDONLY));
    }
    EXPECT_TRUE(small.clunk(kClone));
  }

  /// What has no name gets none, and nothing is made in a directory that is gone.
  void check_names(std::uint32_t fid, std::uint32_t type) {
    EXPECT_ERRNO(type == S_IFDIR ? EPERM : ENOENT, in_small.link(fid, "back"));
    EXPECT_ERRNO(ENOENT,
                 small.ask<wire::Rrename>(wire::Trename{.fid = fid, .dfid = 0, .name = "back"}));
    ASSERT_TRUE(small.walk(fid, kClone));
    EXPECT_ERRNO(ENOENT, small.ask<wire::Rremove>(wire::Tremove{.fid = kClone}));
    if (type != S_IFDIR) {
      return;
    }
    EXPECT_ERRNO(ENOENT, small.create(fid, kClone, "f", O_RDWR, 0644, 0));
    EXPECT_ERRNO(ENOENT, in_small.mkdir("f", 0755, fid));
    EXPECT_ERRNO(ENOENT, in_small.symlink("t", "f", fid));
    EXPECT_ERRNO(ENOENT, in_small.mknod("f", S_IFIFO | 0600, 0, 0, fid));
    EXPECT_ERRNO(ENOENT, in_small.link(1000, "f", fid));
    EXPECT_ERRNO(ENOENT, small.rename(0, "other1", fid, "f"));
    EXPECT_ERRNO(ENOENT, small.unlink(fid, "f"));
    EXPECT_ERRNO(ENOENT, small.walk(fid, kClone, {"f"}));
    EXPECT_TRUE(small.readdir(kOpen, 0, 1000)->empty());
  }

  ServedTree served_small{{.identity = identity(), .fd_limit = 48}};
  Client9p& small = served_small.client();
  Calls in_small{small};
};
INSTANTIATE_TEST_SUITE_P(Every, UnlinkedPosix, every_identity(), name_of_identity);

TEST_P(UnlinkedPosix, EveryTypeLivesOnWithoutItsName) {
  for (const std::uint32_t type : types()) {
    for (const Loss loss : {Loss::unlinked, Loss::replaced, Loss::renamed}) {
      SCOPED_TRACE(name_of_type(type) + " " + name_of_loss(loss));
      lose(type, loss);
      const bool is_nameless = loss != Loss::renamed;
      for (const std::uint32_t fid : {kPath, kOpen}) {
        evict();
        check_attributes(fid, type, is_nameless);
        evict();
        check_content(fid, type);
        if (is_nameless) {
          check_names(fid, type);
        }
      }
      tidy(type, loss);
    }
  }
}

TEST_P(UnlinkedPosix, ReplacementIsNeverTouchedThroughTheOldFids) {
  for (const std::uint32_t type : {S_IFREG, S_IFLNK, S_IFIFO}) {
    SCOPED_TRACE(name_of_type(type));
    lose(type, Loss::replaced);
    evict();
    const auto before = *in_small.stat("x");
    for (const std::uint32_t fid : {kPath, kOpen}) {
      check_attributes(fid, type, true);
      check_content(fid, type);
    }
    const auto after = *in_small.stat("x");
    EXPECT_EQ(after.mode, before.mode);
    EXPECT_EQ(after.size, before.size);
    EXPECT_EQ(after.mtime_nsec, before.mtime_nsec);
    EXPECT_EQ(after.ctime_nsec, before.ctime_nsec);
    EXPECT_EQ(read_host_file(served_small.path() / "x"), "content");
    tidy(type, Loss::replaced);
  }
}

/// The name is free again and given to others many times: what dpkg and editors do.
TEST_P(UnlinkedPosix, NameIsUsedAgainAndAgain) {
  constexpr std::uint32_t kTimes = 30;
  for (std::uint32_t i = 0; i < kTimes; ++i) {
    ASSERT_TRUE(small.create(0, 10, "new", O_RDWR | O_EXCL, 0600 + i, 0));
    ASSERT_TRUE(small.write(10, 0, std::to_string(i)));
    ASSERT_TRUE(small.rename(0, "new", 0, "status"));
    ASSERT_TRUE(small.walk(0, 100 + i, {"status"}));
    ASSERT_TRUE(small.clunk(10));
  }
  evict();
  for (std::uint32_t i = 0; i < kTimes; ++i) {
    const auto attr = *small.getattr(100 + i);
    EXPECT_EQ(attr.mode, S_IFREG | (0600U + i));
    EXPECT_EQ(attr.nlink, i + 1 == kTimes ? 1U : 0U);
    ASSERT_TRUE(small.open(100 + i, O_RDONLY));
    EXPECT_EQ(small.read(100 + i, 0, 10), std::to_string(i));
  }
}

/// The soft limit of this process, for a while: a few descriptors more than are open.
class ScarceDescriptors {
 public:
  explicit ScarceDescriptors(rlim_t more) {
    ::getrlimit(RLIMIT_NOFILE, &before_);
    const int probe = ::dup(0);  // The lowest number that is free.
    rlimit scarce = before_;
    scarce.rlim_cur = static_cast<rlim_t>(probe) + more;
    ::close(probe);
    ::setrlimit(RLIMIT_NOFILE, &scarce);
  }
  ~ScarceDescriptors() { ::setrlimit(RLIMIT_NOFILE, &before_); }
  ScarceDescriptors(const ScarceDescriptors&) = delete;
  ScarceDescriptors& operator=(const ScarceDescriptors&) = delete;

 private:
  rlimit before_{};
};

TEST_P(UnlinkedPosix, WithoutDescriptorsCallsFailWholeAndNothingIsLost) {
#ifdef __SANITIZE_ADDRESS__
  GTEST_SKIP() << "the sanitizer takes a pipe to look at an object, and calls it broken without";
#endif
  ASSERT_TRUE(calls.mkdir("d"));
  ASSERT_TRUE(client.walk(0, 1, {"d"}));
  ASSERT_TRUE(client.create(1, 2, "open", O_RDWR, 0644, 0));
  ASSERT_TRUE(client.write(2, 0, "kept"));
  std::multiset<std::string> expected{"open"};
  for (rlim_t more = 0; more < 8; ++more) {
    const ScarceDescriptors scarce(more);
    for (const std::uint32_t type : types()) {
      const std::string name = name_of_type(type) + std::to_string(more);
      const auto made = calls.make(type, name, 1);
      if (made || client.walk(1, 50, {name})) {
        expected.insert(name);
      } else {
        EXPECT_ERRNO(EMFILE, made);
      }
    }
    const auto unlinked = client.unlink(1, "file" + std::to_string(more));
    if (unlinked) {
      expected.erase("file" + std::to_string(more));
    }
    EXPECT_EQ(client.read(2, 0, 10), "kept");
    if (identity() != fs::IdentityKind::mapped_file || more > 0) {
      EXPECT_TRUE(client.getattr(1));  // In mapped-file a record is a file, to be opened.
    }
  }
  EXPECT_EQ(calls.names(1), expected);
  for (const std::string& name : expected) {
    EXPECT_TRUE(calls.stat(name, 1)) << name;
  }
}

}  // namespace
}  // namespace nineroot::test

// Names and paths: every byte, every length, every depth.
#include "tests/conformance/posix.h"

namespace nineroot::test {
namespace {

using NamesPosix = PosixTest;
INSTANTIATE_TEST_SUITE_P(Every, NamesPosix, every_identity(), name_of_identity);

TEST_P(NamesPosix, EveryByteButSlashAndNulIsAName) {
  std::multiset<std::string> expected;
  for (int byte = 1; byte < 256; ++byte) {
    const std::string name(1, static_cast<char>(byte));
    if (name == "/" || name == ".") {
      continue;
    }
    ASSERT_TRUE(calls.touch(name, name)) << byte;
    expected.insert(name);
  }
  for (const char* name : {"...", ".hidden", " ", "\n", "\xc3\x28", "-rf", "a\tb", "\xff\xfe"}) {
    if (!expected.contains(name)) {
      ASSERT_TRUE(calls.touch(name, name)) << name;
      expected.insert(name);
    }
  }
  EXPECT_EQ(calls.names(0), expected);
  for (const std::string& name : expected) {
    ASSERT_TRUE(client.walk(0, 1, {name}));
    ASSERT_TRUE(client.open(1, O_RDONLY));
    EXPECT_EQ(client.read(1, 0, 10), name);
    EXPECT_EQ(read_host_file(served.path() / name), name);
    EXPECT_TRUE(client.unlink(0, name));
  }
  EXPECT_TRUE(calls.names(0).empty());
}

TEST_P(NamesPosix, NamesOf255BytesAreGoodForEveryCall) {
  // Not UTF-8, and not the same in their first 254 bytes only.
  const std::string base(254, '\xfe');
  ASSERT_TRUE(calls.mkdir(base + "d"));
  ASSERT_TRUE(calls.touch(base + "f", "x"));
  ASSERT_TRUE(calls.symlink(base + "f", base + "l"));
  ASSERT_TRUE(calls.mknod(base + "p", S_IFIFO | 0600));
  ASSERT_TRUE(client.walk(0, 1, {base + "f"}));
  ASSERT_TRUE(calls.link(1, base + "h"));
  ASSERT_TRUE(client.rename(0, base + "h", 0, base + "r"));
  EXPECT_EQ(calls.names(0), (std::multiset<std::string>{base + "d", base + "f", base + "l",
                                                        base + "p", base + "r"}));
  EXPECT_EQ(calls.stat(base + "r")->qid, client.getattr(1)->qid);
  ASSERT_TRUE(client.walk(0, 2, {base + "l"}));
  EXPECT_EQ(client.readlink(2), base + "f");
  for (const char* end : {"f", "l", "p", "r"}) {
    EXPECT_TRUE(client.unlink(0, base + end));
  }
  EXPECT_TRUE(calls.remove(S_IFDIR, base + "d"));
}

/// Each call that takes a name, with this one.
void expect_of_every_call(Client9p& client, Calls calls, std::string_view name, int error) {
  SCOPED_TRACE(std::string(name.substr(0, 20)) + " of " + std::to_string(name.size()));
  EXPECT_ERRNO(error, client.walk(0, 50, {name}));
  EXPECT_ERRNO(error, client.create(0, 50, name, O_RDWR, 0644, 0));
  EXPECT_ERRNO(error, calls.mkdir(name));
  EXPECT_ERRNO(error, calls.symlink("x", name));
  EXPECT_ERRNO(error, calls.mknod(name, S_IFIFO | 0644));
  EXPECT_ERRNO(error, calls.link(1, name));
  EXPECT_ERRNO(error, client.rename(0, "f", 0, name));
  EXPECT_ERRNO(error, client.rename(0, name, 0, "g"));
  EXPECT_ERRNO(error, client.ask<wire::Rrename>(wire::Trename{.fid = 1, .dfid = 0, .name = name}));
  EXPECT_ERRNO(error, client.unlink(0, name));
  EXPECT_ERRNO(error, client.unlink(0, name, wire::kUnlinkRemoveDir));
}

TEST_P(NamesPosix, WrongNamesFailInEveryCall) {
  ASSERT_TRUE(calls.touch("f"));
  ASSERT_TRUE(calls.mkdir("d"));
  ASSERT_TRUE(client.walk(0, 1, {"f"}));
  expect_of_every_call(client, calls, std::string(256, 'n'), ENAMETOOLONG);
  expect_of_every_call(client, calls, std::string(60'000, 'n'), ENAMETOOLONG);
  expect_of_every_call(client, calls, "", ENOENT);
  expect_of_every_call(client, calls, "d/x", EINVAL);
  expect_of_every_call(client, calls, "/", EINVAL);
  expect_of_every_call(client, calls, std::string_view("f\0g", 3), EINVAL);
  EXPECT_EQ(calls.names(0), (std::multiset<std::string>{"d", "f"}));
}

TEST_P(NamesPosix, SymlinkTargetsOfAnyBytesAndLengths) {
  std::string bytes;
  for (int byte = 1; byte < 256; ++byte) {
    bytes += static_cast<char>(byte);
  }
  const std::vector<std::string> targets{"x",
                                         ".",
                                         "/",
                                         "//../..",
                                         bytes,
                                         std::string(59, 'a'),
                                         std::string(60, 'a'),
                                         std::string(4094, 'b'),
                                         std::string(4095, 'c')};
  std::uint32_t fid = 1;
  for (const std::string& target : targets) {
    const std::string name = std::to_string(fid);
    ASSERT_TRUE(calls.symlink(target, name)) << target.size();
    ASSERT_TRUE(client.walk(0, fid, {name}));
    EXPECT_EQ(client.getattr(fid)->size, target.size());
    EXPECT_EQ(client.readlink(fid), target);
    ++fid;
  }
  EXPECT_ERRNO(ENAMETOOLONG, calls.symlink(std::string(4096, 'd'), "long"));
  EXPECT_ERRNO(ENAMETOOLONG, calls.symlink(std::string(65'000, 'd'), "long"));
  EXPECT_ERRNO(ENOENT, calls.symlink("", "empty"));
  EXPECT_ERRNO(EINVAL, calls.symlink(std::string_view("a\0b", 3), "nul"));
  EXPECT_EQ(calls.names(0).size(), targets.size());
}

TEST_P(NamesPosix, SymlinksAreNeverFollowed) {
  ASSERT_TRUE(calls.mkdir("d"));
  ASSERT_TRUE(calls.symlink("d", "l"));
  ASSERT_TRUE(calls.symlink("loop", "loop"));
  ASSERT_TRUE(client.walk(0, 1, {"d"}));
  ASSERT_TRUE(calls.touch("f", "x", 1));
  EXPECT_ERRNO(ENOTDIR, client.walk(0, 2, {"l", "f"}));
  EXPECT_ERRNO(ENOTDIR, client.walk(0, 2, {"loop", "f"}));
  EXPECT_ERRNO(ENOTDIR, client.walk(0, 2, {"l", ".."}));
  for (const char* name : {"l", "loop"}) {
    ASSERT_TRUE(client.walk(0, 2, {name}));
    EXPECT_ERRNO(ELOOP, client.open(2, O_RDONLY));
    EXPECT_ERRNO(ELOOP, client.open(2, O_WRONLY));
    EXPECT_ERRNO(ELOOP, client.create(0, 3, name, O_RDWR, 0644, 0));
    EXPECT_ERRNO(EEXIST, client.create(0, 3, name, O_RDWR | O_EXCL, 0644, 0));
    EXPECT_ERRNO(ENOTDIR, calls.mkdir("x", 0755, 2));
    EXPECT_ERRNO(ENOTDIR, client.unlink(0, name, wire::kUnlinkRemoveDir));
  }
}

TEST_P(NamesPosix, APathOf4096BytesIsOneWalk) {
  std::vector<std::string> names(16, std::string(255, 'p'));
  ASSERT_TRUE(client.walk(0, 1));
  for (const std::string& name : names) {
    ASSERT_TRUE(calls.mkdir(name, 0755, 1));
    ASSERT_TRUE(client.walk(1, 1, {name}));
  }
  ASSERT_TRUE(calls.touch("leaf", "deep", 1));
  std::vector<std::string_view> path(names.begin(), names.end());
  const auto walked = client.walk(0, 2, path);
  ASSERT_TRUE(walked);
  EXPECT_EQ(walked->nwqid, 16U);
  ASSERT_TRUE(client.walk(2, 3, {"leaf"}));
  ASSERT_TRUE(client.open(3, O_RDONLY));
  EXPECT_EQ(client.read(3, 0, 10), "deep");
}

/// A chain of directories, its fids few and far between, under a budget of 64 descriptors.
class DeepTree : public PosixTest {
 protected:
  /// Fid 1 is then the deepest directory; every `kept`-th one has the fid 100 and on.
  void dig(std::uint32_t depth, const std::string& name, std::uint32_t kept) {
    ASSERT_TRUE(small.walk(0, 1));
    for (std::uint32_t level = 0; level < depth; ++level) {
      ASSERT_TRUE(in_small.mkdir(name, 0755, 1)) << level;
      ASSERT_TRUE(small.walk(1, 1, {name})) << level;
      if (level % kept == 0) {
        ASSERT_TRUE(small.walk(1, 100 + level / kept));
      }
    }
  }

  /// Up again by "..", removing each; the host's own tools may not reach so deep.
  void fill_in(std::uint32_t depth, const std::string& name) {
    for (std::uint32_t level = 0; level < depth; ++level) {
      ASSERT_TRUE(small.walk(1, 1, {".."})) << level;
      ASSERT_TRUE(in_small.remove(S_IFDIR, level + 1 == depth ? top_ : name, 1)) << level;
    }
    EXPECT_EQ(small.getattr(1)->qid, small.getattr(0)->qid);
  }

  /// The fids still work when the top has moved and everything was evicted.
  void check(std::uint32_t depth, const std::string& name, std::uint32_t kept) {
    ASSERT_TRUE(in_small.touch("leaf", "deep", 1));
    ASSERT_TRUE(small.walk(1, 2, {"leaf"}));
    ASSERT_TRUE(small.rename(0, name, 0, top_));
    for (std::uint32_t i = 0; i < 200; ++i) {
      ASSERT_TRUE(in_small.touch(std::to_string(i)));
      ASSERT_TRUE(small.walk(0, 1000 + i, {std::to_string(i)}));
    }
    EXPECT_EQ(small.getattr(2)->size, 4U);
    ASSERT_TRUE(small.open(2, O_RDWR));
    EXPECT_EQ(small.read(2, 0, 10), "deep");
    for (std::uint32_t level = 0; level < depth; level += kept) {
      ASSERT_TRUE(in_small.touch("here", "", 100 + level / kept)) << level;
      ASSERT_TRUE(small.unlink(100 + level / kept, "here"));
    }
    EXPECT_TRUE(small.unlink(1, "leaf"));
  }

  ServedTree served_small{{.identity = identity(), .fd_limit = 64}};
  Client9p& small = served_small.client();
  Calls in_small{small};
  const std::string top_ = "moved";
};
INSTANTIATE_TEST_SUITE_P(Every, DeepTree, every_identity(), name_of_identity);

TEST_P(DeepTree, AThousandLevels) {
  dig(1000, "d", 50);
  check(1000, "d", 50);
  fill_in(1000, "d");
}

TEST_P(DeepTree, MoreThan65536BytesOfPath) {
  const std::string name(255, '\xe9');
  dig(280, name, 20);
  check(280, name, 20);
  fill_in(280, name);
}

}  // namespace
}  // namespace nineroot::test

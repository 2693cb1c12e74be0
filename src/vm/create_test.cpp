#include "vm/create.h"

#include <fcntl.h>
#include <grp.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "storage/guest_tree.h"
#include "storage/scratch_directory.h"
#include "tests/storage/tar_builder.h"

namespace nineroot::vm {
namespace {

namespace fs = std::filesystem;
using storage::GuestTree;
using testing::HasSubstr;
using testing::IsEmpty;
using testing_support::TarBuilder;

/// As much of a Debian with systemd as `create` looks at.
TarBuilder small_debian() {
  TarBuilder tar;
  tar.directory("etc")
      .add({.name = "etc/shadow", .mode = 0640, .gid = 42, .content = "root:*:1:0:99999:7:::\n"})
      .file("etc/debian_version", "12.0\n")
      .file("etc/hosts", "127.0.0.1\tlocalhost\n127.0.1.1\told\n")
      .file("usr/share/zoneinfo/Europe/Berlin", "TZif")
      .symlink("lib", "usr/lib");
  for (const char* unit :
       {"serial-getty@.service", "systemd-networkd.service", "systemd-networkd.socket",
        "systemd-networkd-wait-online.service", "systemd-resolved.service"}) {
    tar.file(std::string("usr/lib/systemd/system/") + unit, "[Unit]\n");
  }
  return tar;
}

class Create : public testing::Test {
 protected:
  Create() { ::setenv("NINEROOT_HOME", home().c_str(), 1); }

  ~Create() override { ::unsetenv("NINEROOT_HOME"); }

  [[nodiscard]] fs::path home() const { return scratch_.path() / "home"; }

  [[nodiscard]] fs::path write(const std::string& name, const std::string& bytes) const {
    const fs::path path = scratch_.path() / name;
    std::ofstream(path, std::ios::binary) << bytes;
    return path;
  }

  [[nodiscard]] CreateRequest request(const std::string& from) const {
    CreateRequest wanted;
    wanted.name = "web";
    wanted.from = from;
    return wanted;
  }

  Outcome<Machine> create(const CreateRequest& wanted) {
    Progress progress(Progress::Style::quiet);
    return create_machine(wanted, progress, notes_);
  }

  [[nodiscard]] std::string failure_of(const CreateRequest& wanted) {
    const auto made = create(wanted);
    return made ? "no failure" : made.error().text();
  }

  /// Everything under machines/, hidden or not.
  [[nodiscard]] std::vector<std::string> leavings() const {
    std::vector<std::string> names;
    std::error_code ignored;
    for (const auto& entry : fs::directory_iterator(home() / "machines", ignored)) {
      names.push_back(entry.path().filename());
    }
    return names;
  }

  storage::ScratchDirectory scratch_;
  std::vector<std::string> notes_;
};

TEST_F(Create, MakesAMachineOfAnArchive) {
  CreateRequest wanted = request(write("d.tar", small_debian().done()));
  wanted.timezone = "Europe/Berlin";
  wanted.memory_mib = 512;
  wanted.cpus = 2;
  const auto made = create(wanted);
  ASSERT_TRUE(made) << made.error().text();
  EXPECT_THAT(leavings(), testing::ElementsAre("web"));
  const auto found = find_machine("web");
  ASSERT_TRUE(found) << found.error().text();
  EXPECT_EQ(found->settings.memory_mib, 512U);
  EXPECT_EQ(found->settings.cpus, 2U);
  EXPECT_EQ(found->settings.identity, "mapped-xattr");
  const GuestTree tree = std::move(GuestTree::open(made->root).value());
  EXPECT_EQ(tree.read_file("/etc/hostname"), "web\n");
  EXPECT_EQ(tree.read_file("/etc/hosts"), "127.0.0.1\tlocalhost\n127.0.1.1\tweb\n");
  EXPECT_EQ(tree.read_link("/etc/localtime"), "/usr/share/zoneinfo/Europe/Berlin");
  EXPECT_EQ(tree.read_file("/etc/timezone"), "Europe/Berlin\n");
  EXPECT_THAT(*tree.read_file("/etc/systemd/system/serial-getty@.service.d/50-autologin.conf"),
              HasSubstr("--autologin root"));
  EXPECT_THAT(*tree.read_file("/etc/systemd/network/80-dhcp.network"), HasSubstr("DHCP=yes"));
  EXPECT_THAT(*tree.read_file("/etc/systemd/network/10-root-card.network"),
              HasSubstr("enx5254003950*"));
  EXPECT_EQ(tree.read_link("/etc/systemd/system/multi-user.target.wants/systemd-networkd.service"),
            "/usr/lib/systemd/system/systemd-networkd.service");
  EXPECT_EQ(tree.read_link("/etc/resolv.conf"), "../run/systemd/resolve/stub-resolv.conf");
  EXPECT_EQ(tree.stat("/etc/hostname")->uid, 0U);
}

TEST_F(Create, SetsAPasswordInsteadOfLoggingIn) {
  CreateRequest wanted = request(write("d.tar", small_debian().done()));
  wanted.root_password = "secret";
  wanted.ssh_keys = "ssh-ed25519 AAAA me\n";
  const auto made = create(wanted);
  ASSERT_TRUE(made) << made.error().text();
  const GuestTree tree = std::move(GuestTree::open(made->root).value());
  EXPECT_THAT(*tree.read_file("/etc/shadow"), testing::StartsWith("root:$y$"));
  EXPECT_EQ(tree.stat("/etc/shadow")->mode, S_IFREG | 0640U);
  EXPECT_EQ(tree.stat("/etc/shadow")->gid, 42U);
  EXPECT_FALSE(tree.exists("/etc/systemd/system/serial-getty@.service.d/50-autologin.conf"));
  EXPECT_EQ(tree.read_file("/root/.ssh/authorized_keys"), "ssh-ed25519 AAAA me\n");
  EXPECT_EQ(tree.stat("/root/.ssh")->mode, S_IFDIR | 0700U);
  EXPECT_EQ(tree.stat("/root/.ssh/authorized_keys")->mode, S_IFREG | 0600U);
  EXPECT_THAT(notes_, testing::Contains(HasSubstr("no SSH server")));
}

TEST_F(Create, LeavesForeignTreesTheirOwnWays) {
  TarBuilder tar = small_debian();
  tar.file("etc/shadow", "root:$6$salt$hash:1::::::\n")
      .file("etc/network/interfaces", "auto lo\niface lo inet loopback\n\niface ens3 inet dhcp\n");
  const auto made = create(request(write("d.tar", tar.done())));
  ASSERT_TRUE(made) << made.error().text();
  const GuestTree tree = std::move(GuestTree::open(made->root).value());
  EXPECT_FALSE(tree.exists("/etc/systemd/network/80-dhcp.network"));
  EXPECT_FALSE(tree.exists("/etc/systemd/system/serial-getty@.service.d/50-autologin.conf"));
  EXPECT_EQ(tree.read_file("/etc/shadow"), "root:$6$salt$hash:1::::::\n");
  EXPECT_THAT(notes_, testing::UnorderedElementsAre(HasSubstr("root has a password"),
                                                    HasSubstr("set up by ifupdown")));
}

TEST_F(Create, TakesTreesWithoutAnything) {
  const auto made = create(request(write("d.tar", TarBuilder().file("init", "#!").done())));
  ASSERT_TRUE(made) << made.error().text();
  EXPECT_THAT(notes_, testing::SizeIs(2));
}

TEST_F(Create, CopiesATreeWithItsRecords) {
  ASSERT_TRUE(create(request(write("d.tar", small_debian().done()))));
  CreateRequest wanted = request((home() / "machines/web").string());
  wanted.name = "copy";
  const auto made = create(wanted);
  ASSERT_TRUE(made) << made.error().text();
  const GuestTree tree = std::move(GuestTree::open(made->root).value());
  EXPECT_EQ(tree.stat("/etc/shadow")->gid, 42U);
  EXPECT_EQ(tree.stat("/etc/shadow")->mode, S_IFREG | 0640U);
  EXPECT_EQ(tree.read_link("/lib"), "usr/lib");
  EXPECT_EQ(tree.read_file("/etc/hostname"), "copy\n");
}

TEST_F(Create, AdoptsATreeInPlaceWithoutChangingIt) {
  const fs::path tree = scratch_.path() / "tree";
  fs::create_directories(tree / "etc");
  std::ofstream(tree / "etc/hostname") << "mine\n";
  CreateRequest wanted = request(tree.string());
  wanted.is_in_place = true;
  const auto made = create(wanted);
  ASSERT_TRUE(made) << made.error().text();
  EXPECT_EQ(fs::canonical(made->root), fs::canonical(tree));
  EXPECT_TRUE(find_machine("web"));
  std::string hostname;
  std::getline(std::ifstream(tree / "etc/hostname") >> std::ws, hostname);
  EXPECT_EQ(hostname, "mine");
  EXPECT_EQ(std::distance(fs::directory_iterator(tree), {}), 1);
  const std::vector<std::string> expected =
      ::geteuid() == 0 ? std::vector<std::string>{} : std::vector<std::string>{"squash-owner"};
  EXPECT_EQ(made->settings.map, expected);
}

/// A create by somebody who is not root, in a process that gives root up if need be.
class OrdinaryCreate : public Create {
 protected:
  template <class Body>
  void run(Body body) {
    const pid_t child = ::fork();
    if (child == 0) {
      constexpr uid_t kSomebody = 12345;
      if (::geteuid() == 0 &&
          (::chown(scratch_.path().c_str(), kSomebody, kSomebody) != 0 ||
           ::setgroups(0, nullptr) != 0 || ::setresgid(kSomebody, kSomebody, kSomebody) != 0 ||
           ::setresuid(kSomebody, kSomebody, kSomebody) != 0)) {
        ::_exit(2);
      }
      body();
      ::_exit(HasFailure() ? 1 : 0);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    EXPECT_EQ(status, 0);
  }

  [[nodiscard]] fs::path make_plain_tree() const {
    const fs::path tree = scratch_.path() / "tree";
    fs::create_directories(tree / "etc");
    std::ofstream(tree / "etc/hostname") << "mine\n";
    ::chmod((tree / "etc/hostname").c_str(), 0640);
    fs::create_symlink("etc/hostname", tree / "link");
    return tree;
  }
};

TEST_F(OrdinaryCreate, GivesRootWhatIsTheUsersOwnInATreeWithoutRecords) {
  run([this] {
    const fs::path plain = make_plain_tree();
    const auto made = create(request(plain.string()));
    ASSERT_TRUE(made) << made.error().text();
    const GuestTree tree = std::move(GuestTree::open(made->root).value());
    for (const char* path : {"/", "/etc", "/etc/hostname", "/link"}) {
      EXPECT_EQ(tree.stat_no_follow(path)->uid, 0U) << path;
      EXPECT_EQ(tree.stat_no_follow(path)->gid, 0U) << path;
    }
    EXPECT_EQ(tree.stat("/etc/hostname")->mode, S_IFREG | 0640U);
    EXPECT_EQ(tree.read_link("/link"), "etc/hostname");
    EXPECT_THAT(made->settings.map, IsEmpty());
    EXPECT_THAT(notes_, testing::Contains(HasSubstr("records no owners")));
    EXPECT_NE(GuestTree::open(plain)->stat("/etc")->uid, 0U);
  });
}

TEST_F(OrdinaryCreate, SaysWhyThereCannotBeAHome) {
  run([this] {
    const fs::path closed = scratch_.path() / "closed";
    fs::create_directory(closed);
    fs::permissions(closed, fs::perms(0555));
    ::setenv("NINEROOT_HOME", (closed / "a/b/nineroot").c_str(), 1);
    EXPECT_THAT(failure_of(request(make_plain_tree().string())), HasSubstr("EACCES"));
  });
}

TEST_F(OrdinaryCreate, KeepsTheOwnersThatATreeRecords) {
  run([this] {
    TarBuilder tar;
    tar.add({.name = "home", .type = '5', .mode = 0755, .uid = 12345, .gid = 12345});
    ASSERT_TRUE(create(request(write("d.tar", tar.done()))));
    notes_.clear();
    CreateRequest wanted = request((home() / "machines/web").string());
    wanted.name = "copy";
    const auto made = create(wanted);
    ASSERT_TRUE(made) << made.error().text();
    EXPECT_EQ(GuestTree::open(made->root)->stat("/home")->uid, 12345U);
    EXPECT_THAT(notes_, testing::Not(testing::Contains(HasSubstr("records no owners"))));
  });
}

TEST_F(OrdinaryCreate, CopiesAMachineInPlaceAsItsGuestSeesIt) {
  run([this] {
    CreateRequest wanted = request(make_plain_tree().string());
    wanted.is_in_place = true;
    const auto adopted = create(wanted);
    ASSERT_TRUE(adopted) << adopted.error().text();
    EXPECT_THAT(adopted->settings.map, testing::ElementsAre("squash-owner"));
    EXPECT_THAT(notes_, testing::Contains(HasSubstr("records no owners")));
    // As the guest would: the host cannot tell a tree with one such file in it from a plain one.
    const GuestTree guest =
        std::move(GuestTree::open(adopted->root, storage::Layout::mapped_xattr).value());
    ASSERT_TRUE(guest.make_directories("/etc/deep"));
    ASSERT_TRUE(guest.write_file("/etc/deep/own", "x",
                                 storage::Ownership{.mode = 04755, .uid = 7, .gid = 8}));
    wanted = request((home() / "machines/web").string());
    wanted.name = "copy";
    const auto made = create(wanted);
    ASSERT_TRUE(made) << made.error().text();
    const GuestTree tree = std::move(GuestTree::open(made->root).value());
    EXPECT_EQ(tree.stat("/etc/hostname")->uid, 0U);
    EXPECT_EQ(tree.stat("/etc/deep/own")->uid, 7U);
    EXPECT_EQ(tree.stat("/etc/deep/own")->gid, 8U);
    EXPECT_EQ(tree.stat("/etc/deep/own")->mode, S_IFREG | 04755U);
  });
}

TEST_F(Create, CopiesTheRulesOfOwnersWithTheTreeThatNeedsThem) {
  const auto made = create(request(write("d.tar", small_debian().done())));
  ASSERT_TRUE(made) << made.error().text();
  Settings settings = made->settings;
  settings.map = {"map:0:100000:65536"};
  std::ofstream(made->directory / "machine.toml", std::ios::trunc) << settings.to_toml();
  CreateRequest wanted = request((home() / "machines/web").string());
  wanted.name = "copy";
  ASSERT_TRUE(create(wanted));
  EXPECT_EQ(find_machine("copy")->settings.map, settings.map);
}

TEST_F(Create, LeavesNothingOfAFailure) {
  const std::string whole = small_debian().done();
  EXPECT_THAT(failure_of(request(write("cut.tar", whole.substr(0, whole.size() / 2)))),
              HasSubstr("is damaged in the content of"));
  EXPECT_THAT(leavings(), IsEmpty());
  CreateRequest wanted = request(write("d.tar", whole));
  wanted.timezone = "Mars/Olympus";
  EXPECT_THAT(failure_of(wanted), HasSubstr("does not know the time zone 'Mars/Olympus'"));
  EXPECT_THAT(leavings(), IsEmpty());
}

TEST_F(Create, SaysWhatIsWrongWithTheArguments) {
  CreateRequest wanted = request("debian:bookworm");
  wanted.name = "../evil";
  const auto bad_name = create(wanted);
  ASSERT_FALSE(bad_name);
  EXPECT_TRUE(bad_name.error().is_usage());

  EXPECT_THAT(failure_of(request("/none/there.tar")), HasSubstr("cannot open /none/there.tar"));
  EXPECT_THAT(failure_of(request(write("text", "no tar"))), HasSubstr("hint: give a tar file"));
  wanted = request(write("d.tar", small_debian().done()));
  wanted.is_in_place = true;
  EXPECT_THAT(failure_of(wanted), HasSubstr("--in-place is for a directory"));
  wanted.is_in_place = false;
  wanted.include = {"vim"};
  EXPECT_THAT(failure_of(wanted), HasSubstr("are for --from debian:SUITE"));
  wanted.include.clear();
  wanted.hostname = "under_score";
  EXPECT_THAT(failure_of(wanted), HasSubstr("is no host name"));
  EXPECT_THAT(leavings(), IsEmpty());
}

TEST_F(Create, RefusesATakenName) {
  const CreateRequest wanted = request(write("d.tar", small_debian().done()));
  ASSERT_TRUE(create(wanted));
  const auto again = create(wanted);
  ASSERT_FALSE(again);
  EXPECT_FALSE(again.error().is_usage());
  EXPECT_THAT(again.error().text(), HasSubstr("there is already a machine 'web'"));
  EXPECT_THAT(leavings(), testing::ElementsAre("web"));
}

TEST_F(Create, RemovesWhatDeadCreatesLeft) {
  fs::create_directories(home() / "machines/.old.creating-1/root/deep/er");
  std::ofstream(home() / "machines/.old.creating-1/root/deep/er/file") << "x";
  ASSERT_TRUE(create(request(write("d.tar", small_debian().done()))));
  EXPECT_THAT(leavings(), testing::ElementsAre("web"));
}

TEST_F(Create, LeavesNothingOnAFullDisk) {
  fs::create_directory(home());
  if (::geteuid() != 0 || ::mount("none", home().c_str(), "tmpfs", 0, "size=2m") != 0) {
    GTEST_SKIP() << "mounting a small file system for the test needs root";
  }
  TarBuilder tar = small_debian();
  tar.file("big", std::string(4 << 20, 'x'));
  const std::string text = failure_of(request(write("d.tar", tar.done())));
  EXPECT_THAT(text, HasSubstr("ENOSPC"));
  EXPECT_THAT(text, HasSubstr("hint: make room"));
  EXPECT_THAT(leavings(), IsEmpty());
  ::umount2(home().c_str(), MNT_DETACH);
}

TEST_F(Create, RefusesAFileSystemWithoutXattrs) {
  fs::create_directory(home());
  if (::geteuid() != 0 || ::mount("none", home().c_str(), "ramfs", 0, "") != 0) {
    GTEST_SKIP() << "mounting a small file system for the test needs root";
  }
  EXPECT_THAT(failure_of(request(write("d.tar", small_debian().done()))),
              HasSubstr("keeps no user extended attributes"));
  EXPECT_THAT(leavings(), IsEmpty());
  ::umount2(home().c_str(), MNT_DETACH);
}

TEST_F(Create, NamesTheHostThatCannotMakeDebians) {
  const std::string path = std::getenv("PATH");
  ::setenv("PATH", "/nowhere", 1);
  EXPECT_THAT(failure_of(request("debian:bookworm")),
              HasSubstr("hint: install the package mmdebstrap"));
  ::setenv("PATH", path.c_str(), 1);
  EXPECT_FALSE(fs::exists(home()));
}

/// A create that waits for its archive on a pipe, in a process that can be sent signals.
class InterruptedCreate : public Create {
 protected:
  void start() {
    std::array<int, 2> ends{};
    ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
    writing_.reset(ends[1]);
    const UniqueFd reading(ends[0]);
    child_ = ::fork();
    if (child_ == 0) {
      writing_.reset();
      ::dup2(reading.get(), STDIN_FILENO);
      ::_exit(failure_of(request("-")).find("interrupted") != std::string::npos ? 42 : 1);
    }
    const std::string half = small_debian().open_end();
    ASSERT_EQ(::write(writing_.get(), half.data(), half.size()), static_cast<ssize_t>(half.size()));
    while (leavings().empty()) {
      ::usleep(1000);
    }
  }

  int end_with(int signal) {
    ::kill(child_, signal);
    int status = 0;
    ::waitpid(child_, &status, 0);
    return status;
  }

  UniqueFd writing_;
  pid_t child_ = -1;
};

TEST_F(InterruptedCreate, LeavesNothingAfterEachSignal) {
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
    start();
    const int status = end_with(signal);
    ASSERT_TRUE(WIFEXITED(status)) << signal;
    EXPECT_EQ(WEXITSTATUS(status), 42) << signal;
    EXPECT_THAT(leavings(), IsEmpty()) << signal;
  }
}

TEST_F(InterruptedCreate, IsTidiedUpByTheNextWhenKilled) {
  start();
  EXPECT_TRUE(WIFSIGNALED(end_with(SIGKILL)));
  EXPECT_THAT(leavings(), testing::SizeIs(1));
  // The importing process dies with its parent, a moment later, and holds the lock until then.
  const CreateRequest wanted = request(write("d.tar", small_debian().done()));
  for (int i = 0; leavings().size() != 1 || leavings()[0] != "web"; ++i) {
    ASSERT_LT(i, 1000);
    fs::remove_all(home() / "machines/web");
    ASSERT_TRUE(create(wanted));
  }
}

}  // namespace
}  // namespace nineroot::vm

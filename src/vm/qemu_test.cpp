#include "vm/qemu.h"

#include <sys/stat.h>

#include <cstdlib>
#include <fstream>

#include <gtest/gtest.h>

#include "storage/scratch_directory.h"

namespace nineroot::vm {
namespace {

namespace fs = std::filesystem;

// A program that answers as a QEMU of `version` would, with or without the device.
fs::path write_program(const fs::path& file, const std::string& version, bool has_device) {
  fs::create_directories(file.parent_path());
  std::ofstream(file) << "#!/bin/sh\nif [ \"$1\" = --version ]; then echo \"" << version
                      << "\"; else exit " << (has_device ? 0 : 1) << "; fi\n";
  ::chmod(file.c_str(), 0755);
  return file;
}

TEST(QemuVersion, IsReadFromWhatDistributionsPrint) {
  EXPECT_EQ(parse_qemu_version("QEMU emulator version 7.2.22 (Debian 1:7.2+dfsg-7+deb12u18)\nC"),
            (QemuVersion{7, 2, 22}));
  EXPECT_EQ(parse_qemu_version("QEMU emulator version 11.1.3\n"), (QemuVersion{11, 1, 3}));
  EXPECT_EQ(parse_qemu_version("QEMU emulator version 10.2.50 (v10.2.0-1-gabc)"),
            (QemuVersion{10, 2, 50}));
}

TEST(QemuVersion, IsNotReadFromAnythingElse) {
  EXPECT_EQ(parse_qemu_version(""), std::nullopt);
  EXPECT_EQ(parse_qemu_version("QEMU emulator version "), std::nullopt);
  EXPECT_EQ(parse_qemu_version("QEMU emulator version 7.2"), std::nullopt);
  EXPECT_EQ(parse_qemu_version("QEMU emulator version 7.2.x"), std::nullopt);
  EXPECT_EQ(parse_qemu_version("qemu-img version 7.2.22"), std::nullopt);
}

TEST(QemuVersion, ComparesByNumberNotByText) {
  EXPECT_LT((QemuVersion{7, 2, 22}), kFirstWithVhostUser);
  EXPECT_LT((QemuVersion{10, 1, 9}), kFirstWithVhostUser);
  EXPECT_GE((QemuVersion{10, 2, 0}), kFirstWithVhostUser);
  EXPECT_GE((QemuVersion{11, 0, 0}), kFirstWithVhostUser);
}

class FindQemu : public ::testing::Test {
 protected:
  FindQemu() {
    ::unsetenv("NINEROOT_QEMU");
    path_ = std::getenv("PATH");
    ::setenv("PATH", (bin_.string() + ":" + path_).c_str(), 1);
  }

  ~FindQemu() override {
    ::unsetenv("NINEROOT_QEMU");
    ::setenv("PATH", path_.c_str(), 1);
  }

  storage::ScratchDirectory scratch_;
  fs::path home_ = scratch_.path() / "home";
  fs::path bin_ = scratch_.path() / "bin";
  std::string path_;
};

TEST_F(FindQemu, PrefersWhatIsNamedThenTheEnvironmentThenGetQemusThenThePath) {
  const fs::path in_path =
      write_program(bin_ / "qemu-system-x86_64", "QEMU emulator version 7.2.1", true);
  EXPECT_EQ(find_qemu(home_, "")->program, in_path);
  const fs::path own =
      write_program(home_ / "qemu" / "qemu-system-x86_64", "QEMU emulator version 11.1.3", true);
  EXPECT_EQ(find_qemu(home_, "")->program, own);
  const fs::path named = write_program(scratch_.path() / "q", "QEMU emulator version 10.2.0", true);
  ::setenv("NINEROOT_QEMU", named.c_str(), 1);
  EXPECT_EQ(find_qemu(home_, "")->program, named);
  EXPECT_EQ(find_qemu(home_, "qemu-system-x86_64")->program, in_path);
}

TEST_F(FindQemu, HasVhostUserOnlyWhereTheVersionAndTheDeviceAgree) {
  const auto has = [&](const std::string& version, bool has_device) {
    return find_qemu(home_, write_program(bin_ / "q", version, has_device))->has_vhost_user;
  };
  EXPECT_TRUE(has("QEMU emulator version 10.2.0", true));
  EXPECT_FALSE(has("QEMU emulator version 10.2.0", false));
  EXPECT_FALSE(has("QEMU emulator version 10.1.0", true));
}

TEST_F(FindQemu, SaysWhatToDoAboutOneThatIsMissingOrIsNone) {
  const Outcome<Qemu> missing = find_qemu(home_, "/nonexistent/qemu");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().what(), "cannot start /nonexistent/qemu");
  EXPECT_NE(missing.error().hint().find("--qemu PATH"), std::string::npos);
  const Outcome<Qemu> wrong = find_qemu(home_, write_program(bin_ / "q", "other 1.2.3", true));
  ASSERT_FALSE(wrong);
  ::setenv("PATH", bin_.c_str(), 1);
  const Outcome<Qemu> none = find_qemu(home_, "");
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().what(), "there is no QEMU on this host");
}

}  // namespace
}  // namespace nineroot::vm

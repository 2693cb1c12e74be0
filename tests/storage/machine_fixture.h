// A machine on a file system of its own, with a tree like a guest's.
#pragma once

#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/storage/as_user.h"
#include "tests/support/mounts.h"
#include "vm/create.h"
#include "vm/dataset/storage_use.h"

namespace nineroot::test {

struct FileSystemKind {
  const char* type;
  unsigned mebibytes;
};

class MachineTest : public testing::TestWithParam<FileSystemKind> {
 protected:
  MachineTest()
      : mount_(std::string_view(GetParam().type) == "tmpfs"
                   ? Mount::tmpfs(dir_.path() / "pool", "size=64m")
                   : Mount::image(dir_.path() / "pool", GetParam().type, GetParam().mebibytes)) {}

  void SetUp() override {
    if (!mount_.is_mounted()) {
      GTEST_SKIP() << "mounting a " << GetParam().type << " needs root and its mkfs";
    }
    std::filesystem::permissions(dir_.path(), std::filesystem::perms(0755));
    std::filesystem::create_directory(home_);
    ASSERT_EQ(::chown(home_.c_str(), kOrdinaryUser, kOrdinaryUser), 0);
    ::setenv("NINEROOT_HOME", home_.c_str(), 1);
    ::setenv("XDG_RUNTIME_DIR", home_.c_str(), 1);
  }

  [[nodiscard]] vm::Machine make_machine() const {
    const std::filesystem::path source = home_ / "source";
    for (const char* name : {"etc", "home/ann", "var/log/apt", "root"}) {
      std::filesystem::create_directories(source / name);
    }
    write(source / "etc/hostname", "first\n");
    write(source / "etc/machine-id", "0123456789abcdef0123456789abcdef\n");
    write(source / "home/ann/diary", "monday\n");
    write(source / "var/log/apt/history", "installed\n");
    vm::Progress progress(vm::Progress::Style::quiet);
    std::vector<std::string> notes;
    vm::CreateRequest request;
    request.name = "m";
    request.from = source.string();
    auto made = vm::create_machine(request, progress, notes);
    EXPECT_TRUE(made) << made.error().text();
    std::filesystem::remove_all(source);
    return made.value();
  }

  static vm::StorageUse use_of(const vm::Machine& machine) {
    auto use = vm::StorageUse::begin(machine);
    EXPECT_TRUE(use) << use.error().text();
    return std::move(use.value());
  }

  static void write(const std::filesystem::path& path, const std::string& content) {
    std::ofstream(path, std::ios::binary) << content;
  }

  static std::string read(const std::filesystem::path& path) {
    std::ostringstream content;
    content << std::ifstream(path, std::ios::binary).rdbuf();
    return content.str();
  }

  /// All that a host sees of a tree but inode numbers and change times: a line for each path.
  static std::map<std::string, std::string> image_of(const std::filesystem::path& root) {
    std::map<std::string, std::string> image;
    image["."] = describe(root);
    for (const auto& entry : std::filesystem::recursive_directory_iterator(root)) {
      image[entry.path().lexically_relative(root).string()] = describe(entry.path());
    }
    return image;
  }

  static std::string describe(const std::filesystem::path& path) {
    struct stat info{};
    EXPECT_EQ(::lstat(path.c_str(), &info), 0) << path;
    std::string line = fmt::format("{:o} {} {}.{:09}", info.st_mode, info.st_uid,
                                   info.st_mtim.tv_sec, info.st_mtim.tv_nsec);
    std::string names(4096, '\0');
    const ssize_t size = ::llistxattr(path.c_str(), names.data(), names.size());
    std::vector<std::string> lines;
    for (std::size_t at = 0; size > 0 && at < static_cast<std::size_t>(size);) {
      const std::string name(names.c_str() + at);
      at += name.size() + 1;
      std::string value(4096, '\0');
      const ssize_t length = ::lgetxattr(path.c_str(), name.c_str(), value.data(), value.size());
      if (name != "user.nineroot.origin" && length >= 0) {
        lines.push_back(name + "=" + value.substr(0, static_cast<std::size_t>(length)));
      }
    }
    std::ranges::sort(lines);
    for (const std::string& one : lines) {
      line += " " + one;
    }
    return S_ISREG(info.st_mode) ? line + " " + read(path) : line;
  }

  TempDir dir_;
  Mount mount_;
  std::filesystem::path home_ = dir_.path() / "pool" / "home";
};

inline std::string name_of_kind(const testing::TestParamInfo<FileSystemKind>& instance) {
  return instance.param.type;
}

}  // namespace nineroot::test

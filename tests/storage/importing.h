// A test that imports archives into a scratch tree and looks at what came of it, as the host sees
// it and as the guest does.
#pragma once

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "storage/guest_tree.h"
#include "storage/import.h"
#include "storage/scratch_directory.h"
#include "tests/storage/tar_builder.h"

namespace nineroot::testing_support {

class Importing : public testing::Test {
 protected:
  Importing() { std::filesystem::create_directory(root()); }

  [[nodiscard]] std::filesystem::path root() const { return scratch_.path() / "root"; }

  [[nodiscard]] std::filesystem::path outside() const { return scratch_.path(); }

  Outcome<storage::Import::Done> import_bytes(
      const std::string& bytes, storage::Layout layout = storage::Layout::mapped_xattr) const {
    const UniqueFd file(::memfd_create("archive", MFD_CLOEXEC));
    EXPECT_EQ(::write(file.get(), bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
    ::lseek(file.get(), 0, SEEK_SET);
    return import({.fd = file.get(), .name = "test.tar", .layout = std::nullopt}, layout);
  }

  Outcome<storage::Import::Done> import(const storage::ImportSource& source,
                                        storage::Layout layout) const {
    const UniqueFd root_fd(::open(root().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    storage::Import import = TRY(storage::Import::start(source, root_fd.get(), layout));
    while (!import.take()) {
    }
    return import.finish();
  }

  /// Imports what must be importable.
  void import_good(const TarBuilder& tar,
                   storage::Layout layout = storage::Layout::mapped_xattr) const {
    const auto done = import_bytes(tar.done(), layout);
    ASSERT_TRUE(done) << done.error().text();
  }

  /// The text of the Failure that this archive must give.
  [[nodiscard]] std::string failure_of(const std::string& bytes) const {
    const auto done = import_bytes(bytes);
    return done ? "no failure" : done.error().text();
  }

  [[nodiscard]] storage::GuestTree tree(
      storage::Layout layout = storage::Layout::mapped_xattr) const {
    return std::move(storage::GuestTree::open(root(), layout).value());
  }

  [[nodiscard]] std::string host_xattr(const std::string& path, const std::string& name) const {
    std::string value(65536, '\0');
    const ssize_t size =
        ::lgetxattr((root() / path).c_str(), name.c_str(), value.data(), value.size());
    if (size < 0) {
      return "none";
    }
    value.resize(static_cast<std::size_t>(size));
    return value;
  }

  [[nodiscard]] struct stat host_stat(const std::string& path) const {
    struct stat info{};
    EXPECT_EQ(::lstat((root() / path).c_str(), &info), 0) << path;
    return info;
  }

  [[nodiscard]] std::string host_content(const std::string& path) const {
    std::ifstream stream(root() / path, std::ios::binary);
    std::ostringstream text;
    text << stream.rdbuf();
    return stream ? text.str() : "unreadable";
  }

  storage::ScratchDirectory scratch_;
};

}  // namespace nineroot::testing_support

// File systems mounted for one test.  Needs root: where that is not given, is_mounted() is false
// and the test is to skip, saying so.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "tests/support/temp_dir.h"

namespace nineroot::test {

/// Unmounts when it goes, whoever still uses it.
class Mount {
 public:
  /// `at` is made if it is not there.
  static Mount tmpfs(const std::filesystem::path& at, const std::string& options = "size=4m");
  static Mount bind(const std::filesystem::path& from, const std::filesystem::path& at);

  /// A new file system of `type` ("ext4", "xfs", "btrfs") in an image of `mebibytes`.  The image is
  /// in `images`, by default a directory of its own.
  static Mount image(const std::filesystem::path& at, const std::string& type, unsigned mebibytes,
                     const std::string& mkfs_options = "",
                     const std::filesystem::path& images = {});

  ~Mount();
  Mount(Mount&& other) noexcept;
  Mount& operator=(Mount&&) = delete;

  [[nodiscard]] bool is_mounted() const { return is_mounted_; }

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

  void unmount();
  /// Mounts the image again, at the same place.
  void mount_again();

 private:
  explicit Mount(const std::filesystem::path& at);

  std::filesystem::path path_;
  std::unique_ptr<TempDir> own_images_;
  std::string image_;
  bool is_mounted_ = false;
};

/// Runs a shell command with sbin in its PATH and its output thrown away; true if it succeeded.
bool run_quietly(const std::string& command);

}  // namespace nineroot::test

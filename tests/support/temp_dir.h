// A directory of its own for one test, removed at the end.
#pragma once

#include <filesystem>
#include <string>

namespace nineroot::test {

class TempDir {
 public:
  TempDir();
  ~TempDir();
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

/// As the host sees a file.
std::string read_host_file(const std::filesystem::path& path);
void write_host_file(const std::filesystem::path& path, const std::string& content);
/// The xattr's bytes; empty if there is none.
std::string host_xattr(const std::filesystem::path& path, const char* name);

}  // namespace nineroot::test

#include "tests/support/temp_dir.h"

#include <stdlib.h>
#include <sys/xattr.h>

#include <fstream>
#include <sstream>
#include <stdexcept>

namespace nineroot::test {

TempDir::TempDir() {
  // Not /tmp where that is a tmpfs of an old kernel without user xattrs: the caller says where.
  const char* base = ::getenv("NINEROOT_TEST_DIR");
  std::string name = std::string(base != nullptr ? base : "/var/tmp") + "/nineroot-test-XXXXXX";
  if (::mkdtemp(name.data()) == nullptr) {
    throw std::runtime_error("cannot make " + name);
  }
  path_ = name;
}

TempDir::~TempDir() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::string read_host_file(const std::filesystem::path& path) {
  const std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

void write_host_file(const std::filesystem::path& path, const std::string& content) {
  std::ofstream(path) << content;
}

std::string host_xattr(const std::filesystem::path& path, const char* name) {
  std::string value(65536, '\0');
  const ssize_t size = ::lgetxattr(path.c_str(), name, value.data(), value.size());
  value.resize(size < 0 ? 0 : static_cast<std::size_t>(size));
  return value;
}

}  // namespace nineroot::test

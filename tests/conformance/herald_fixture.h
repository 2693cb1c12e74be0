// A session with a herald in it, on a tree with "file" and "dir".
#pragma once

#include <sys/stat.h>

#include <string>

#include "base/herald.h"
#include "tests/conformance/conformance.h"

namespace nineroot::test {

inline constexpr std::uint32_t kHerald = 1000;  // The fid of its attach.
inline constexpr std::uint32_t kNew = 1001;

class Herald : public testing::Test {
 protected:
  Herald() {
    EXPECT_TRUE(client.attach(kHerald, kHeraldUid));
    write_host_file(path / "file", "content");
    std::filesystem::create_directory(path / "dir");
  }

  // It answers ENODATA to what it has understood.
  void announce(std::string_view what, std::string_view name, std::uint32_t dir = kHerald) {
    EXPECT_ERRNO(ENODATA, client.get_xattr(dir, 50, std::string(what) + std::string(name)));
  }

  auto make_node(std::string_view name) {
    return client.ask<wire::Rmknod>(wire::Tmknod{
        .dfid = kHerald, .name = name, .mode = S_IFREG | 0600, .major = 0, .minor = 0, .gid = 0});
  }

  auto make_directory(std::string_view name) {
    return client.ask<wire::Rmkdir>(
        wire::Tmkdir{.dfid = kHerald, .name = name, .mode = 0700, .gid = 0});
  }

  [[nodiscard]] std::uint64_t number_of(std::string_view name) const {
    struct stat status{};
    EXPECT_EQ(::lstat((path / name).c_str(), &status), 0);
    return status.st_ino;
  }

  ServedTree served{{}};
  Client9p& client = served.client();
  std::filesystem::path path = served.path();
};

}  // namespace nineroot::test

// One suite, run over every identity and every transport.
#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <map>
#include <string>
#include <tuple>
#include <vector>

#include <gtest/gtest.h>

#include "tests/support/served_tree.h"

namespace nineroot::test {

using Case = std::tuple<fs::IdentityKind, Carrier>;

inline std::string name_of_case(const testing::TestParamInfo<Case>& info) {
  return name_of(std::get<0>(info.param)) + "_over_" + name_of(std::get<1>(info.param));
}

/// Values that every combination is run with.
inline auto every_case() {
  return testing::Combine(
      testing::Values(fs::IdentityKind::mapped_xattr, fs::IdentityKind::mapped_file,
                      fs::IdentityKind::passthrough, fs::IdentityKind::none),
      testing::Values(Carrier::inherited_fd, Carrier::unix_socket, Carrier::tcp,
                      Carrier::vhost_user));
}

/// For what does not depend on the transport.
inline auto every_identity() {
  return testing::Values(fs::IdentityKind::mapped_xattr, fs::IdentityKind::mapped_file,
                         fs::IdentityKind::passthrough, fs::IdentityKind::none);
}

inline std::string name_of_identity(const testing::TestParamInfo<fs::IdentityKind>& info) {
  return name_of(info.param);
}

class ConformanceTest : public testing::TestWithParam<Case> {
 protected:
  [[nodiscard]] fs::IdentityKind identity() const { return std::get<0>(GetParam()); }

  /// Symlinks and nodes are regular files on the host, and owners are recorded.
  [[nodiscard]] bool is_mapped() const {
    return identity() == fs::IdentityKind::mapped_xattr ||
           identity() == fs::IdentityKind::mapped_file;
  }

  /// The guest's owners and device nodes come to be.
  [[nodiscard]] bool has_owners() const { return is_mapped() || ::geteuid() == 0; }

  /// Makes a file with this content on a fid that is clunked again.
  void make_file(std::string_view name, std::string_view content, std::uint32_t dir = 0) {
    ASSERT_TRUE(client.create(dir, 99, name, O_RDWR, 0644, 0));
    if (!content.empty()) {
      ASSERT_EQ(client.write(99, 0, content), content.size());
    }
    ASSERT_TRUE(client.clunk(99));
  }

  ServedTree served{{.identity = identity(), .carrier = std::get<1>(GetParam())}};
  Client9p& client = served.client();
};

#define EXPECT_ERRNO(expected, expression)                                                     \
  do {                                                                                         \
    const auto errno_result = (expression);                                                    \
    EXPECT_FALSE(errno_result) << #expression " succeeded";                                    \
    if (!errno_result) {                                                                       \
      EXPECT_EQ(errno_name(errno_result.error()), errno_name(Errno{expected})) << #expression; \
    }                                                                                          \
  } while (false)

}  // namespace nineroot::test

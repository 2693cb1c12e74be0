#include "virtio/mapping.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>

#include <gtest/gtest.h>

#include "base/unique_fd.h"

namespace nineroot::virtio {
namespace {

UniqueFd memory_file(off_t size) {
  UniqueFd file(::memfd_create("test", MFD_CLOEXEC));
  EXPECT_EQ(::ftruncate(file.get(), size), 0);
  return file;
}

TEST(Mapping, ShowsTheFileFromItsOffsetOn) {
  const UniqueFd file = memory_file(0x4000);
  const std::byte mark{0x5a};
  ASSERT_EQ(::pwrite(file.get(), &mark, 1, 0x2000), 1);
  const auto mapping = Mapping::map(file.get(), 0x2000, 0x1000);
  ASSERT_TRUE(mapping);
  EXPECT_EQ(mapping->data()[0], mark);
}

TEST(Mapping, RefusesAFileThatEndsBeforeTheRegion) {
  const UniqueFd file = memory_file(0x2000);
  EXPECT_TRUE(Mapping::map(file.get(), 0x1000, 0x1000));
  EXPECT_EQ(Mapping::map(file.get(), 0x1000, 0x1001).error(), Errno{EINVAL});
  EXPECT_EQ(Mapping::map(file.get(), 0x3000, 0x1000).error(), Errno{EINVAL});
  EXPECT_EQ(Mapping::map(file.get(), 0, 0x2001).error(), Errno{EINVAL});
}

TEST(Mapping, RefusesEmptyHugeAndUnalignedRegions) {
  const UniqueFd file = memory_file(0x4000);
  EXPECT_EQ(Mapping::map(file.get(), 0, 0).error(), Errno{EINVAL});
  EXPECT_EQ(Mapping::map(file.get(), 0x10, 0x1000).error(), Errno{EINVAL});
  EXPECT_EQ(Mapping::map(file.get(), 0x1000, ~std::uint64_t{0}).error(), Errno{EINVAL});
}

TEST(Mapping, RefusesWhatIsNoFileOfMemory) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
  const UniqueFd reader(ends[0]);
  const UniqueFd writer(ends[1]);
  EXPECT_EQ(Mapping::map(reader.get(), 0, 0x1000).error(), Errno{EINVAL});
  const UniqueFd null(::open("/dev/zero", O_RDWR | O_CLOEXEC));
  EXPECT_EQ(Mapping::map(null.get(), 0, 0x1000).error(), Errno{EINVAL});
  EXPECT_EQ(Mapping::map(-1, 0, 0x1000).error(), Errno{EBADF});
}

TEST(MappingDeathTest, AShrunkenFileEndsTheProcessWithASentence) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(
      {
        end_cleanly_when_memory_shrinks();
        const UniqueFd file = memory_file(0x2000);
        const auto mapping = Mapping::map(file.get(), 0, 0x2000);
        (void)::ftruncate(file.get(), 0);
        *const_cast<volatile std::byte*>(mapping->data()) = std::byte{1};
      },
      testing::ExitedWithCode(1), "guest memory is gone");
}

}  // namespace
}  // namespace nineroot::virtio

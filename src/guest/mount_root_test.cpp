#include "guest/mount_root.h"

#include <gtest/gtest.h>

namespace nineroot::guest {
namespace {

TEST(MountOptions, AskForTheMostThatVirtioCarries) {
  EXPECT_EQ(mount_options(KernelWords(), -1, true),
            "trans=virtio,version=9p2000.L,access=client,msize=512000,cache=mmap,posixacl");
}

TEST(MountOptions, NameTheSocketOfAStream) {
  EXPECT_EQ(mount_options(KernelWords(), 5, true),
            "trans=fd,rfdno=5,wfdno=5,version=9p2000.L,access=client,msize=131096,cache=mmap,"
            "posixacl");
}

TEST(MountOptions, ObeyTheCommandLine) {
  const KernelWords words = parse_kernel_words("nineroot.msize=8192 nineroot.cache=loose");
  EXPECT_EQ(mount_options(words, -1, false),
            "trans=virtio,version=9p2000.L,access=client,msize=8192,cache=loose");
}

TEST(MountOptions, AskSoonAgainForLocksThatOthersHold) {
  EXPECT_EQ(mount_options(parse_kernel_words("nineroot.locktimeout=1"), -1, false),
            "trans=virtio,version=9p2000.L,access=client,msize=512000,cache=mmap,locktimeout=1");
}

}  // namespace
}  // namespace nineroot::guest

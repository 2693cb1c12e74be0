#include "vm/module_index.h"

#include <array>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace nineroot::vm {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr std::string_view kDep =
    "kernel/fs/9p/9p.ko.xz: kernel/fs/fscache/fscache.ko kernel/fs/netfs/netfs.ko "
    "kernel/net/9p/9pnet.ko\n"
    "kernel/net/9p/9pnet.ko:\n"
    "kernel/net/9p/9pnet_virtio.ko: kernel/net/9p/9pnet.ko kernel/drivers/virtio/virtio_ring.ko "
    "kernel/drivers/virtio/virtio.ko\n"
    "kernel/fs/netfs/netfs.ko:\n"
    "kernel/fs/fscache/fscache.ko: kernel/fs/netfs/netfs.ko\n"
    "kernel/drivers/virtio/virtio.ko:\n"
    "kernel/drivers/virtio/virtio_ring.ko: kernel/drivers/virtio/virtio.ko\n";

std::vector<std::string> order(const ModuleIndex& index,
                               const std::vector<std::string_view>& names) {
  return index.load_order(names);
}

TEST(ModuleIndex, PutsEachModuleAfterWhatItDependsOn) {
  const ModuleIndex index(kDep, "", "");
  EXPECT_THAT(order(index, {"9pnet_virtio", "9p"}),
              ElementsAre("kernel/drivers/virtio/virtio.ko", "kernel/drivers/virtio/virtio_ring.ko",
                          "kernel/net/9p/9pnet.ko", "kernel/net/9p/9pnet_virtio.ko",
                          "kernel/fs/netfs/netfs.ko", "kernel/fs/fscache/fscache.ko",
                          "kernel/fs/9p/9p.ko.xz"));
}

TEST(ModuleIndex, LeavesOutWhatIsBuiltInOrUnknown) {
  const ModuleIndex index("a.ko: b.ko c.ko\n", "kernel/b.ko\nkernel/d.ko\n", "");
  EXPECT_THAT(order(index, {"a", "b", "d", "e"}), ElementsAre("a.ko"));
  EXPECT_TRUE(index.has("a"));
  EXPECT_TRUE(index.has("b"));
  EXPECT_FALSE(index.has("c"));
}

TEST(ModuleIndex, SpellsNamesAsTheKernelDoes) {
  EXPECT_EQ(module_name("kernel/drivers/char/hw_random/virtio-rng.ko.zst"), "virtio_rng");
  EXPECT_EQ(module_name("9p.ko"), "9p");
  const ModuleIndex index("kernel/virtio-rng.ko.zst:\n", "", "");
  EXPECT_THAT(order(index, {"virtio_rng"}), ElementsAre("kernel/virtio-rng.ko.zst"));
}

TEST(ModuleIndex, HonoursSoftDependencies) {
  const ModuleIndex index("a.ko:\nb.ko:\nc.ko:\n", "",
                          "# comment\nsoftdep a pre: b gone post: c\nsoftdep\n");
  EXPECT_THAT(order(index, {"a"}), ElementsAre("b.ko", "a.ko"));
}

TEST(ModuleIndex, SurvivesLoopsAndNonsense) {
  const ModuleIndex index("a.ko: b.ko\nb.ko: a.ko\n\n:\nno colon\n: x.ko\n", "\n\n",
                          "softdep a pre: a b\nsoftdep b post: pre:\n");
  EXPECT_THAT(order(index, {"a", "a", "b"}), ElementsAre("b.ko", "a.ko"));
  EXPECT_THAT(order(ModuleIndex("", "", ""), {"a"}), IsEmpty());
}

TEST(ModuleIndex, FollowsAChainOfAnyLength) {
  std::string dep;
  for (int i = 0; i < 100'000; ++i) {
    dep += "m" + std::to_string(i) + ".ko: m" + std::to_string(i + 1) + ".ko\n";
  }
  const ModuleIndex index(dep, "", "");
  EXPECT_EQ(order(index, {"m0"}).size(), 100'000U);
}

TEST(ModuleIndex, TellsWhetherAllAreThere) {
  const ModuleIndex index("a.ko:\n", "b.ko\n", "");
  EXPECT_TRUE(index.has_all(std::array<std::string_view, 2>{"a", "b"}));
  EXPECT_FALSE(index.has_all(std::array<std::string_view, 2>{"a", "c"}));
}

}  // namespace
}  // namespace nineroot::vm

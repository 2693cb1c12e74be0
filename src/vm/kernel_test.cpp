#include "vm/kernel.h"

#include <fstream>

#include <gtest/gtest.h>

#include "storage/scratch_directory.h"
#include "vm/initramfs.h"

namespace nineroot::vm {
namespace {

constexpr const char* kModulesDep =
    "kernel/drivers/virtio/virtio_pci.ko: kernel/drivers/virtio/virtio.ko\n"
    "kernel/drivers/virtio/virtio.ko:\n"
    "kernel/net/9p/9pnet.ko:\n"
    "kernel/net/9p/9pnet_virtio.ko: kernel/net/9p/9pnet.ko\n"
    "kernel/fs/9p/9p.ko: kernel/net/9p/9pnet.ko\n";

class KernelTest : public testing::Test {
 protected:
  void write(const std::string& path, const std::string& content) {
    const std::filesystem::path full = scratch_.path() / path;
    std::filesystem::create_directories(full.parent_path());
    std::ofstream(full) << content;
  }

  void add_modules(const std::string& release, const std::string& dep = kModulesDep) {
    const std::string base = "usr/lib/modules/" + release + "/";
    write(base + "modules.dep", dep);
    for (const char* file : {"drivers/virtio/virtio_pci.ko", "drivers/virtio/virtio.ko",
                             "net/9p/9pnet.ko", "net/9p/9pnet_virtio.ko", "fs/9p/9p.ko"}) {
      write(base + "kernel/" + file, std::string("content of ") + file);
    }
  }

  storage::GuestTree tree() {
    Outcome<storage::GuestTree> tree = storage::GuestTree::open(scratch_.path());
    EXPECT_TRUE(tree) << tree.error().text();
    return std::move(*tree);
  }

  storage::ScratchDirectory scratch_;
};

TEST_F(KernelTest, NewestComesFirst) {
  for (const char* release : {"6.9.1", "6.10.0", "5.10.0"}) {
    write(std::string("boot/vmlinuz-") + release, "x");
  }
  const std::vector<Kernel> kernels = find_kernels(tree()).value();
  ASSERT_EQ(kernels.size(), 3U);
  EXPECT_EQ(kernels[0].release, "6.10.0");
  EXPECT_EQ(kernels[1].release, "6.9.1");
  EXPECT_EQ(kernels[2].release, "5.10.0");
}

TEST_F(KernelTest, IsChosenByHaving9pAndThenByItsAge) {
  write("boot/vmlinuz-6.12.0-cloud", "x");
  write("boot/vmlinuz-6.1.0", "x");
  write("boot/vmlinuz-6.0.0", "x");
  write("boot/initrd.img-6.1.0", "x");
  add_modules("6.12.0-cloud", "kernel/drivers/virtio/virtio_pci.ko:\n");
  add_modules("6.1.0");
  add_modules("6.0.0");
  std::filesystem::create_directory_symlink("usr/lib", scratch_.path() / "lib");
  const Outcome<Kernel> kernel = choose_kernel(tree());
  ASSERT_TRUE(kernel) << kernel.error().text();
  EXPECT_EQ(kernel->release, "6.1.0");
  EXPECT_EQ(kernel->image, "/boot/vmlinuz-6.1.0");
  EXPECT_EQ(kernel->modules, "/lib/modules/6.1.0");
  EXPECT_EQ(kernel->initrd, "/boot/initrd.img-6.1.0");
  EXPECT_TRUE(kernel->has_9p);
  EXPECT_FALSE(kernel->has_9p_tcp);
}

TEST_F(KernelTest, IsFoundBesideItsModules) {
  add_modules("6.11.4-301.fc41.x86_64");
  write("usr/lib/modules/6.11.4-301.fc41.x86_64/vmlinuz", "x");
  const Outcome<Kernel> kernel = choose_kernel(tree());
  ASSERT_TRUE(kernel) << kernel.error().text();
  EXPECT_EQ(kernel->image, "/usr/lib/modules/6.11.4-301.fc41.x86_64/vmlinuz");
}

TEST_F(KernelTest, WithEverythingBuiltInNeedsNoModules) {
  write("boot/vmlinuz-6.1.0", "x");
  write("boot/config-6.1.0",
        "# config\nCONFIG_9P_FS=y\nCONFIG_NET_9P_VIRTIO=y\nCONFIG_VIRTIO_PCI=y\n");
  EXPECT_TRUE(choose_kernel(tree()));
}

TEST_F(KernelTest, ThatIsNotThereIsAFailureWithAHint) {
  const Outcome<Kernel> kernel = choose_kernel(tree());
  ASSERT_FALSE(kernel);
  EXPECT_NE(kernel.error().hint().find("linux-image-amd64"), std::string::npos);
}

TEST_F(KernelTest, Without9pIsAFailureThatNamesThePackage) {
  write("boot/vmlinuz-6.1.0-cloud-amd64", "x");
  add_modules("6.1.0-cloud-amd64", "kernel/drivers/virtio/virtio_pci.ko:\n");
  const Outcome<Kernel> kernel = choose_kernel(tree());
  ASSERT_FALSE(kernel);
  EXPECT_NE(kernel.error().what().find("6.1.0-cloud-amd64"), std::string::npos);
  EXPECT_NE(kernel.error().hint().find("linux-image-amd64"), std::string::npos);
}

TEST_F(KernelTest, WithoutAnIndexOfModulesIsAFailureThatSaysDepmod) {
  write("boot/vmlinuz-6.1.0", "x");
  write("usr/lib/modules/6.1.0/kernel/fs/9p/9p.ko", "x");
  const Outcome<Kernel> kernel = choose_kernel(tree());
  ASSERT_FALSE(kernel);
  EXPECT_NE(kernel.error().hint().find("depmod"), std::string::npos);
}

TEST_F(KernelTest, HasItsModulesInTheInitramfsInTheirOrder) {
  write("boot/vmlinuz-6.1.0", "x");
  add_modules("6.1.0");
  const Kernel kernel = choose_kernel(tree()).value();
  const Outcome<std::string> archive = build_initramfs(tree(), kernel, RootTransport::virtio);
  ASSERT_TRUE(archive) << archive.error().text();
  EXPECT_NE(archive->find("virtio.ko\nvirtio_pci.ko\n9pnet.ko\n9pnet_virtio.ko\n9p.ko\n"),
            std::string::npos);
  EXPECT_NE(archive->find("content of net/9p/9pnet_virtio.ko"), std::string::npos);
  EXPECT_NE(archive->find("\x7f"
                          "ELF"),
            std::string::npos);
}

TEST_F(KernelTest, WithoutAModuleOfTheTransportGivesNoInitramfs) {
  write("boot/vmlinuz-6.1.0", "x");
  add_modules("6.1.0");
  const Kernel kernel = choose_kernel(tree()).value();
  const Outcome<std::string> archive = build_initramfs(tree(), kernel, RootTransport::tcp);
  ASSERT_FALSE(archive);
  EXPECT_NE(archive.error().what().find("virtio_net"), std::string::npos);
}

TEST_F(KernelTest, WithAMissingModuleFileGivesNoInitramfs) {
  write("boot/vmlinuz-6.1.0", "x");
  add_modules("6.1.0");
  std::filesystem::remove(scratch_.path() / "usr/lib/modules/6.1.0/kernel/fs/9p/9p.ko");
  const Kernel kernel = choose_kernel(tree()).value();
  EXPECT_FALSE(build_initramfs(tree(), kernel, RootTransport::virtio));
}

TEST(InitCommandLine, SaysWhatTheInitReads) {
  EXPECT_EQ(init_command_line({}),
            "console=ttyS0 panic=10 rw nineroot.transport=virtio nineroot.tag=root "
            "nineroot.cache=mmap");
  EXPECT_EQ(init_command_line({.transport = RootTransport::tcp,
                               .tag = "fsRoot",
                               .cache = "loose",
                               .msize = 8192,
                               .is_read_only = true}),
            "console=ttyS0 panic=10 ro nineroot.ro nineroot.transport=tcp nineroot.tag=fsRoot "
            "nineroot.cache=loose nineroot.msize=8192");
}

}  // namespace
}  // namespace nineroot::vm

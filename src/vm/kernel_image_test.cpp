#include "vm/kernel_image.h"

#include <gtest/gtest.h>

namespace nineroot::vm {
namespace {

std::string image(std::size_t text_at, std::string_view text) {
  std::string head(1024, '\0');
  head.replace(0x202, 4, "HdrS");
  const std::size_t pointer = text_at - 0x200;
  head[0x20e] = static_cast<char>(pointer & 0xffU);
  head[0x20f] = static_cast<char>(pointer >> 8U);
  head.replace(text_at, text.size(), text);
  return head;
}

TEST(KernelImage, TellsItsRelease) {
  EXPECT_EQ(kernel_image_release(image(0x300, "6.1.0-49-amd64 (debian-kernel@lists) #1 SMP")),
            "6.1.0-49-amd64");
  EXPECT_EQ(kernel_image_release(image(0x300, "6.12.1")), "6.12.1");
}

TEST(KernelImage, ThatIsNoneTellsNothing) {
  EXPECT_EQ(kernel_image_release(""), std::nullopt);
  EXPECT_EQ(kernel_image_release(std::string(4096, 'x')), std::nullopt);
  EXPECT_EQ(kernel_image_release(image(0x300, "")), std::nullopt);
  EXPECT_EQ(kernel_image_release(image(0x300, "../../etc/passwd x")), std::nullopt);
  EXPECT_EQ(kernel_image_release(image(0x300, std::string(100, '6'))), std::nullopt);
}

TEST(KernelImage, WithAPointerBeyondItsEndTellsNothing) {
  std::string head = image(0x300, "6.1");
  head[0x20f] = '\x7f';
  EXPECT_EQ(kernel_image_release(head), std::nullopt);
}

TEST(KernelImage, MayBeCutAnywhere) {
  const std::string whole = image(0x300, "6.1.0-49-amd64 (x)");
  for (std::size_t size = 0; size < 0x300 + 15; ++size) {
    EXPECT_EQ(kernel_image_release(std::string_view(whole).substr(0, size)), std::nullopt) << size;
  }
}

}  // namespace
}  // namespace nineroot::vm

#include "vm/accelerator.h"

#include <gtest/gtest.h>

namespace nineroot::vm {
namespace {

constexpr std::chrono::milliseconds kPatience{2000};

TEST(Accelerator, ReadsTheCpusFlagsAsWholeWords) {
  EXPECT_TRUE(cpu_can_virtualise("processor : 0\nflags\t\t: fpu vmx sse\nbugs : x\n"));
  EXPECT_TRUE(cpu_can_virtualise("processor : 0\nflags\t\t: fpu sse svm\n"));
  EXPECT_FALSE(cpu_can_virtualise("processor : 0\nflags\t\t: fpu svm_lock xvmx\nvmx flags: vmx\n"));
  EXPECT_FALSE(cpu_can_virtualise(""));
}

TEST(Accelerator, TakesTcgWhenAskedAndRefusesOthers) {
  EXPECT_EQ(choose_accelerator("tcg")->accelerator, Accelerator::tcg);
  const Outcome<AcceleratorChoice> wrong = choose_accelerator("xen");
  ASSERT_FALSE(wrong);
  EXPECT_TRUE(wrong.error().is_usage());
}

TEST(Accelerator, SaysWhyKvmIsNotUsed) {
  const Outcome<AcceleratorChoice> choice = choose_accelerator("auto");
  ASSERT_TRUE(choice);
  EXPECT_EQ(choice->reason.empty(), choice->accelerator == Accelerator::kvm);
}

TEST(KvmProbe, TellsADeviceThatIsNotThereFromOneThatIsNotKvm) {
  EXPECT_EQ(try_kvm("/nonexistent", kPatience).error().what(), "/dev/kvm cannot be opened");
  EXPECT_EQ(try_kvm("/dev/null", kPatience).error().what(),
            "/dev/kvm does not speak KVM's interface 12");
}

}  // namespace
}  // namespace nineroot::vm

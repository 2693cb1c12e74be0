#include "fs/host_trouble.h"

#include <string>

#include <gtest/gtest.h>

namespace nineroot::fs {
namespace {

/// What is logged while these errors are noted.
std::string logged(HostTrouble& trouble, std::initializer_list<int> errors) {
  testing::internal::CaptureStderr();
  for (const int error : errors) {
    trouble.note(Errno{error});
  }
  return testing::internal::GetCapturedStderr();
}

TEST(HostTrouble, EachKindIsSaidOnce) {
  HostTrouble trouble;
  const std::string first = logged(trouble, {EIO, EIO, ENOSPC, EIO});
  EXPECT_NE(first.find("dmesg"), std::string::npos) << first;
  EXPECT_NE(first.find("df -i"), std::string::npos) << first;
  EXPECT_EQ(std::count(first.begin(), first.end(), '\n'), 2) << first;
  EXPECT_EQ(logged(trouble, {EIO, ENOSPC}), "");
}

TEST(HostTrouble, WhatGuestsCauseEveryDayIsNone) {
  HostTrouble trouble;
  EXPECT_EQ(logged(trouble, {ENOENT, EEXIST, EINVAL, ENOTEMPTY, EXDEV, ENODATA, EPERM}), "");
}

}  // namespace
}  // namespace nineroot::fs

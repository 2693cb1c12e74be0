#include "vm/kernel_version.h"

#include <gtest/gtest.h>

namespace nineroot::vm {
namespace {

void expect_older(std::string_view older, std::string_view newer) {
  EXPECT_TRUE(is_older_release(older, newer)) << older << " < " << newer;
  EXPECT_FALSE(is_older_release(newer, older)) << newer << " < " << older;
}

TEST(KernelVersion, ComparesNumbersAsNumbers) {
  expect_older("6.9.0-1-amd64", "6.10.0-1-amd64");
  expect_older("6.1.0-9-amd64", "6.1.0-49-amd64");
  expect_older("5.10.0-10-amd64", "6.1.0-1-amd64");
  expect_older("6.1.99999999999999999999", "6.1.100000000000000000000");
}

TEST(KernelVersion, PutsReleaseCandidatesFirst) {
  expect_older("6.10-rc1", "6.10");
  expect_older("6.10.0-rc7-amd64", "6.10.0-amd64");
  expect_older("6.10~rc7", "6.10");
  expect_older("6.9", "6.10-rc1");
}

TEST(KernelVersion, PutsTheShorterFirst) {
  expect_older("6.1", "6.1.5");
  expect_older("6.1.0-1-amd64", "6.1.0-1-amd64-dbg");
}

TEST(KernelVersion, IsNotOlderThanItself) {
  EXPECT_FALSE(is_older_release("6.1.0-49-amd64", "6.1.0-49-amd64"));
  EXPECT_FALSE(is_older_release("6.01", "6.1"));
  EXPECT_FALSE(is_older_release("6.1", "6.01"));
  EXPECT_FALSE(is_older_release("", ""));
}

}  // namespace
}  // namespace nineroot::vm

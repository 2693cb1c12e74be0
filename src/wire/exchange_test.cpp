#include "wire/exchange.h"

#include <array>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "wire/codec.h"

namespace nineroot::wire {
namespace {

class RecordingSink : public ReplySink {
 public:
  void finish_in_place(std::uint64_t slot, std::size_t size) override {
    in_place.emplace_back(slot, size);
  }

  void finish(std::uint64_t, std::span<const std::byte> reply) override {
    copied.emplace_back(reply.begin(), reply.end());
  }

  std::vector<std::pair<std::uint64_t, std::size_t>> in_place;
  std::vector<std::vector<std::byte>> copied;
};

TEST(Exchange, DroppedWithoutAnAnswerItAnswersEio) {
  RecordingSink sink;
  {
    const Exchange exchange(sink, 1, 0x1234, {}, {});
  }
  ASSERT_EQ(sink.copied.size(), 1U);
  const Header header = read_header(sink.copied[0]);
  EXPECT_EQ(header.type, static_cast<std::uint8_t>(MsgType::Rlerror));
  EXPECT_EQ(header.tag, 0x1234);
  EXPECT_EQ(header.size, kRlerrorSize);
  EXPECT_EQ(sink.copied[0][7], std::byte{EIO});
}

TEST(Exchange, CompletesExactlyOnce) {
  RecordingSink sink;
  {
    Exchange exchange(sink, 9, 1, {}, {});
    std::move(exchange).complete(11);
  }
  EXPECT_EQ(sink.in_place, (std::vector<std::pair<std::uint64_t, std::size_t>>{{9, 11}}));
  EXPECT_TRUE(sink.copied.empty());
}

TEST(Pending, DroppedAfterAFlushItReturnsNothing) {
  RecordingSink sink;
  {
    Pending pending = Exchange(sink, 9, 1, {}, {}).detach();
    std::move(pending).drop();
  }
  ASSERT_EQ(sink.copied.size(), 1U);
  EXPECT_TRUE(sink.copied[0].empty());
}

TEST(Pending, LostByItsOwnerItAnswersEio) {
  RecordingSink sink;
  {
    const Pending pending = Exchange(sink, 9, 1, {}, {}).detach();
  }
  ASSERT_EQ(sink.copied.size(), 1U);
  EXPECT_EQ(sink.copied[0].size(), kRlerrorSize);
}

}  // namespace
}  // namespace nineroot::wire

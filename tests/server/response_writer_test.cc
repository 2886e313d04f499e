#include "server/response_writer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <string>

#include "server/stream_budget.h"

namespace frdpu::server {
namespace {

class ResponseWriterTest : public testing::Test {
 protected:
  core::PooledBlock block() { return std::move(*pool_.acquire()); }

  void append(std::string_view text) {
    core::PooledBlock added = block();
    std::ranges::copy(core::as_bytes(text), added.data());
    writer_.body().push_back(std::move(added), 0, text.size());
  }

  // Sends the batch as a socket would that takes `bytes` a call.
  std::string send_batch(std::size_t bytes) {
    std::string sent;
    while (!writer_.batch_sent()) {
      std::array<iovec, ResponseWriter::kMaxViews> views;
      const std::size_t count = writer_.gather(views);
      std::string gathered;
      for (std::size_t i = 0; i < count; ++i) {
        gathered.append(static_cast<const char*>(views[i].iov_base), views[i].iov_len);
      }
      gathered.resize(std::min(gathered.size(), bytes));
      writer_.sent(gathered.size());
      sent += gathered;
      if (count == 0) break;
    }
    return sent;
  }

  core::FixedPool pool_ =
      std::move(*core::FixedPool::create({.name = "test", .block_bytes = 64, .max_blocks = 40}));
  ResponseWriter writer_;
};

TEST_F(ResponseWriterTest, SendsTextThenBodyCutAnywhere) {
  for (const std::size_t cut : {1u, 2u, 3u, 7u, 64u, 1000u}) {
    writer_.open(block());
    writer_.put_text("HEAD|");
    append("first");
    append("second");
    writer_.put_body(9);  // ends within a block
    EXPECT_EQ(send_batch(cut), "HEAD|firstseco") << cut;
    writer_.put_text("|NEXT|");
    writer_.put_body(2);
    EXPECT_EQ(send_batch(cut), "|NEXT|nd") << cut;
    writer_.reset();
    EXPECT_EQ(pool_.stats().in_use, 0u);
  }
}

TEST_F(ResponseWriterTest, SendsTheTextThatEndsTheBodyBehindIt) {
  for (const std::size_t cut : {1u, 2u, 3u, 7u, 64u, 1000u}) {
    writer_.open(block());
    for (int turn = 0; turn < 2; ++turn) {
      append("body");
      append("more");
      writer_.put_text("HEAD|");
      writer_.put_body(8);
      writer_.put_text("|END");
      EXPECT_EQ(send_batch(cut), "HEAD|bodymore|END") << cut;
    }
    writer_.put_text("only");
    EXPECT_EQ(send_batch(cut), "only") << cut;
    writer_.reset();
  }
}

TEST_F(ResponseWriterTest, KeepsTheBodyThatCameBeforeItsText) {
  append("body");
  writer_.open(block());
  writer_.put_text("h:");
  writer_.put_body(4);
  EXPECT_EQ(send_batch(100), "h:body");
}

TEST_F(ResponseWriterTest, SendsMoreBlocksThanOneGatheredWriteTakes) {
  writer_.open(block());
  std::string expected = "head";
  writer_.put_text(expected);
  for (int i = 0; i < 30; ++i) {
    append("piece " + std::to_string(i) + ";");
    expected += "piece " + std::to_string(i) + ";";
  }
  writer_.put_body(writer_.body().size());
  writer_.put_text("end");
  EXPECT_EQ(send_batch(SIZE_MAX), expected + "end");
}

TEST_F(ResponseWriterTest, CopiesAShortWholeBodyBehindItsText) {
  for (const std::size_t cut : {1u, 5u, 6u, 64u}) {
    writer_.open(block());
    writer_.put_text("HEAD|");
    append("body");
    writer_.put_whole_body();
    EXPECT_EQ(pool_.stats().in_use, 1u) << "its block is not needed any more";
    std::array<iovec, ResponseWriter::kMaxViews> views;
    EXPECT_EQ(writer_.gather(views), 1u);
    EXPECT_EQ(send_batch(cut), "HEAD|body") << cut;
    writer_.put_text("NEXT|");
    writer_.put_whole_body();
    EXPECT_EQ(send_batch(cut), "NEXT|") << cut;
    writer_.reset();
  }
}

TEST_F(ResponseWriterTest, CopiesNoBodyThatHasNoRoomBehindItsText) {
  const std::string head(40, 'h');
  for (const std::size_t bytes : {24u, 25u}) {
    writer_.open(block());
    writer_.put_text(head);
    append(std::string(bytes, 'b'));
    writer_.put_whole_body();
    std::array<iovec, ResponseWriter::kMaxViews> views;
    EXPECT_EQ(writer_.gather(views), bytes == 24 ? 1u : 2u);
    EXPECT_EQ(send_batch(SIZE_MAX), head + std::string(bytes, 'b'));
    writer_.reset();
  }
}

TEST_F(ResponseWriterTest, SendsAWholeBodyOfSeveralBlocks) {
  writer_.open(block());
  writer_.put_text("h");
  append("first");
  append("second");
  writer_.put_whole_body();
  EXPECT_EQ(send_batch(3), "hfirstsecond");
}

TEST(StreamBudgetTest, PromisesUpToItsLimitAndKeepsAReserve) {
  StreamBudget budget(160);
  EXPECT_EQ(budget.limit(), 130u);
  EXPECT_TRUE(budget.reserve(100));
  EXPECT_FALSE(budget.reserve(31));
  EXPECT_EQ(budget.promised(), 100u);
  EXPECT_TRUE(budget.reserve(30));
  budget.give_back(130);
  EXPECT_EQ(budget.promised(), 0u);
  EXPECT_FALSE(budget.reserve(SIZE_MAX));
}

TEST(StreamBudgetTest, LetsOnlyThosePassWhoAskForLess) {
  StreamBudget budget(160);
  EXPECT_FALSE(budget.has_line(1000));
  budget.join_line(18);
  EXPECT_TRUE(budget.has_line(17));
  EXPECT_TRUE(budget.has_line(1'000'000));
  EXPECT_FALSE(budget.has_line(3));
  budget.join_line(3);
  EXPECT_TRUE(budget.has_line(3));
  budget.leave_line(18);
  EXPECT_TRUE(budget.has_line(18)) << "who asks for less stands before";
  budget.leave_line(3);
  EXPECT_FALSE(budget.has_line(18));
}

TEST(StreamBudgetTest, PromisesNothingOfATinyPool) {
  StreamBudget budget(8);
  EXPECT_EQ(budget.limit(), 0u);
  EXPECT_FALSE(budget.reserve(1));
}

}  // namespace
}  // namespace frdpu::server

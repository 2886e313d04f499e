#include "server/request_reader.h"

#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <vector>

#include "server/block_pools.h"
#include "server/config.h"
#include "tests/support/request_feed.h"

namespace frdpu::server {
namespace {

using core::Errc;

constexpr std::size_t kCuts[] = {1, 2, 3, 5, 8, 16, 31, SIZE_MAX};

/// A reader with pools of its own, fed from a text.
class RequestReaderTest : public testing::Test {
 protected:
  using Request = test::ReadRequest;

  static BlockPools make_pools(std::size_t mtu, std::size_t large) {
    auto pools = BlockPools::create(
        {.name = "mtu", .block_bytes = core::kMtuBlockBytes, .max_blocks = mtu},
        {.name = "64k", .block_bytes = core::k64kBlockBytes, .max_blocks = large});
    return std::move(*pools);
  }

  RequestReaderTest() { reader_.use(pools_); }

  bool feed(std::string_view& text, std::size_t cut) { return test::feed(reader_, text, cut); }

  // Reads every request of a text that arrives in cuts. Ends at the first error, which it keeps.
  std::vector<Request> read_all(std::string_view text, std::size_t cut) {
    test::ReadRequests read = test::read_requests(reader_, text, cut);
    if (read.error) error_ = read.error;
    return std::move(read.requests);
  }

  void expect_balanced() {
    reader_.reset();
    EXPECT_EQ(pools_.mtu().stats().in_use, 0u);
    EXPECT_EQ(pools_.large().stats().in_use, 0u);
  }

  Config config_;
  BlockPools pools_ = make_pools(8, 8);
  RequestReader reader_{config_};
  std::optional<Errc> error_;
};

TEST_F(RequestReaderTest, ReadsPipelinedRequestsCutAnywhere) {
  const std::string large(200'000, 'x');
  const std::string text =
      "POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello"
      "\r\nGET /b HTTP/1.1\r\nHost: h\r\n\r\n"
      "POST /c HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
      "3;ext=1\r\nabc\r\n2\r\nde\r\n0\r\nTrailer: dropped\r\n\r\n"
      "POST /d HTTP/1.1\r\nHost: h\r\nContent-Length: 200000\r\n\r\n" +
      large + "GET /e HTTP/1.1\r\nHost: h\r\n\r\n";
  const std::vector<Request> expected = {
      {"/a", "hello"}, {"/b", ""}, {"/c", "abcde"}, {"/d", large}, {"/e", ""}};
  for (const std::size_t cut : kCuts) {
    EXPECT_EQ(read_all(text, cut), expected) << cut;
    EXPECT_EQ(error_, std::nullopt) << cut;
    expect_balanced();
  }
}

TEST_F(RequestReaderTest, ReadsWhatComesFastIntoSeveralBlocks) {
  pools_ = make_pools(8, 64);
  const std::string large(300'000, 'x');
  std::string text = "POST /c HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";
  std::vector<Request> expected = {{"/c", ""}};
  for (int i = 0; i < 12; ++i) {
    text += "c350\r\n" + std::string(50'000, static_cast<char>('a' + i)) + "\r\n";
    expected[0].body += std::string(50'000, static_cast<char>('a' + i));
  }
  text += "0\r\n\r\n";
  // What comes with its end fills several blocks, too, and is there only once.
  for (int i = 0; i < 4'000; ++i) {
    text += "POST /p HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc";
    expected.push_back({"/p", "abc"});
  }
  text +=
      "POST /d HTTP/1.1\r\nHost: h\r\nContent-Length: 300000\r\n\r\n" + large +
      "POST /c HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n";
  expected.push_back({"/d", large});
  expected.push_back({"/c", "hello"});
  for (const std::size_t cut : {std::size_t{SIZE_MAX}, std::size_t{250'000}, std::size_t{65'536}}) {
    EXPECT_TRUE(read_all(text, cut) == expected) << cut;
    EXPECT_EQ(error_, std::nullopt) << cut;
    expect_balanced();
  }
}

TEST_F(RequestReaderTest, OffersSeveralBlocksWhereMostAreLeftAndTheFirstWasFilled) {
  for (const bool chunked : {false, true}) {
    for (const std::size_t blocks : {std::size_t{4}, std::size_t{64}}) {
      pools_ = make_pools(8, blocks);
      std::string text =
          chunked ? "POST /c HTTP/1.1\r\nTransfer-Encoding: chunked\r\nHost: h\r\n\r\nfffff\r\n"
                  : "POST /c HTTP/1.1\r\nContent-Length: 1048575\r\nHost: h\r\n\r\n";
      std::string_view rest = text;
      while (feed(rest, SIZE_MAX)) {
        ASSERT_TRUE(reader_.parse_head().has_value());
        ASSERT_TRUE(reader_.parse_body().has_value());
      }
      EXPECT_EQ(reader_.rooms()->size(), 1u) << "nothing says that more is there";
      reader_.received(0);
      const std::string body(1'000'000, 'x');
      std::string_view more = body;
      ASSERT_TRUE(feed(more, SIZE_MAX));
      ASSERT_TRUE(reader_.parse_body().has_value());
      const std::size_t rooms = reader_.rooms()->size();
      EXPECT_EQ(rooms, chunked && blocks == 64 ? 4u : 1u) << "half of a pool is for others";
      const std::size_t in_use = pools_.large().stats().in_use;
      reader_.received(0);
      EXPECT_EQ(pools_.large().stats().in_use, in_use - (chunked ? rooms : rooms - 1));
      EXPECT_EQ(reader_.rooms()->size(), 1u) << "the socket was empty";
      expect_balanced();
    }
  }
}

TEST_F(RequestReaderTest, ReadsTheSameHeadAgainWithEveryLength) {
  config_.max_body_bytes = 100;
  const auto request = [](std::size_t length) {
    return "POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: " + std::to_string(length) +
           "\r\nX-Request-Id: r\r\n\r\n" + std::string(length, 'x');
  };
  const std::string text = request(5) + request(12) + request(12) + request(0) + request(100);
  for (const std::size_t cut : kCuts) {
    EXPECT_EQ(read_all(text, cut), (std::vector<Request>{{"/a", std::string(5, 'x')},
                                                         {"/a", std::string(12, 'x')},
                                                         {"/a", std::string(12, 'x')},
                                                         {"/a", ""},
                                                         {"/a", std::string(100, 'x')}}));
    EXPECT_EQ(error_, std::nullopt) << cut;
    EXPECT_TRUE(read_all(request(101), cut).empty());
    EXPECT_EQ(error_, Errc::body_too_large) << cut;
    error_.reset();
    expect_balanced();
  }
}

TEST_F(RequestReaderTest, SaysNothingOfTheHeadBeforeWhenOneIsRefused) {
  EXPECT_EQ(read_all("GET /a HTTP/1.1\r\nHost: h\r\nX-Request-Id: r\r\n\r\n", 9).size(), 1u);
  EXPECT_TRUE(read_all("GET /b HTTP/1.1\r\nHost: h\n", SIZE_MAX).empty());
  EXPECT_EQ(error_, Errc::malformed_request);
  EXPECT_EQ(reader_.head().request_id(), "");
  EXPECT_EQ(reader_.line().target, "");
}

TEST_F(RequestReaderTest, MovesALongHeadToALargeBlock) {
  const std::string field(6000, 'v');
  const std::string text = "GET /long HTTP/1.1\r\nHost: h\r\nX-Long: " + field + "\r\n\r\n";
  for (const std::size_t cut : kCuts) {
    EXPECT_EQ(read_all(text, cut), (std::vector<Request>{{"/long", ""}})) << cut;
  }
  EXPECT_GE(pools_.large().stats().acquisitions, 1u);
  expect_balanced();
}

TEST_F(RequestReaderTest, TellsALongTargetFromLongFields) {
  config_.max_header_bytes = 2000;
  const std::string long_text(3000, 'a');
  EXPECT_TRUE(read_all("GET /" + long_text + " HTTP/1.1\r\nHost: h\r\n\r\n", SIZE_MAX).empty());
  EXPECT_EQ(error_, Errc::uri_too_long);
  reader_.reset();
  EXPECT_TRUE(read_all("GET / HTTP/1.1\r\nHost: h\r\nX: " + long_text + "\r\n\r\n", 7).empty());
  EXPECT_EQ(error_, Errc::headers_too_large);
  expect_balanced();
}

TEST_F(RequestReaderTest, TakesAHeadOfExactlyTheLimit) {
  const std::string start = "GET / HTTP/1.1\r\nHost: h\r\nX: ";
  config_.max_header_bytes = 2000;
  const auto head = [&](std::size_t bytes) {
    return start + std::string(bytes - start.size() - 4, 'a') + "\r\n\r\n";
  };
  EXPECT_EQ(read_all(head(2000), SIZE_MAX).size(), 1u);
  reader_.reset();
  EXPECT_TRUE(read_all(head(2001), SIZE_MAX).empty());
  EXPECT_EQ(error_, Errc::headers_too_large);
}

TEST_F(RequestReaderTest, RefusesBareLineFeedsAtOnce) {
  EXPECT_TRUE(read_all("GET / HTTP/1.1\nHost: h\n\n", SIZE_MAX).empty());
  EXPECT_EQ(error_, Errc::malformed_request);
}

TEST_F(RequestReaderTest, SkipsOneEmptyLineInFrontOfARequest) {
  const std::string request = "\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n";
  for (const std::size_t cut : kCuts) {
    error_.reset();
    EXPECT_EQ(read_all(request + request, cut).size(), 2u) << cut;
    EXPECT_EQ(error_, std::nullopt) << cut;
    reader_.reset();
    EXPECT_TRUE(read_all("\r\n" + request, cut).empty()) << cut;
    EXPECT_EQ(error_, Errc::malformed_request) << cut;
    expect_balanced();
  }
}

TEST_F(RequestReaderTest, RefusesBrokenChunks) {
  const std::string head = "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (const std::string body : {"x\r\n", "3\r\nabcd\r\n", "-1\r\n", "11111111111111111\r\n"}) {
    error_.reset();
    EXPECT_TRUE(read_all(head + body + "0\r\n\r\n", SIZE_MAX).empty()) << body;
    EXPECT_EQ(error_, Errc::malformed_request) << body;
    reader_.reset();
  }
}

TEST_F(RequestReaderTest, BoundsChunkExtensionsAndTrailers) {
  const std::string head = "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";
  const std::string endless(config_.max_header_bytes * 2, 'e');
  const std::pair<std::string, Errc> rows[] = {{"1;" + endless, Errc::malformed_request},
                                               {"0\r\nT: " + endless, Errc::headers_too_large}};
  for (const auto& [body, code] : rows) {
    error_.reset();
    EXPECT_TRUE(read_all(head + body, 1000).empty());
    EXPECT_EQ(error_, code);
    reader_.reset();
  }
}

TEST_F(RequestReaderTest, TakesASmallChunkedBodyWithoutALargeBlock) {
  const std::string text =
      "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n";
  EXPECT_EQ(read_all(text, SIZE_MAX), (std::vector<Request>{{"/", "hello"}}));
  EXPECT_EQ(pools_.large().stats().acquisitions, 0u);
}

TEST_F(RequestReaderTest, RefusesAChunkThatClaimsTooMuchBeforeItArrives) {
  const std::string head = "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";
  config_.max_body_bytes = 100;
  for (const char* size : {"65", "ffffffffffffffff"}) {
    error_.reset();
    EXPECT_TRUE(read_all(head + size + "\r\n", SIZE_MAX).empty());
    EXPECT_EQ(error_, Errc::body_too_large) << size;
    reader_.reset();
  }
}

TEST_F(RequestReaderTest, RefusesALongBodyBeforeAndWhileItArrives) {
  config_.max_body_bytes = 100;
  EXPECT_TRUE(
      read_all("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 101\r\n\r\n", SIZE_MAX).empty());
  EXPECT_EQ(error_, Errc::body_too_large);
  reader_.reset();
  error_.reset();
  EXPECT_TRUE(read_all("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n65\r\n" +
                           std::string(101, 'b') + "\r\n0\r\n\r\n",
                       10)
                  .empty());
  EXPECT_EQ(error_, Errc::body_too_large);
}

TEST_F(RequestReaderTest, StopsReadingAheadOfItsBound) {
  const std::string head = "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000\r\n\r\n";
  const std::string body(1'000'000, 'b');
  std::string all = head + body;
  std::string_view text = all;
  while (feed(text, head.size()) && reader_.parse_head() == RequestReader::HeadState::incomplete) {
  }
  ASSERT_TRUE(reader_.parse_body());
  while (feed(text, SIZE_MAX)) {
  }
  EXPECT_LE(reader_.body().blocks(), 3u);
  EXPECT_FALSE(reader_.wants_input());
  EXPECT_GT(text.size(), 700'000u);
}

TEST_F(RequestReaderTest, GoesOnWhereAnEmptyPoolStoppedIt) {
  // Refuse the n-th block, for each n until the request passes without a refusal.
  // Head, body and raw block are three: the chunk does not fit the head's.
  const std::string sent(3000, 'b');
  const std::string text =
      "POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nbb8\r\n" + sent +
      "\r\n0\r\n\r\n";
  for (const bool empty_at_start : {true, false}) {
    BlockPools pools = make_pools(1, 3);
    RequestReader reader(config_);
    reader.use(pools);
    std::vector<core::PooledBlock> hoard;
    if (empty_at_start) hoard.push_back(std::move(*pools.acquire(1)));
    while (auto block = pools.acquire(core::k64kBlockBytes)) hoard.push_back(std::move(*block));
    std::string_view rest = text;
    unsigned refusals = 0;
    std::string body;
    bool head_done = false;
    while (!head_done || !reader.body_ended()) {
      core::Result<void> parsed{};
      if (!head_done) {
        const auto state = reader.parse_head();
        ASSERT_TRUE(state.has_value());
        head_done = *state == RequestReader::HeadState::complete;
      }
      if (head_done) parsed = reader.parse_body();
      const auto rooms = reader.rooms();
      if (!parsed || !rooms) {
        EXPECT_EQ((parsed ? rooms.error() : parsed.error()).code, Errc::pool_exhausted);
        ASSERT_FALSE(hoard.empty());
        hoard.pop_back();
        ++refusals;
        continue;
      }
      test::take_body(reader, body);
      static_cast<void>(test::feed(reader, rest, SIZE_MAX));
    }
    test::take_body(reader, body);
    EXPECT_EQ(body, sent);
    EXPECT_GE(refusals, 2u);
  }
}

TEST(BlockPoolsTest, KeepTheLastLargeBlocksForResults) {
  auto pools =
      BlockPools::create({.name = "mtu", .block_bytes = core::kMtuBlockBytes, .max_blocks = 2},
                         {.name = "64k", .block_bytes = core::k64kBlockBytes, .max_blocks = 16});
  ASSERT_TRUE(pools.has_value());
  std::vector<core::PooledBlock> held;
  const auto take = [&](auto acquire) {
    std::size_t count = 0;
    while (auto block = acquire()) {
      held.push_back(std::move(*block));
      ++count;
    }
    return count;
  };
  constexpr std::size_t kBytes = core::k64kBlockBytes;
  EXPECT_EQ(take([&] { return pools->acquire_for_body(kBytes, false); }), 14u);
  EXPECT_EQ(take([&] { return pools->acquire_for_body(kBytes, true); }), 1u);
  EXPECT_TRUE(pools->acquire_for_body(core::kMtuBlockBytes, false).has_value());
  EXPECT_EQ(take([&] { return pools->acquire(kBytes); }), 1u);
  EXPECT_EQ(pools->large().stats().in_use, 16u);
}

}  // namespace
}  // namespace frdpu::server

#include "core/frame_check.h"

#include <gtest/gtest.h>

#include "tests/support/body_helpers.h"
#include "tests/support/oracles.h"

namespace frdpu::core {
namespace {

using body_test::pools;
using test::Buffer;

class NoDictionaries final : public DictionarySource {
 public:
  const Dictionary* find(std::uint32_t) noexcept override { return nullptr; }
};

Errc code_of(const Result<void>& result) {
  return result ? Errc{} : result.error().code;
}

// A header that everything speaks against, until one thing after the other is put right.
TEST(FrameCheckTest, JudgesInTheDecodersOrder) {
  NoDictionaries none;
  DecodeLimits limits{.max_output_bytes = 1000, .max_window_bytes = 4096, .max_frames = 2};
  BodySoFar before{.frames = 2, .output_bytes = 500};
  FrameHeader header{.coding = Coding::zstd,
                     .window_bytes = 5000,
                     .content_bytes = 501,
                     .dictionary_id = 7,
                     .workspace_bytes = SIZE_MAX / 2};
  const auto check = [&] { return check_frame(header, limits, before, pools(), &none); };
  EXPECT_EQ(code_of(check()), Errc::frame_limit_exceeded);
  EXPECT_EQ(check().error().observed, 3u);
  before.frames = 1;
  EXPECT_EQ(code_of(check()), Errc::window_too_large);
  EXPECT_EQ(check().error().limit, 4096u);
  header.window_bytes = 4096;
  EXPECT_EQ(code_of(check()), Errc::output_limit_exceeded);
  EXPECT_EQ(check().error().observed, 1001u);
  header.content_bytes = 500;
  EXPECT_EQ(code_of(check()), Errc::missing_dictionary);
  EXPECT_EQ(check().error().observed, 7u);
  header.dictionary_id.reset();
  EXPECT_EQ(code_of(check()), Errc::window_too_large);
  EXPECT_EQ(check().error().limit, pools().max_window_bytes());
  header.workspace_bytes = 1000;
  EXPECT_EQ(code_of(check()), Errc{});
  body_test::expect_all_home();
}

TEST(FrameCheckTest, ClaimsOfStrangersDoNotWrap) {
  const FrameHeader header{.coding = Coding::zstd, .content_bytes = UINT64_MAX};
  EXPECT_EQ(code_of(check_limits(header, {.max_output_bytes = 10}, {.output_bytes = 5})),
            Errc::output_limit_exceeded);
}

TEST(FrameCheckTest, ASkippableFrameIsAFrameAndNoMore) {
  const FrameHeader header{.coding = Coding::zstd, .content_bytes = 1u << 30, .skippable = true};
  const DecodeLimits limits{.max_output_bytes = 10, .max_window_bytes = 1, .max_frames = 1};
  EXPECT_EQ(code_of(check_frame(header, limits, {}, pools(), nullptr)), Errc{});
  EXPECT_EQ(code_of(check_frame(header, limits, {.frames = 1}, pools(), nullptr)),
            Errc::frame_limit_exceeded);
}

TEST(FrameCheckTest, BytesBehindAFrameThatBeginNoneAreTrailing) {
  const Buffer text = test::to_buffer("some other bytes, and more of them than a header has");
  for (const Coding coding : {Coding::gzip, Coding::zstd, Coding::lz4}) {
    const auto first = read_frame_header(coding, text, true, {}, {});
    ASSERT_FALSE(first);
    EXPECT_EQ(first.error().code, Errc::corrupt_input);
    const auto second = read_frame_header(coding, text, true, {}, {.frames = 1});
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().code, Errc::trailing_data);
    EXPECT_EQ(second.error().offset, 0u);
  }
  // A frame that begins and is broken then is corrupt, whatever is in front of it.
  Buffer broken = test::oracle_encode(Coding::lz4, text);
  broken[4] ^= std::byte{0xC0};
  const auto got = read_frame_header(Coding::lz4, broken, true, {}, {.frames = 1});
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code, Errc::corrupt_input);
  EXPECT_EQ(got.error().offset, 4u);
}

}  // namespace
}  // namespace frdpu::core

#include "server/round_trip_bench.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "core/codec_factory.h"
#include "core/dictionary.h"

namespace frdpu::server {
namespace {

using core::as_bytes;
using core::Coding;
using core::Errc;

TEST(ExpectedBytesTest, TheSameBytesInPiecesAreFine) {
  ExpectedBytes expected(as_bytes("abcdef"));
  EXPECT_TRUE(expected.take(as_bytes("ab")));
  EXPECT_TRUE(expected.take({}));
  EXPECT_TRUE(expected.take(as_bytes("cdef")));
  EXPECT_TRUE(expected.end());
}

TEST(ExpectedBytesTest, OtherBytesAreFoundWhereTheyAre) {
  ExpectedBytes expected(as_bytes("abcdef"));
  EXPECT_TRUE(expected.take(as_bytes("abc")));
  const auto taken = expected.take(as_bytes("dXf"));
  ASSERT_FALSE(taken);
  EXPECT_EQ(taken.error().code, Errc::internal_error);
  EXPECT_EQ(taken.error().offset, 4u);
}

TEST(ExpectedBytesTest, TooManyAndTooFewAreNotTheSame) {
  ExpectedBytes expected(as_bytes("abc"));
  EXPECT_EQ(expected.take(as_bytes("abcd")).error().offset, 3u);
  ExpectedBytes more(as_bytes("abc"));
  EXPECT_TRUE(more.take(as_bytes("ab")));
  ASSERT_FALSE(more.end());
  EXPECT_EQ(more.end().error().offset, 2u);
}

// Says of one dictionary that it is another.
class WrongDictionary final : public core::DictionarySource {
 public:
  explicit WrongDictionary(core::Bytes content) : dictionary_(content, 70000) {}
  const core::Dictionary* find(std::uint32_t) noexcept override { return &dictionary_; }

 private:
  core::Dictionary dictionary_;
};

// Changes a byte of the input when a decoder begins: then what comes back is no longer the same.
class ChangingInput final : public core::DictionarySource {
 public:
  ChangingInput(const core::Dictionary& dictionary, char& byte)
      : dictionary_(dictionary), byte_(byte) {}
  const core::Dictionary* find(std::uint32_t) noexcept override {
    byte_ ^= 1;
    return &dictionary_;
  }

 private:
  const core::Dictionary& dictionary_;
  char& byte_;
};

class RoundTripBenchTest : public ::testing::Test {
 protected:
  static core::WorkspacePools make_pools() {
    constexpr std::uint32_t kWindow = 8 * core::kMiB;
    const auto smallest = core::WorkspacePools::plan(1, kWindow);
    return *core::WorkspacePools::create(*smallest.error().limit, kWindow);
  }

  // Bytes out of a codec for one payload, as a whole body.
  std::size_t whole_size(core::EncoderParams params, core::Bytes payload) {
    params.content_bytes = payload.size();
    params.whole = true;
    std::vector<std::byte> room(core::encoder_bound(params.coding, payload.size()));
    const auto encoder = core::make_encoder(params, pools_);
    return (*encoder)->step(payload, room, core::Flush::finish)->produced;
  }

  static std::string text(std::size_t bytes) {
    std::string made;
    for (unsigned i = 0; made.size() < bytes; ++i)
      made += std::to_string(i * 2654435761u) + " and ";
    made.resize(bytes);
    return made;
  }

  core::WorkspacePools pools_ = make_pools();
};

TEST_F(RoundTripBenchTest, PayloadsAreFramesOfTheirOwn) {
  const std::string input = text(10'500);
  for (const core::CodingTraits& traits : core::all_codings()) {
    SCOPED_TRACE(traits.name);
    const core::EncoderParams params{.coding = traits.coding,
                                     .level = static_cast<int>(traits.levels.default_value)};
    RoundTripBench bench(pools_, nullptr);
    const auto cut = bench.measure(as_bytes(input), params, 1000, std::chrono::nanoseconds(1));
    ASSERT_TRUE(cut);
    std::size_t expected = 0;
    for (std::size_t at = 0; at < input.size(); at += 1000) {
      expected += whole_size(params, as_bytes(std::string_view(input).substr(at, 1000)));
    }
    EXPECT_EQ(cut->frames, 11u);
    EXPECT_EQ(cut->input_bytes, 10'500u);
    EXPECT_EQ(cut->output_bytes, expected);
    EXPECT_GT(cut->compress.median_seconds, 0);
    EXPECT_GT(cut->decompress.median_seconds, 0);
    const auto one = bench.measure(as_bytes(input), params, 0, std::chrono::nanoseconds(1));
    ASSERT_TRUE(one);
    EXPECT_EQ(one->frames, 1u);
    EXPECT_EQ(one->output_bytes, whole_size(params, as_bytes(input)));
  }
}

TEST_F(RoundTripBenchTest, SizesAroundOneStepGoThereAndBack) {
  for (const std::size_t bytes : {1u, 65'535u, 65'536u, 65'537u, 131'072u, 300'001u}) {
    const std::string input = text(bytes);
    for (const core::CodingTraits& traits : core::all_codings()) {
      for (const auto level : {traits.levels.min, traits.levels.max}) {
        SCOPED_TRACE(std::string(traits.name) + " " + std::to_string(level) + " " +
                     std::to_string(bytes));
        RoundTripBench bench(pools_, nullptr);
        const auto measured = bench.measure(
            as_bytes(input), {.coding = traits.coding, .level = static_cast<int>(level)}, 0,
            std::chrono::nanoseconds(1));
        ASSERT_TRUE(measured);
        EXPECT_EQ(measured->input_bytes, bytes);
      }
    }
  }
}

TEST_F(RoundTripBenchTest, AFrameThatDoesNotComeBackIsAnError) {
  const std::string content = text(4000);
  const std::string other(4000, 'x');
  const core::Dictionary dictionary(as_bytes(content), 70000);
  WrongDictionary wrong{as_bytes(other)};
  RoundTripBench bench(pools_, &wrong);
  const auto measured = bench.measure(
      as_bytes(content), {.coding = Coding::lz4, .level = 1, .dictionary = &dictionary}, 1000,
      std::chrono::nanoseconds(1));
  ASSERT_FALSE(measured);
  EXPECT_EQ(measured.error().code, Errc::checksum_mismatch);
}

TEST_F(RoundTripBenchTest, OtherBytesThanThoseOfTheInputAreAnError) {
  std::string input = text(4000);
  const std::string content = text(500);
  const core::Dictionary dictionary(as_bytes(content), 70000);
  ChangingInput changing(dictionary, input[2500]);
  RoundTripBench bench(pools_, &changing);
  const auto measured =
      bench.measure(as_bytes(input), {.coding = Coding::lz4, .level = 1, .dictionary = &dictionary},
                    0, std::chrono::nanoseconds(1));
  ASSERT_FALSE(measured);
  EXPECT_EQ(measured.error().code, Errc::internal_error);
  EXPECT_EQ(measured.error().offset, 2500u);
}

}  // namespace
}  // namespace frdpu::server

#include "core/codec_factory.h"

#include <gtest/gtest.h>

#include "core/body_decoder.h"
#include "tests/support/codec_driver.h"
#include "tests/support/heap_counter.h"
#include "tests/support/oracles.h"

namespace frdpu::core {
namespace {

using test::Buffer;
using test::drive;

class CodecFactoryTest : public ::testing::TestWithParam<Coding> {
 protected:
  // One set of pools for all cases: making it takes longer than using it.
  static WorkspacePools& pools() {
    static WorkspacePools made = *WorkspacePools::create(kGiB, 8u << 20);
    return made;
  }
  static std::vector<int> levels() {
    const IntRange range = traits(GetParam()).levels;
    std::vector<int> all;
    for (std::uint32_t level = range.min; level <= range.max; ++level) {
      all.push_back(static_cast<int>(level));
    }
    return all;
  }
  static void expect_all_home() {
    for (std::size_t i = 0; i < pools().kinds().size(); ++i) {
      EXPECT_EQ(pools().stats(i).in_use, 0u) << pools().kinds()[i].name;
    }
  }

  // Encodes in one step, as for a body that is at hand whole.
  static Result<Buffer> encode_whole(EncoderParams params, Bytes input) {
    params.whole = true;
    params.content_bytes = input.size();
    auto encoder = make_encoder(params, pools());
    if (!encoder) return std::unexpected(encoder.error());
    Buffer out(encoder_bound(params.coding, input.size()));
    const auto stepped = (*encoder)->step(input, out, Flush::finish);
    if (!stepped) return std::unexpected(stepped.error());
    EXPECT_EQ(stepped->state, StepState::done);
    EXPECT_EQ(stepped->consumed, input.size());
    out.resize(stepped->produced);
    return out;
  }
};

TEST_P(CodecFactoryTest, EncodesForThePublicDecoderAndForOurs) {
  for (const std::size_t size : {0, 1, 2, 63, 1400, 20000}) {
    for (const test::Sample& sample : test::synthetic_samples(size)) {
      for (const int level : levels()) {
        const EncoderParams params{.coding = GetParam(), .level = level};
        Result<Buffer> frames[] = {encode_whole(params, sample.bytes), Buffer{}};
        {
          auto encoder = make_encoder(params, pools());
          ASSERT_TRUE(encoder.has_value()) << encoder.error().detail;
          auto driven = drive(**encoder, sample.bytes, {.input_bytes = 4000, .output_bytes = 900});
          ASSERT_TRUE(driven.has_value()) << sample << " level " << level << driven.error().detail;
          frames[1] = std::move(driven->output);
        }
        for (const Result<Buffer>& frame : frames) {
          ASSERT_TRUE(frame.has_value()) << sample << " level " << level << frame.error().detail;
          EXPECT_EQ(test::oracle_decode(GetParam(), *frame, size + 1), sample.bytes)
              << sample << " level " << level;
          BodyDecoder decoder(GetParam(), {}, pools());
          const auto back = drive(decoder, *frame);
          ASSERT_TRUE(back.has_value()) << sample << " level " << level << back.error().detail;
          EXPECT_EQ(back->output, sample.bytes) << sample << " level " << level;
        }
      }
    }
  }
  expect_all_home();
}

TEST_P(CodecFactoryTest, RoundTripsTheCorpus) {
  for (const test::Sample& sample : test::corpus_samples(300000)) {
    const EncoderParams params{.coding = GetParam(),
                               .level = static_cast<int>(traits(GetParam()).levels.default_value)};
    auto encoder = make_encoder(params, pools());
    ASSERT_TRUE(encoder.has_value());
    const auto frame = drive(**encoder, sample.bytes, {.input_bytes = 65536});
    ASSERT_TRUE(frame.has_value()) << sample << frame.error().detail;
    EXPECT_EQ(test::oracle_decode(GetParam(), frame->output, sample.bytes.size() + 1),
              sample.bytes);
    BodyDecoder decoder(GetParam(), {}, pools());
    const auto back = drive(decoder, frame->output, {.input_bytes = 10000});
    ASSERT_TRUE(back.has_value()) << sample << back.error().detail;
    EXPECT_EQ(back->output, sample.bytes);
  }
}

// What the `64k` pool's slack is made for: any 64 KiB body fits one block, encoded.
TEST_P(CodecFactoryTest, TheBoundHoldsForWhatDoesNotCompress) {
  EXPECT_LE(encoder_bound(GetParam(), k64kBlockBytes), k64kBlockBytes + k64kSlackBytes);
  const Buffer noise = test::random_bytes(k64kBlockBytes + 1000);
  for (const std::size_t size :
       {0, 1, 100, 1400, 16383, 16384, 32767, 65534, 65535, 65536, 66000}) {
    for (const int level : levels()) {
      const Bytes input = Bytes(noise).first(size);
      const auto frame = encode_whole({.coding = GetParam(), .level = level}, input);
      ASSERT_TRUE(frame.has_value()) << size << " level " << level << frame.error().detail;
      EXPECT_LE(frame->size(), encoder_bound(GetParam(), size)) << size << " level " << level;
    }
  }
}

TEST_P(CodecFactoryTest, TheBoundHoldsInPiecesAndWithEveryWindow) {
  const Buffer noise = test::random_bytes(k64kBlockBytes, 9);
  const IntRange windows = traits(GetParam()).window_bytes;
  std::vector<std::uint32_t> asked{0};
  if (windows.max != 0) {
    asked.insert(asked.end(), {windows.min, windows.min * 4, std::min(windows.max, 32768u)});
  }
  for (const std::uint32_t window : asked) {
    for (const int level : levels()) {
      const EncoderParams params{.coding = GetParam(), .level = level, .window_bytes = window};
      auto encoder = make_encoder(params, pools());
      ASSERT_TRUE(encoder.has_value());
      const auto frame = drive(**encoder, noise, {.input_bytes = 1000});
      ASSERT_TRUE(frame.has_value()) << frame.error().detail;
      EXPECT_LE(frame->output.size(), encoder_bound(GetParam(), noise.size()))
          << "window " << window << " level " << level;
      encoder->reset();

      const auto whole = encode_whole(params, noise);
      ASSERT_TRUE(whole.has_value()) << whole.error().detail;
      EXPECT_LE(whole->size(), encoder_bound(GetParam(), noise.size()))
          << "window " << window << " level " << level;
    }
  }
}

TEST_P(CodecFactoryTest, RefusesLevelsAndWindowsOutOfRange) {
  const CodingTraits& of = traits(GetParam());
  for (const int level : {static_cast<int>(of.levels.max) + 1, -1, 1000}) {
    const auto made = make_encoder({.coding = GetParam(), .level = level}, pools());
    ASSERT_FALSE(made.has_value()) << level;
    EXPECT_EQ(made.error().code, Errc::invalid_level);
    EXPECT_EQ(made.error().limit, of.levels.max);
  }
  const auto level = static_cast<int>(of.levels.default_value);
  std::vector<std::uint32_t> windows{of.window_bytes.max + 1};
  if (of.window_bytes.min > 1) windows.push_back(of.window_bytes.min - 1);
  for (const std::uint32_t window : windows) {
    const auto made =
        make_encoder({.coding = GetParam(), .level = level, .window_bytes = window}, pools());
    ASSERT_FALSE(made.has_value()) << window;
    EXPECT_EQ(made.error().code, Errc::invalid_window);
  }
  if (!of.takes_dictionary) {
    const Dictionary dictionary(as_bytes("some words"), 9);
    const auto made =
        make_encoder({.coding = GetParam(), .level = level, .dictionary = &dictionary}, pools());
    ASSERT_FALSE(made.has_value());
    EXPECT_EQ(made.error().code, Errc::invalid_parameter);
  }
  expect_all_home();
}

TEST_P(CodecFactoryTest, NoStepAndNoLeaseTouchesTheHeap) {
  if (!test::heap_calls_are_counted()) GTEST_SKIP() << "a sanitizer's allocator is in place";
  const Buffer input = test::json_like(50000);
  Buffer out(encoder_bound(GetParam(), input.size()));
  Buffer back(input.size());
  for (const int level : levels()) {
    for (int round = 0; round < 2; ++round) {
      const std::uint64_t before = test::heap_calls();
      std::size_t size = 0;
      for (const bool whole : {true, false}) {
        EncoderParams params{.coding = GetParam(), .level = level, .whole = whole};
        if (whole) params.content_bytes = input.size();
        auto encoder = make_encoder(params, pools());
        ASSERT_TRUE(encoder.has_value());
        std::size_t taken = 0;
        size = 0;
        for (StepState state{}; state != StepState::done;) {
          const std::size_t piece =
              whole ? input.size() : std::min<std::size_t>(9000, input.size() - taken);
          const auto stepped =
              (*encoder)->step(Bytes(input).subspan(taken, piece), MutableBytes(out).subspan(size),
                               taken + piece == input.size() ? Flush::finish : Flush::none);
          ASSERT_TRUE(stepped.has_value());
          taken += stepped->consumed;
          size += stepped->produced;
          state = stepped->state;
        }
      }
      BodyDecoder decoder(GetParam(), {}, pools());
      std::size_t taken = 0;
      std::size_t made = 0;
      for (StepState state{}; state != StepState::done;) {
        const std::size_t piece = std::min<std::size_t>(3000, size - taken);
        const std::size_t room = std::min<std::size_t>(5000, back.size() - made);
        // Without room left a last view of 64 bytes shows that nothing more comes.
        std::byte spill[64];
        const auto stepped =
            decoder.step(Bytes(out).subspan(taken, piece),
                         room >= 64 ? MutableBytes(back).subspan(made, room) : MutableBytes(spill),
                         taken + piece == size ? Flush::finish : Flush::none);
        ASSERT_TRUE(stepped.has_value()) << stepped.error().detail;
        taken += stepped->consumed;
        made += stepped->produced;
        state = stepped->state;
      }
      EXPECT_EQ(made, input.size());
      if (round != 0) {
        EXPECT_EQ(test::heap_calls(), before) << "level " << level;
      }
    }
  }
}

TEST_P(CodecFactoryTest, AnExhaustedPoolIsSaidAndRecovers) {
  WorkspacePools small = *WorkspacePools::create(128 * kMiB, 32768);
  const EncoderParams params{.coding = GetParam(),
                             .level = static_cast<int>(traits(GetParam()).levels.default_value)};
  std::vector<Leased<Encoder>> held;
  for (;;) {
    auto encoder = make_encoder(params, small);
    if (!encoder) {
      EXPECT_EQ(encoder.error().code, Errc::pool_exhausted);
      break;
    }
    held.push_back(std::move(*encoder));
    ASSERT_LT(held.size(), 100000u);
  }
  held.pop_back();
  EXPECT_TRUE(make_encoder(params, small).has_value());
  held.clear();
  for (std::size_t i = 0; i < small.kinds().size(); ++i) {
    EXPECT_EQ(small.stats(i).in_use, 0u);
    EXPECT_EQ(small.stats(i).acquisitions, small.stats(i).releases);
  }
}

INSTANTIATE_TEST_SUITE_P(Codings, CodecFactoryTest,
                         ::testing::Values(Coding::identity, Coding::lz4, Coding::zstd,
                                           Coding::gzip, Coding::deflate, Coding::br),
                         [](const auto& of) { return std::string(to_string(of.param)); });

TEST(WindowCapTest, CapsOnlyTheLevelsOwnWindow) {
  const EncoderParams params{.coding = Coding::zstd, .level = 19};
  EXPECT_EQ(with_window_cap(params, 8u << 20).window_bytes, 0u);
  EXPECT_EQ(with_window_cap(params, 1u << 20).window_bytes, 1u << 20);
  EncoderParams asked = params;
  asked.window_bytes = 4u << 20;
  EXPECT_EQ(with_window_cap(asked, 1u << 20).window_bytes, 4u << 20);
  WorkspacePools pools = *WorkspacePools::create(200 * kMiB, 1u << 20);
  const auto refused = make_encoder(asked, pools);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, Errc::invalid_window);
  EXPECT_EQ(refused.error().limit, 1u << 20);
  EXPECT_TRUE(make_encoder(params, pools).has_value());
}

}  // namespace
}  // namespace frdpu::core

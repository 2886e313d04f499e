#include <gtest/gtest.h>

#include <bit>

#include "core/brotli_codec.h"
#include "core/brotli_encoder.h"
#include "tests/support/brotli_helpers.h"
#include "tests/support/brotli_load.h"
#include "tests/support/codec_driver.h"
#include "tests/support/heap_counter.h"

namespace frdpu::core {
namespace {

using namespace brotli_test;
using test::AlignedRegion;
using test::Buffer;
using test::Placed;

TEST(BrotliEncoderTest, RoundTripsEveryQuality) {
  for (int level = 0; level <= 11; ++level) {
    const std::size_t most = level < 10 ? 70000 : 4000;
    for (const std::size_t size : {0uz, 1uz, 1400uz, most}) {
      for (const test::Sample& sample : test::synthetic_samples(size)) {
        for (const bool known : {false, true}) {
          for (const bool whole : {false, true}) {
            const auto content =
                known ? std::optional<std::uint64_t>(sample.bytes.size()) : std::nullopt;
            const auto frame = encode(br_params(level, 0, content, whole), sample.bytes);
            ASSERT_TRUE(frame.has_value()) << sample << level << frame.error().detail;
            EXPECT_EQ(library_decode(*frame, size), sample.bytes) << sample << level;
          }
        }
      }
    }
  }
}

TEST(BrotliEncoderTest, RoundTripsTheCorpus) {
  for (const test::Sample& sample : test::corpus_samples(100000)) {
    for (const int level : {0, 1, 4, 6}) {
      const auto frame = encode(br_params(level), sample.bytes, {.input_bytes = 30000});
      ASSERT_TRUE(frame.has_value()) << sample << level << frame.error().detail;
      EXPECT_EQ(library_decode(*frame, sample.bytes.size()), sample.bytes) << sample << level;
    }
  }
}

TEST(BrotliEncoderTest, EncodesAtEverySeam) {
  const Buffer input = test::json_like(600);
  for (const int level : {0, 1, 2, 5, 10}) {
    for (const std::size_t in : test::kSeamSizes) {
      for (const std::size_t out : {64uz, 67uz, SIZE_MAX}) {
        for (const Flush between : {Flush::none, Flush::flush}) {
          if (level == 10 && between == Flush::flush && in < 31) continue;  // slow, nothing new
          const auto frame = encode(br_params(level), input, {in, out, between});
          ASSERT_TRUE(frame.has_value())
              << level << " " << in << "/" << out << frame.error().detail;
          EXPECT_EQ(library_decode(*frame, input.size()), input) << level << " " << in;
        }
      }
    }
  }
}

TEST(BrotliEncoderTest, FastQualitiesDoNotSufferFromSmallPieces) {
  const Buffer input = test::json_like(60000);
  for (const int level : {0, 1}) {
    const auto small = encode(br_params(level), input, {.input_bytes = 100});
    const auto large = encode(br_params(level), input);
    ASSERT_TRUE(small.has_value() && large.has_value());
    EXPECT_EQ(*small, *large) << level;
  }
}

TEST(BrotliEncoderTest, GathersMoreThanOneBufferFull) {
  const Buffer input = test::text_like(900000);
  for (const int level : {0, 1}) {
    for (const std::size_t in : {7001uz, 262144uz, SIZE_MAX}) {
      for (const std::size_t out : {1000uz, SIZE_MAX}) {
        const auto frame = encode(br_params(level), input, {in, out});
        ASSERT_TRUE(frame.has_value()) << frame.error().detail;
        EXPECT_EQ(library_decode(*frame, input.size()), input) << level << " " << in << "/" << out;
      }
    }
  }
}

TEST(BrotliEncoderTest, FlushMakesAllInputReadableAndIsNotRepeated) {
  const Buffer input = test::text_like(5000);
  for (int level = 0; level <= 11; ++level) {
    const EncoderParams params = br_params(level);
    const AlignedRegion region(brotli_encoder_workspace_bytes(params));
    const Placed<Encoder> encoder(*place_brotli_encoder(params, region.bytes()));
    Buffer out(10000);
    const auto first = encoder->step(Bytes(input).first(2000), out, Flush::flush);
    ASSERT_TRUE(first.has_value()) << level;
    EXPECT_EQ(first->consumed, 2000u);
    EXPECT_EQ(first->state, StepState::need_input) << level;

    BrotliDecoderState* const decoder = BrotliDecoderCreateInstance(nullptr, nullptr, nullptr);
    auto* next_in = reinterpret_cast<const std::uint8_t*>(out.data());
    std::size_t available_in = first->produced;
    Buffer back(5000);
    auto* next_out = reinterpret_cast<std::uint8_t*>(back.data());
    std::size_t available_out = back.size();
    BrotliDecoderDecompressStream(decoder, &available_in, &next_in, &available_out, &next_out,
                                  nullptr);
    EXPECT_EQ(back.size() - available_out, 2000u) << level;
    BrotliDecoderDestroyInstance(decoder);

    const auto again = encoder->step({}, out, Flush::flush);
    ASSERT_TRUE(again.has_value()) << level;
    EXPECT_EQ(again->produced, 0u) << level;
    EXPECT_EQ(again->state, StepState::need_input) << level;
  }
}

TEST(BrotliEncoderTest, GoesOnBehindAFlushThatDidNotFit) {
  const Buffer input = test::random_bytes(3000);
  for (const int level : {0, 2, 5}) {
    const EncoderParams params = br_params(level);
    const AlignedRegion region(brotli_encoder_workspace_bytes(params));
    const Placed<Encoder> encoder(*place_brotli_encoder(params, region.bytes()));
    Buffer frame;
    Buffer room(64);
    std::size_t taken = 0;
    // The flush is asked for once; whoever calls then has changed his mind.
    for (bool first = true;; first = false) {
      const std::size_t end = first ? 1500 : input.size();
      const auto stepped =
          encoder->step(Bytes(input).subspan(taken, end - taken), room,
                        first ? Flush::flush : (taken < 2000 ? Flush::none : Flush::finish));
      ASSERT_TRUE(stepped.has_value()) << level << stepped.error().detail;
      taken += stepped->consumed;
      frame.insert(frame.end(), room.begin(),
                   room.begin() + static_cast<std::ptrdiff_t>(stepped->produced));
      if (stepped->state == StepState::done) break;
      ASSERT_LT(frame.size(), 10000u);
    }
    EXPECT_EQ(library_decode(frame, input.size()), input) << level;
  }
}

TEST(BrotliEncoderTest, StatesTheWindowItWasAskedFor) {
  const Buffer input = test::text_like(3000);
  for (const int level : {0, 1, 2, 5, 11}) {
    for (const std::uint32_t window : {0u, 1024u, 1025u, 2031u, 2032u, 2048u, 65519u, 65520u,
                                       65536u, 262143u, 262144u, 1u << 20, 1u << 24}) {
      if (level == 11 && window > 1u << 20) continue;
      for (const bool whole : {false, true}) {
        const auto frame = encode(br_params(level, window, std::nullopt, whole), input);
        ASSERT_TRUE(frame.has_value()) << level << " " << window << frame.error().detail;
        EXPECT_EQ(library_decode(*frame, input.size()), input);
        const std::uint64_t asked = window == 0 ? 262144 : window;
        EXPECT_LE(stated_window(*frame) - 16, asked) << level << " " << window;
        if (level >= 2) {
          EXPECT_GT(stated_window(*frame) * 2 - 16, asked) << level << " " << window;
        }
      }
    }
  }
}

TEST(BrotliEncoderTest, KnownContentMakesTheWindowSmaller) {
  for (const std::size_t size : {100uz, 1024uz, 1025uz, 1400uz, 65536uz, 70000uz}) {
    const Buffer input = test::text_like(size);
    const auto frame = encode(br_params(5, 0, size), input);
    ASSERT_TRUE(frame.has_value());
    EXPECT_EQ(stated_window(*frame), std::max(std::bit_ceil(size), 1024uz)) << size;
  }
}

TEST(BrotliEncoderTest, WholeBodiesNeverOutgrowTheBound) {
  for (int level = 0; level <= 11; ++level) {
    for (const std::size_t size : {0uz, 1uz, 1500uz, 65536uz, 300000uz}) {
      if (level >= 10 && size > 2000) continue;
      for (const Buffer& input : {test::random_bytes(size), test::many_commands(size)}) {
        const auto frame = encode(br_params(level, 0, size, true), input);
        ASSERT_TRUE(frame.has_value()) << level << " " << size << frame.error().detail;
        EXPECT_EQ(library_decode(*frame, size), input) << level;
      }
    }
  }
  EXPECT_LE(brotli_bound(k64kBlockBytes), k64kBlockBytes + k64kSlackBytes);
}

TEST(BrotliEncoderTest, RefusesAnotherSizeThanPledged) {
  const Buffer input = test::text_like(1000);
  for (const int level : {0, 5}) {
    for (const std::uint64_t pledged : {999u, 1001u}) {
      const auto frame = encode(br_params(level, 0, pledged), input);
      ASSERT_FALSE(frame.has_value()) << level << pledged;
      EXPECT_EQ(frame.error().code, Errc::invalid_size);
    }
  }
}

TEST(BrotliEncoderTest, RefusesWhatTheCodingDoesNotHave) {
  const AlignedRegion region(kMiB);
  EXPECT_EQ(place_brotli_encoder(br_params(12), region.bytes()).error().code, Errc::invalid_level);
  EXPECT_EQ(place_brotli_encoder(br_params(-1), region.bytes()).error().code, Errc::invalid_level);
  EXPECT_EQ(place_brotli_encoder(br_params(4, 1023), region.bytes()).error().code,
            Errc::invalid_window);
  EXPECT_EQ(brotli_encoder_workspace_bytes(br_params(12)), 0u);
  EXPECT_EQ(place_brotli_encoder(br_params(4), region.bytes().first(4096)).error().code,
            Errc::invalid_size);
}

// The library ends the process when it gets no memory. Each heap here is too small for what is
// asked, each a little less; the step has to come back with an error every time, until it works.
TEST(BrotliEncoderTest, RunningOutOfMemoryIsAnError) {
  const Buffer input = test::many_commands(20000);
  for (const int level : {0, 1, 2, 4, 9, 11}) {
    const EncoderParams params = br_params(level, 0, input.size(), level < 10);
    const BrotliPlan plan = BrotliPlan::from(params);
    const AlignedRegion region(8 * kMiB);
    const AlignedRegion gather(256 * kKiB);
    int errors = 0;
    bool worked = false;
    for (std::size_t bytes = 1024; !worked && bytes <= 8 * kMiB; bytes += bytes / 4) {
      BrotliEncoder encoder(params, plan, region.bytes().first(bytes / 16 * 16),
                            gather.bytes().first(plan.gather_bytes));
      if (!encoder.create()) continue;
      Buffer out(brotli_bound(input.size()));
      const auto stepped = encoder.step(input, out, Flush::finish);
      worked = stepped.has_value();
      if (!worked) {
        EXPECT_EQ(stepped.error().code, Errc::internal_error) << level;
        ++errors;
      }
    }
    EXPECT_TRUE(worked) << level;
    EXPECT_GT(errors, 1) << level;
  }
}

TEST(BrotliEncoderTest, AllocatesNothing) {
  if (!test::heap_calls_are_counted()) GTEST_SKIP() << "a sanitizer brings its own allocator";
  const Buffer input = test::text_like(3000);
  Buffer out(brotli_bound(input.size()) + 1000);
  const AlignedRegion region(64 * kMiB);
  for (int level = 0; level <= 11; ++level) {
    for (const bool whole : {false, true}) {
      const EncoderParams params = br_params(level, 0, input.size(), whole);
      const std::uint64_t before = test::heap_calls();
      const std::size_t bytes = brotli_encoder_workspace_bytes(params);
      const auto placed = place_brotli_encoder(params, region.bytes().first(bytes));
      ASSERT_TRUE(placed.has_value()) << level;
      const auto stepped = (*placed)->step(input, out, Flush::finish);
      (*placed)->~Encoder();
      EXPECT_EQ(test::heap_calls() - before, 0u) << level;
      ASSERT_TRUE(stepped.has_value());
      EXPECT_EQ(stepped->state, StepState::done);
    }
  }
}

}  // namespace
}  // namespace frdpu::core

#include <gtest/gtest.h>

#include "core/brotli_codec.h"
#include "core/brotli_encoder.h"
#include "core/brotli_memory.h"
#include "tests/support/brotli_helpers.h"
#include "tests/support/brotli_load.h"
#include "tests/support/codec_driver.h"

namespace frdpu::core {
namespace {

using namespace brotli_test;
using test::AlignedRegion;
using test::Buffer;
using test::Cut;

std::size_t high_water(const EncoderParams& params, Bytes input, Cut cut, std::size_t heap_bytes) {
  const BrotliPlan plan = BrotliPlan::from(params);
  const AlignedRegion region(heap_bytes);
  const AlignedRegion gather(plan.gather_bytes + 1);
  BrotliEncoder encoder(params, plan, region.bytes(), gather.bytes().first(plan.gather_bytes));
  EXPECT_TRUE(encoder.create().has_value());
  if (params.whole) {
    Buffer out(brotli_bound(input.size()));
    EXPECT_TRUE(encoder.step(input, out, Flush::finish).has_value());
  } else {
    EXPECT_TRUE(test::drive(encoder, input, cut).has_value());
  }
  return encoder.heap().high_water_bytes();
}

// A part of tests/bench/brotli_memory_bench.cc, with other data than the table was made from: the
// heap must be enough, and not many times what is needed.
TEST(BrotliMemoryTest, HoldsForWholeBodies) {
  for (int level = 0; level <= 11; ++level) {
    for (const std::size_t size : {500uz, 1400uz, 4096uz, 16384uz, 65536uz}) {
      if (level >= 10 && size > 1400) continue;
      const EncoderParams params = br_params(level, 0, size, true);
      const std::size_t allowed = brotli_heap_bytes(BrotliPlan::from(params), params);
      std::size_t most = 0;
      for (const test::Sample& body : test::brotli_bodies(size, 1234)) {
        if ((size > 4096 || level >= 10) && body.name.starts_with("types") &&
            !body.name.ends_with("/8")) {
          continue;
        }
        most = std::max(most, high_water(params, body.bytes, {}, 64 * kMiB));
      }
      EXPECT_LE(most, allowed) << "level " << level << ", " << size;
      EXPECT_GT(most, allowed / 4) << "level " << level << ", " << size;
    }
  }
}

TEST(BrotliMemoryTest, HoldsForStreams) {
  for (const int level : {0, 1, 2, 3, 4, 5, 7, 9}) {
    for (const int lgwin : {10, 17, 18, 20}) {
      if ((level < 2 && lgwin != 18) || (level > 4 && lgwin == 17)) continue;
      const EncoderParams params = br_params(level, 1u << lgwin);
      const std::size_t allowed = brotli_heap_bytes(BrotliPlan::from(params), params);
      const Buffer load = test::brotli_load(1 << (lgwin == 10 ? 17 : 18), 4321);
      const std::size_t most =
          std::max(high_water(params, load, {.input_bytes = 65536}, allowed),
                   high_water(params, load, {50001, 4096, Flush::flush}, allowed));
      EXPECT_LE(most, allowed) << "level " << level << ", " << lgwin;
      EXPECT_GT(most, allowed / 3) << "level " << level << ", " << lgwin;
    }
  }
}

// What is freed must be found again: a stream three times as long takes no more.
TEST(BrotliMemoryTest, DoesNotGrowWithTheStream) {
  const Buffer lap = test::brotli_load(1 << 16, 5);
  const auto laps = [&](int count) {
    Buffer all;
    for (int i = 0; i < count; ++i) all.insert(all.end(), lap.begin(), lap.end());
    return all;
  };
  for (const int level : {0, 1, 2, 4, 5, 9}) {
    const EncoderParams params = br_params(level, level < 2 ? 0 : 65536);
    const Cut cut{.input_bytes = 65536, .output_bytes = 65536};
    const std::size_t two = high_water(params, laps(2), cut, 64 * kMiB);
    const std::size_t six = high_water(params, laps(6), cut, 64 * kMiB);
    EXPECT_LE(six, two + two / 20) << level;
  }
}

TEST(BrotliMemoryTest, GrowsWithQualityWindowAndContent) {
  for (int level = 0; level <= 11; ++level) {
    std::size_t before = 0;
    for (const std::uint64_t content : {1u, 1024u, 1025u, 5000u, 65536u}) {
      const EncoderParams params = br_params(level, 0, content, true);
      const std::size_t bytes = brotli_encoder_workspace_bytes(params);
      EXPECT_GE(bytes, before) << level << " " << content;
      before = bytes;
    }
    const std::size_t unknown = brotli_encoder_workspace_bytes(br_params(level));
    EXPECT_GE(unknown, before) << level;
    EXPECT_GE(brotli_encoder_workspace_bytes(br_params(level, 1u << 24)),
              brotli_encoder_workspace_bytes(br_params(level, 1u << 20)))
        << level;
  }
  EXPECT_LE(brotli_encoder_workspace_bytes(br_params(4)), 4 * kMiB + 512 * kKiB);
}

}  // namespace
}  // namespace frdpu::core

#include <gtest/gtest.h>
#include <libdeflate.h>

#include <bit>
#include <memory>

#include "core/deflate_encoder.h"
#include "core/raw_deflate.h"
#include "core/zlib_codec.h"
#include "tests/support/codec_driver.h"
#include "tests/support/deflate_inspector.h"
#include "tests/support/zlib_oracle.h"

namespace frdpu::core {
namespace {

using test::Buffer;

struct Settings {
  int level = 1;
  std::uint32_t window_bytes = 32768;
  unsigned filled_with = 0;
  std::size_t room = SIZE_MAX;
};

/// Returns: nothing when the room is too small. Views and buffer are of exact size, so that a
/// sanitizer sees the byte behind.
std::optional<Buffer> encode(const Buffer& input, const Settings& with = {}) {
  const test::AlignedRegion buffer(EngineDeflate::buffer_bytes(with.level, input.size()));
  std::ranges::fill(buffer.bytes(), static_cast<std::byte>(with.filled_with));
  const auto engine =
      std::make_unique<EngineDeflate>(with.level, input.size(), with.window_bytes, buffer.bytes());
  Buffer out(std::min(with.room, zlib_bound(input.size())));
  const auto progress = engine->run(input, out, Flush::finish);
  EXPECT_TRUE(progress.has_value());
  if (progress->state != StepState::done) return std::nullopt;
  EXPECT_EQ(progress->consumed, input.size());
  out.resize(progress->produced);
  return out;
}

::testing::AssertionResult reads_back(const std::optional<Buffer>& data, const Buffer& input) {
  if (!data) return ::testing::AssertionFailure() << "no room";
  if (data->size() > stored_deflate_bytes(input.size())) {
    return ::testing::AssertionFailure() << "larger than stored";
  }
  const auto back = test::zlib_decode(*data, test::kRawBits);
  if (!back) return ::testing::AssertionFailure() << "zlib refuses it";
  if (back->consumed != data->size()) return ::testing::AssertionFailure() << "bytes follow";
  if (back->output != input) return ::testing::AssertionFailure() << "other content";
  static libdeflate_decompressor* const decompressor = libdeflate_alloc_decompressor();
  Buffer out(input.size());
  if (libdeflate_deflate_decompress(decompressor, data->data(), data->size(), out.data(),
                                    out.size(), nullptr) != LIBDEFLATE_SUCCESS ||
      out != input) {
    return ::testing::AssertionFailure() << "libdeflate reads something else";
  }
  return ::testing::AssertionSuccess();
}

constexpr int kLevels[] = {1, 3};

TEST(EngineDeflateTest, RoundTripsEverySmallSize) {
  for (std::size_t size = 0; size <= 600; ++size) {
    for (const test::Sample& sample : test::synthetic_samples(size)) {
      for (const int level : kLevels) {
        EXPECT_TRUE(reads_back(encode(sample.bytes, {.level = level}), sample.bytes))
            << sample << level;
      }
    }
  }
}

TEST(EngineDeflateTest, RoundTripsLargeBodies) {
  for (const std::size_t size : {4095uz, 4096uz, 8192uz, 32768uz, 32769uz, 32770uz, 65535uz,
                                 65536uz, 65537uz, 200000uz, 1000000uz}) {
    for (const test::Sample& sample : test::synthetic_samples(size, size)) {
      for (const int level : kLevels) {
        EXPECT_TRUE(reads_back(encode(sample.bytes, {.level = level}), sample.bytes))
            << sample << level;
      }
    }
  }
}

TEST(EngineDeflateTest, RoundTripsTheCorpus) {
  for (const test::Sample& sample : test::corpus_samples(300000)) {
    for (const int level : kLevels) {
      EXPECT_TRUE(reads_back(encode(sample.bytes, {.level = level}), sample.bytes)) << sample;
    }
  }
}

TEST(EngineDeflateTest, KeepsToTheWindow) {
  for (const std::uint32_t window : {512u, 1024u, 4096u, 32768u}) {
    for (const std::size_t size :
         {512uz, 513uz, 514uz, 4097uz, 32769uz, 33000uz, 65536uz, 150000uz}) {
      const Buffer input = test::mixed_bytes(size, 3, 40000);
      for (const int level : kLevels) {
        const auto data = encode(input, {.level = level, .window_bytes = window});
        EXPECT_TRUE(reads_back(data, input)) << window << " " << size;
        const auto facts = test::DeflateInspector(*data).inspect();
        ASSERT_TRUE(facts.has_value());
        EXPECT_LE(facts->max_distance, window) << size;
        if (size > 4 * window) {
          EXPECT_GT(facts->max_distance, window / 2) << size;
        }
      }
    }
  }
}

TEST(EngineDeflateTest, ReachesAsFarAsTheFormat) {
  Buffer input = test::random_bytes(32768 + 2000);
  std::copy_n(input.begin(), 2000, input.end() - 2000);
  for (const int level : kLevels) {
    const auto data = encode(input, {.level = level});
    ASSERT_TRUE(reads_back(data, input));
    EXPECT_EQ(test::DeflateInspector(*data).inspect()->max_distance, 32768u);
    EXPECT_LT(data->size(), 32768u + 200);
  }
}

TEST(EngineDeflateTest, StoresWhatDoesNotCompress) {
  for (const std::size_t size :
       {0uz, 1uz, 2uz, 100uz, 1400uz, 16384uz, 20000uz, 65536uz, 140000uz}) {
    const Buffer input = test::random_bytes(size, size);
    const auto data = encode(input);
    ASSERT_TRUE(reads_back(data, input));
    if (size > 20) {
      EXPECT_EQ(data->size(), stored_deflate_bytes(size));
    }
  }
}

TEST(EngineDeflateTest, WritesTheSameWhateverTheBufferHeld) {
  for (const std::size_t size : {10uz, 300uz, 1400uz, 20000uz, 70000uz}) {
    const Buffer input = test::json_like(size);
    for (const int level : kLevels) {
      const auto data = encode(input, {.level = level});
      for (const unsigned fill : {1u, 0x55u, 0xFFu}) {
        EXPECT_EQ(encode(input, {.level = level, .filled_with = fill}), data) << size;
      }
    }
  }
}

TEST(EngineDeflateTest, OneObjectTakesBodyAfterBody) {
  for (const int level : kLevels) {
    const test::AlignedRegion buffer(EngineDeflate::buffer_bytes(level, 1400));
    const auto engine = std::make_unique<EngineDeflate>(level, 1400, 32768, buffer.bytes());
    for (const std::size_t size : {1400uz, 0uz, 30000uz, 5uz, 1400uz, 90000uz}) {
      const Buffer input = test::text_like(size, size);
      Buffer out(zlib_bound(size));
      const auto progress = engine->run(input, out, Flush::finish);
      ASSERT_TRUE(progress.has_value() && progress->state == StepState::done) << size;
      out.resize(progress->produced);
      EXPECT_TRUE(reads_back(out, input)) << size << " is not what it was laid out for";
    }
  }
}

TEST(EngineDeflateTest, SaysWhenTheRoomIsTooSmall) {
  for (const Buffer& input : {test::json_like(1500), test::random_bytes(200), Buffer{}}) {
    const auto all = encode(input);
    ASSERT_TRUE(all.has_value());
    for (std::size_t room = 0; room < all->size() + 20; ++room) {
      const auto data = encode(input, {.room = room});
      ASSERT_EQ(data.has_value(), room >= all->size() + 8) << room;
      if (data) {
        EXPECT_EQ(*data, *all);
      }
    }
  }
}

TEST(EngineDeflateTest, WantsTheWholeBody) {
  const test::AlignedRegion buffer(EngineDeflate::buffer_bytes(1, 100));
  const auto engine = std::make_unique<EngineDeflate>(1, 100, 32768, buffer.bytes());
  Buffer out(200);
  const auto progress = engine->run(test::text_like(100), out, Flush::none);
  ASSERT_FALSE(progress.has_value());
  EXPECT_EQ(progress.error().code, Errc::internal_error);
}

TEST(EngineDeflateTest, IsNoLargerThanZlibsLevel1) {
  for (const std::size_t size : {300uz, 1400uz, 4096uz, 8192uz, 65536uz}) {
    std::size_t zlib = 0;
    std::size_t ours[2] = {0, 0};
    std::vector<test::Sample> samples = test::corpus_samples(300000);
    if (samples.empty()) samples = {{"text", test::text_like(200000)}};
    for (const test::Sample& sample : samples) {
      for (std::size_t at = 0; at + size <= sample.bytes.size(); at += std::max(size, 20000uz)) {
        const Buffer cut = test::to_buffer(Bytes(sample.bytes).subspan(at, size));
        zlib += test::zlib_encode(cut, 1, test::kRawBits).size();
        for (std::size_t i = 0; i < 2; ++i) ours[i] += encode(cut, {.level = kLevels[i]})->size();
      }
    }
    EXPECT_LE(ours[0], zlib + zlib / 100) << size;
    EXPECT_LE(ours[1], ours[0]) << size;
  }
}

}  // namespace
}  // namespace frdpu::core

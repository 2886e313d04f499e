#include <gtest/gtest.h>

#include <map>
#include <string>

#include "core/body_decoder.h"
#include "tests/support/body_helpers.h"
#include "tests/support/codec_driver.h"
#include "tests/support/oracles.h"

namespace frdpu::core {
namespace {

using namespace body_test;
using test::Buffer;
using test::oracle_encode;
using test::operator+;

class BodyLimitsTest : public ::testing::TestWithParam<Coding> {
 protected:
  static const Buffer& bomb() {
    static std::map<Coding, Buffer> made;
    Buffer& bytes = made[GetParam()];
    if (bytes.empty()) {
      // No declared size: the early refusal has a test of its own.
      bytes = GetParam() == Coding::zstd ? undeclared(kBombBytes)
                                         : oracle_encode(GetParam(), test::zeros(kBombBytes), 1);
      if (GetParam() == Coding::lz4) bytes = undeclared_lz4(kBombBytes);
    }
    return bytes;
  }
  static constexpr std::size_t kBombBytes = 40 * kMiB;

  static Buffer undeclared(std::size_t size) {
    const Buffer input = test::zeros(size);
    ZSTD_CCtx* context = ZSTD_createCCtx();
    ZSTD_CCtx_setParameter(context, ZSTD_c_contentSizeFlag, 0);
    ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1);
    Buffer out(ZSTD_compressBound(size));
    out.resize(ZSTD_compress2(context, out.data(), out.size(), input.data(), input.size()));
    ZSTD_freeCCtx(context);
    return out;
  }
  static Buffer undeclared_lz4(std::size_t size) {
    const Buffer input = test::zeros(size);
    Buffer out(LZ4F_compressFrameBound(size, nullptr));
    out.resize(LZ4F_compressFrame(out.data(), out.size(), input.data(), input.size(), nullptr));
    return out;
  }
};

TEST_P(BodyLimitsTest, StopsAtTheOutputLimit) {
  for (const std::uint64_t limit :
       {std::uint64_t{1}, std::uint64_t{1000}, std::uint64_t{1} << 20}) {
    for (const std::size_t out : {std::size_t{64}, std::size_t{65536}}) {
      const auto got =
          decode(GetParam(), bomb(), {.output_bytes = out}, {.max_output_bytes = limit});
      ASSERT_FALSE(got.has_value());
      EXPECT_EQ(got.error().code, Errc::output_limit_exceeded);
      EXPECT_EQ(got.error().limit, limit);
      EXPECT_GT(*got.error().observed, limit);
      EXPECT_LE(*got.error().observed, limit + 64);
    }
  }
}

TEST_P(BodyLimitsTest, TheLimitItselfIsAllowed) {
  for (const std::size_t size : {1, 63, 64, 65, 1000, 70000}) {
    const Buffer body = oracle_encode(GetParam(), test::text_like(size));
    for (const std::size_t out : {std::size_t{64}, std::size_t{SIZE_MAX}}) {
      const auto got = decode(GetParam(), body, {.output_bytes = out}, {.max_output_bytes = size});
      ASSERT_TRUE(got.has_value()) << size << got.error().detail;
      EXPECT_EQ(got->output.size(), size);
      if (size == 1) continue;  // 0 would mean no limit
      const auto refused =
          decode(GetParam(), body, {.output_bytes = out}, {.max_output_bytes = size - 1});
      ASSERT_FALSE(refused.has_value()) << size;
      EXPECT_EQ(refused.error().code, Errc::output_limit_exceeded);
    }
  }
}

TEST_P(BodyLimitsTest, StopsAtTheRatioPastTheFreeOutput) {
  const auto got = decode(GetParam(), bomb(), {}, {.max_ratio = 50});
  ASSERT_FALSE(got.has_value());
  EXPECT_EQ(got.error().code, Errc::ratio_limit_exceeded);
  EXPECT_EQ(got.error().limit, 50u);
  EXPECT_GE(*got.error().observed, 50u);
  // Below the free output nothing counts, and a higher ratio passes.
  const Buffer small = oracle_encode(GetParam(), test::zeros(kRatioFreeBytes), 1);
  EXPECT_TRUE(decode(GetParam(), small, {}, {.max_ratio = 2}).has_value());
  EXPECT_TRUE(decode(GetParam(), bomb(), {}, {.max_ratio = 1000000}).has_value());
}

TEST_P(BodyLimitsTest, WithoutLimitsEverythingPasses) {
  const auto got = decode(GetParam(), bomb());
  ASSERT_TRUE(got.has_value()) << got.error().detail;
  EXPECT_EQ(got->output.size(), kBombBytes);
}

INSTANTIATE_TEST_SUITE_P(Codings, BodyLimitsTest, ::testing::ValuesIn(kCodings),
                         [](const auto& of) { return std::string(to_string(of.param)); });

TEST(BodyDecoderTest, CountsFramesAgainstTheirLimit) {
  for (const Coding coding : {Coding::gzip, Coding::zstd, Coding::lz4}) {
    const Buffer frame = oracle_encode(coding, Buffer{});
    const Buffer two = frame + frame;
    EXPECT_TRUE(decode(coding, two, {}, {.max_frames = 2}).has_value());
    const auto got = decode(coding, two + frame, {}, {.max_frames = 2});
    ASSERT_FALSE(got.has_value());
    EXPECT_EQ(got.error().code, Errc::frame_limit_exceeded);
    EXPECT_EQ(got.error().limit, 2u);
    EXPECT_EQ(got.error().observed, 3u);
    EXPECT_EQ(got.error().offset, two.size());
  }
}

TEST(BodyDecoderTest, ADeclaredSizeIsRefusedBeforeAnythingIsDecoded) {
  for (const Coding coding : {Coding::zstd, Coding::lz4}) {
    const Buffer small = oracle_encode(coding, test::text_like(1000));
    const Buffer body = small + oracle_encode(coding, test::zeros(kMiB));
    BodyDecoder decoder(coding, {.max_output_bytes = kMiB}, pools());
    Buffer room(2000);
    auto stepped = decoder.step(Bytes(body).first(small.size()), room, Flush::none);
    ASSERT_TRUE(stepped.has_value());
    ASSERT_EQ(stepped->produced, 1000u);
    stepped = decoder.step(Bytes(body).subspan(small.size(), 32), room, Flush::none);
    ASSERT_FALSE(stepped.has_value());
    EXPECT_EQ(stepped.error().code, Errc::output_limit_exceeded);
    EXPECT_EQ(stepped.error().limit, kMiB);
    EXPECT_EQ(stepped.error().observed, kMiB + 1000);
    EXPECT_EQ(stepped.error().offset, small.size());
  }
  // A size of 2^64 - 2 adds up without wrapping around.
  Buffer huge = test::bytes_of({0x28, 0xB5, 0x2F, 0xFD, 0xC0, 0x58});
  huge.push_back(std::byte{0xFE});
  huge.insert(huge.end(), 7, std::byte{0xFF});
  const auto got = decode(Coding::zstd, oracle_encode(Coding::zstd, test::zeros(10)) + huge, {},
                          {.max_output_bytes = 100});
  ASSERT_FALSE(got.has_value());
  EXPECT_EQ(got.error().code, Errc::output_limit_exceeded);
}

TEST(BodyDecoderTest, RefusesWindowsByLimitAndByWhatThereIsMemoryFor) {
  struct Row {
    const char* name;
    Coding coding;
    Buffer body;
    std::uint64_t limit, window;
  };
  const Row rows[] = {
      {"zstd, 128 MiB", Coding::zstd, test::bytes_of({0x28, 0xB5, 0x2F, 0xFD, 0x00, 0x88}), 8 << 20,
       128 << 20},
      {"zstd, a little more", Coding::zstd, test::bytes_of({0x28, 0xB5, 0x2F, 0xFD, 0x00, 0x69}),
       8 << 20, 9 << 20},
      {"zstd, 2^41", Coding::zstd, test::bytes_of({0x28, 0xB5, 0x2F, 0xFD, 0x00, 0xF8}), 8 << 20,
       0},
      {"zstd, no limit but the memory", Coding::zstd,
       test::bytes_of({0x28, 0xB5, 0x2F, 0xFD, 0x00, 0x88}), 0, 128 << 20},
      {"lz4, blocks of 4 MiB", Coding::lz4,
       test::bytes_of({0x04, 0x22, 0x4D, 0x18, 0x60, 0x70, 0x73}), 1 << 20, 4 << 20},
  };
  for (const Row& row : rows) {
    for (const std::size_t in : {std::size_t{1}, std::size_t{SIZE_MAX}}) {
      const auto got =
          decode(row.coding, row.body, {in, SIZE_MAX}, {.max_window_bytes = row.limit});
      ASSERT_FALSE(got.has_value()) << row.name;
      EXPECT_EQ(got.error().code, Errc::window_too_large) << row.name << got.error().detail;
      EXPECT_EQ(got.error().limit, row.limit == 0 ? 8 << 20 : row.limit) << row.name;
      if (row.window != 0) {
        EXPECT_EQ(got.error().observed, row.window) << row.name;
      }
    }
  }
  // The largest allowed one passes.
  const Buffer good = test::bytes_of({0x28, 0xB5, 0x2F, 0xFD, 0x00, 0x68, 0x01, 0x00, 0x00});
  EXPECT_TRUE(decode(Coding::zstd, good, {}, {.max_window_bytes = 8 << 20}).has_value());
}

}  // namespace
}  // namespace frdpu::core

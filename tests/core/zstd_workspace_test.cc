#define ZSTD_STATIC_LINKING_ONLY
#include <gtest/gtest.h>
#include <zstd.h>

#include <bit>
#include <optional>

#include "core/zstd_codec.h"
#include "tests/support/zstd_helpers.h"

namespace frdpu::core {
namespace {

using namespace zstd_test;
using test::AlignedRegion;
using test::Buffer;
using test::drive;
using test::Placed;

// The estimates are what the pools are planned with. libzstd refuses a static context that is too
// small, so that a first step is the proof; a context of its own shows that little is wasted.
class ZstdWorkspaceTest : public ::testing::TestWithParam<int> {};

TEST_P(ZstdWorkspaceTest, IsEnoughAndNotMuchMoreForEveryWindowAndSize) {
  const int level = GetParam();
  const AlignedRegion memory(std::size_t{130} << 20);
  const Buffer input = test::json_like(4096);
  Buffer out(1 << 16);
  const std::optional<std::uint64_t> sizes[] = {
      std::nullopt, 0,      1,      100,    1400,   4096,    16384,        16385,
      65536,        100000, 131072, 131073, 262144, 1 << 20, (1 << 22) + 1};
  for (const std::uint32_t window : {0u, 1024u, 16384u, 32768u, 1u << 18, 1u << 21, 1u << 23}) {
    for (const auto size : sizes) {
      const EncoderParams params = zstd_params(level, size, window);
      const std::size_t bytes = zstd_encoder_workspace_bytes(params);
      ASSERT_LE(bytes, memory.bytes().size());
      auto placed = place_zstd_encoder(params, memory.bytes().first(bytes));
      ASSERT_TRUE(placed.has_value());
      const std::size_t first = size ? std::min<std::size_t>(*size, 100) : 100;
      const auto stepped = (*placed)->step(Bytes(input).first(first), out, Flush::none);
      ASSERT_TRUE(stepped.has_value())
          << "window " << window << " size " << size.value_or(~0u) << stepped.error().detail;

      // The waste is in the rounding, which large contexts show no better; they cost a second.
      if (bytes > 6 * kMiB && window != 0) continue;
      ZSTD_CCtx* own = ZSTD_createCCtx();
      ZSTD_CCtx_setParameter(own, ZSTD_c_compressionLevel, level);
      if (window != 0) {
        ZSTD_CCtx_setParameter(own, ZSTD_c_windowLog, std::bit_width(window) - 1);
      } else if (level == 1 && size.value_or(~0u) > 512 * kKiB) {
        ZSTD_CCtx_setParameter(own, ZSTD_c_windowLog, 20);
      }
      if (level == 1 && (window == 0 || window >= kMiB) && size.value_or(~0u) > 512 * kKiB) {
        ZSTD_CCtx_setParameter(own, ZSTD_c_hashLog, 15);
      }
      if (size) ZSTD_CCtx_setPledgedSrcSize(own, *size);
      ZSTD_inBuffer in{input.data(), first, 0};
      ZSTD_outBuffer target{out.data(), out.size(), 0};
      ASSERT_FALSE(ZSTD_isError(ZSTD_compressStream2(own, &target, &in, ZSTD_e_continue)));
      const std::size_t own_bytes = ZSTD_sizeof_CCtx(own);
      ZSTD_freeCCtx(own);
      // libzstd's public estimate rounds a known size up to a power of two.
      EXPECT_LE(bytes, own_bytes + own_bytes / 4 + 24 * kKiB)
          << "level " << level << " window " << window << " size " << size.value_or(~0u);
    }
  }
}

TEST_P(ZstdWorkspaceTest, IsEnoughForWholeBodiesOfEverySize) {
  const int level = GetParam();
  const AlignedRegion memory(std::size_t{96} << 20);
  const Buffer input = test::json_like(140000);
  Buffer out(zstd_bound(input.size()));
  for (const bool known : {true, false}) {
    for (const std::size_t size : {0, 1, 1400, 16383, 16384, 16385, 65536, 131073, 140000}) {
      if (level > 12 && size > 65536) continue;  // costs too much here
      const EncoderParams params =
          zstd_params(level, known ? std::optional<std::uint64_t>(size) : std::nullopt, 0, true);
      const std::size_t bytes = zstd_encoder_workspace_bytes(params);
      auto placed = place_zstd_encoder(params, memory.bytes().first(bytes));
      ASSERT_TRUE(placed.has_value());
      const auto stepped = (*placed)->step(Bytes(input).first(size), out, Flush::finish);
      ASSERT_TRUE(stepped.has_value()) << size << stepped.error().detail;
      EXPECT_EQ(library_decode(Bytes(out).first(stepped->produced), size),
                test::to_buffer(Bytes(input).first(size)));
      (*placed)->~Encoder();
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Levels, ZstdWorkspaceTest, ::testing::Range(1, 20));

TEST(ZstdCodecTest, ASmallKnownSizeNeedsAFractionOfTheMemory) {
  EXPECT_LT(zstd_encoder_workspace_bytes(zstd_params(3, 16384, 0, true)), 300u << 10);
  EXPECT_GT(zstd_encoder_workspace_bytes(zstd_params(3)), 3u << 20);
  EXPECT_EQ(zstd_encoder_workspace_bytes(zstd_params(0)), 0u);
}

TEST(ZstdCodecTest, APreparedWorkspaceGivesTheSameBytesAsAFreshOne) {
  const std::size_t bytes = zstd_encoder_workspace_bytes(zstd_params(6));
  const AlignedRegion kept(bytes);
  test::Random random(7);
  for (int i = 0; i < 60; ++i) {
    const Buffer input = test::mixed_bytes(random.between(0, 50000), random.next());
    const bool known = random.below(2) == 0;
    const EncoderParams params =
        zstd_params(static_cast<int>(random.between(1, 6)),
                    known ? std::optional<std::uint64_t>(input.size()) : std::nullopt);
    if (zstd_encoder_workspace_bytes(params) > bytes) continue;
    auto placed = place_zstd_encoder(params, kept.bytes());
    ASSERT_TRUE(placed.has_value()) << placed.error().detail;
    const Placed<Encoder> encoder(*placed);
    // Some are given up half way, as requests are.
    if (random.below(4) == 0) {
      Buffer out(100);
      ASSERT_TRUE(
          encoder->step(Bytes(input).first(input.size() / 2), out, Flush::none).has_value());
      continue;
    }
    const auto reused = drive(*encoder, input, {.input_bytes = 7000});
    ASSERT_TRUE(reused.has_value()) << reused.error().detail;
    const auto fresh = encode(params, input, {.input_bytes = 7000});
    ASSERT_TRUE(fresh.has_value());
    EXPECT_EQ(reused->output, *fresh) << i;
  }
}

TEST(ZstdCodecTest, AWorkspaceServesFramesOfDifferentWindowsInTurn) {
  const AlignedRegion kept(std::size_t{2} << 20);
  for (const std::size_t size : {100000, 10, 300000, 0, 5000, 300000}) {
    const Buffer input = test::text_like(size);
    const Buffer frame = library_encode(input, 3);
    const auto header = parse_zstd_frame_header(frame, true);
    ASSERT_LE((*header)->workspace_bytes, kept.bytes().size());
    auto placed = place_zstd_decoder(**header, nullptr, kept.bytes());
    ASSERT_TRUE(placed.has_value());
    const Placed<Decoder> decoder(*placed);
    const auto back = drive(*decoder, frame, {.output_bytes = 1000});
    ASSERT_TRUE(back.has_value()) << back.error().detail;
    EXPECT_EQ(back->output, input);
  }
}

}  // namespace
}  // namespace frdpu::core

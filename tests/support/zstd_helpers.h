#pragma once

#include <gtest/gtest.h>
#include <zstd.h>

#include <optional>
#include <utility>

#include "core/dictionary.h"
#include "core/zstd_codec.h"
#include "tests/support/codec_driver.h"

/// Both directions by our codec and by the library, for the tests of zstd.
namespace frdpu::core::zstd_test {

inline EncoderParams zstd_params(int level,
                                 std::optional<std::uint64_t> content_bytes = std::nullopt,
                                 std::uint32_t window_bytes = 0, bool whole = false) {
  return {.coding = Coding::zstd,
          .level = level,
          .window_bytes = window_bytes,
          .content_bytes = content_bytes,
          .whole = whole};
}

inline Result<test::Buffer> encode(const EncoderParams& params, Bytes input, test::Cut cut = {}) {
  const test::AlignedRegion region(zstd_encoder_workspace_bytes(params));
  auto placed = place_zstd_encoder(params, region.bytes());
  if (!placed) return std::unexpected(placed.error());
  const test::Placed<Encoder> encoder(*placed);
  if (params.whole) {
    test::Buffer out(zstd_bound(input.size()));
    auto stepped = encoder->step(input, out, Flush::finish);
    if (!stepped) return std::unexpected(stepped.error());
    EXPECT_EQ(stepped->state, StepState::done);
    out.resize(stepped->produced);
    return out;
  }
  auto driven = test::drive(*encoder, input, cut);
  if (!driven) return std::unexpected(driven.error());
  return std::move(driven->output);
}

inline Result<test::Driven> decode(Bytes frame, test::Cut cut = {},
                                   const Dictionary* dictionary = nullptr) {
  auto header = parse_zstd_frame_header(frame, true);
  if (!header) return std::unexpected(header.error());
  if ((*header)->workspace_bytes > 64 * kMiB) return fail(Errc::window_too_large, "test");
  const test::AlignedRegion region((*header)->workspace_bytes);
  auto placed = place_zstd_decoder(**header, dictionary, region.bytes());
  if (!placed) return std::unexpected(placed.error());
  const test::Placed<Decoder> decoder(*placed);
  return test::drive(*decoder, frame, cut);
}

inline test::Buffer library_decode(Bytes frame, std::size_t size) {
  test::Buffer out(size + 1);
  const std::size_t got = ZSTD_decompress(out.data(), out.size(), frame.data(), frame.size());
  EXPECT_FALSE(ZSTD_isError(got)) << ZSTD_getErrorName(got);
  out.resize(ZSTD_isError(got) ? 0 : got);
  return out;
}

inline test::Buffer library_encode(Bytes input, int level, bool checksum = true,
                                   bool content_size = true) {
  ZSTD_CCtx* context = ZSTD_createCCtx();
  ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, level);
  ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, checksum);
  ZSTD_CCtx_setParameter(context, ZSTD_c_contentSizeFlag, content_size);
  test::Buffer out(ZSTD_compressBound(input.size()));
  const std::size_t got =
      ZSTD_compress2(context, out.data(), out.size(), input.data(), input.size());
  EXPECT_FALSE(ZSTD_isError(got));
  ZSTD_freeCCtx(context);
  out.resize(got);
  return out;
}

}  // namespace frdpu::core::zstd_test

#pragma once

#include <brotli/decode.h>
#include <brotli/encode.h>
#include <gtest/gtest.h>

#include <optional>
#include <utility>

#include "core/brotli_codec.h"
#include "core/brotli_frame_header.h"
#include "tests/support/codec_driver.h"

/// Both directions by our codec and by the library, for the tests of brotli.
namespace frdpu::core::brotli_test {

inline EncoderParams br_params(int level, std::uint32_t window_bytes = 0,
                               std::optional<std::uint64_t> content_bytes = std::nullopt,
                               bool whole = false) {
  return {.coding = Coding::br,
          .level = level,
          .window_bytes = window_bytes,
          .content_bytes = content_bytes,
          .whole = whole};
}

inline Result<test::Buffer> encode_in(MutableBytes region, const EncoderParams& params, Bytes input,
                                      test::Cut cut = {}) {
  auto placed = place_brotli_encoder(params, region);
  if (!placed) return std::unexpected(placed.error());
  const test::Placed<Encoder> encoder(*placed);
  if (params.whole) {
    test::Buffer out(brotli_bound(input.size()));
    auto stepped = encoder->step(input, out, Flush::finish);
    if (!stepped) return std::unexpected(stepped.error());
    if (stepped->state != StepState::done || stepped->consumed != input.size()) {
      return fail(Errc::internal_error, "test: a whole body was not encoded in one step");
    }
    out.resize(stepped->produced);
    return out;
  }
  auto driven = test::drive(*encoder, input, cut);
  if (!driven) return std::unexpected(driven.error());
  return std::move(driven->output);
}

inline Result<test::Buffer> encode(const EncoderParams& params, Bytes input, test::Cut cut = {}) {
  const test::AlignedRegion region(brotli_encoder_workspace_bytes(params));
  return encode_in(region.bytes(), params, input, cut);
}

inline Result<test::Driven> decode_with(const FrameHeader& header, Bytes input,
                                        test::Cut cut = {}) {
  const test::AlignedRegion region(brotli_decoder_workspace_bytes(header));
  auto placed = place_brotli_decoder(header, nullptr, region.bytes());
  if (!placed) return std::unexpected(placed.error());
  const test::Placed<Decoder> decoder(*placed);
  return test::drive(*decoder, input, cut);
}

inline Result<test::Driven> decode(Bytes input, test::Cut cut = {}) {
  const auto header = parse_brotli_header(input, true);
  if (!header) return std::unexpected(header.error());
  return decode_with(**header, input, cut);
}

inline std::optional<test::Buffer> library_decode(Bytes frame, std::size_t size) {
  test::Buffer out(size + 1);
  std::size_t got = out.size();
  if (BrotliDecoderDecompress(frame.size(), reinterpret_cast<const std::uint8_t*>(frame.data()),
                              &got, reinterpret_cast<std::uint8_t*>(out.data())) !=
      BROTLI_DECODER_RESULT_SUCCESS) {
    return std::nullopt;
  }
  out.resize(got);
  return out;
}

inline test::Buffer library_encode(Bytes input, int quality, int lgwin = 22) {
  test::Buffer out(BrotliEncoderMaxCompressedSize(input.size()) + 16);
  std::size_t got = out.size();
  EXPECT_TRUE(BrotliEncoderCompress(quality, lgwin, BROTLI_MODE_GENERIC, input.size(),
                                    reinterpret_cast<const std::uint8_t*>(input.data()), &got,
                                    reinterpret_cast<std::uint8_t*>(out.data())));
  out.resize(got);
  return out;
}

inline std::uint64_t stated_window(Bytes frame) {
  return (*parse_brotli_header(frame, true))->window_bytes.value_or(0);
}

}  // namespace frdpu::core::brotli_test

#pragma once

#include <brotli/decode.h>
#include <brotli/encode.h>
#include <gtest/gtest.h>
#include <lz4.h>
#include <lz4frame.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <optional>

#include "core/coding.h"
#include "tests/support/test_data.h"

/// The public libraries, called directly: what they write we must read, what we write they must.
namespace frdpu::test {

namespace detail {

inline std::uint8_t* u8(std::byte* at) {
  return reinterpret_cast<std::uint8_t*>(at);
}
inline const std::uint8_t* u8(const std::byte* at) {
  return reinterpret_cast<const std::uint8_t*>(at);
}

// zlib's windowBits: 31 gzip, 15 zlib, -15 raw.
inline Buffer deflate_all(core::Bytes input, int level, int window_bits) {
  z_stream stream{};
  EXPECT_EQ(deflateInit2(&stream, level, Z_DEFLATED, window_bits, 8, Z_DEFAULT_STRATEGY), Z_OK);
  Buffer out(deflateBound(&stream, input.size()) + 64);
  stream.next_in = const_cast<std::uint8_t*>(u8(input.data()));
  stream.avail_in = static_cast<unsigned>(input.size());
  stream.next_out = u8(out.data());
  stream.avail_out = static_cast<unsigned>(out.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

inline std::optional<Buffer> inflate_all(core::Bytes input, int window_bits, std::size_t limit) {
  z_stream stream{};
  EXPECT_EQ(inflateInit2(&stream, window_bits), Z_OK);
  Buffer out(limit);
  stream.next_in = const_cast<std::uint8_t*>(u8(input.data()));
  stream.avail_in = static_cast<unsigned>(input.size());
  stream.next_out = u8(out.data());
  stream.avail_out = static_cast<unsigned>(out.size());
  const int code = inflate(&stream, Z_FINISH);
  const bool good = code == Z_STREAM_END && stream.avail_in == 0;
  out.resize(stream.total_out);
  inflateEnd(&stream);
  return good ? std::optional(out) : std::nullopt;
}

}  // namespace detail

/// One frame of a coding around the input, by the public library, with checksum and content size
/// where the format has them. `level` is the library's own.
inline Buffer oracle_encode(core::Coding coding, core::Bytes input, int level = 3) {
  using core::Coding;
  switch (coding) {
    case Coding::identity:
      return to_buffer(input);
    case Coding::gzip:
      return detail::deflate_all(input, level, 31);
    case Coding::deflate:
      return detail::deflate_all(input, level, 15);
    case Coding::zstd: {
      ZSTD_CCtx* context = ZSTD_createCCtx();
      ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, level);
      ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1);
      Buffer out(ZSTD_compressBound(input.size()));
      const std::size_t size =
          ZSTD_compress2(context, out.data(), out.size(), input.data(), input.size());
      EXPECT_FALSE(ZSTD_isError(size));
      ZSTD_freeCCtx(context);
      out.resize(size);
      return out;
    }
    case Coding::lz4: {
      LZ4F_preferences_t preferences{};
      preferences.compressionLevel = level;
      preferences.frameInfo.contentChecksumFlag = LZ4F_contentChecksumEnabled;
      preferences.frameInfo.contentSize = input.size();
      Buffer out(LZ4F_compressFrameBound(input.size(), &preferences));
      const std::size_t size =
          LZ4F_compressFrame(out.data(), out.size(), input.data(), input.size(), &preferences);
      EXPECT_FALSE(LZ4F_isError(size));
      out.resize(size);
      return out;
    }
    case Coding::br: {
      std::size_t size = BrotliEncoderMaxCompressedSize(input.size()) + 16;
      Buffer out(size);
      EXPECT_TRUE(BrotliEncoderCompress(level, 22, BROTLI_MODE_GENERIC, input.size(),
                                        detail::u8(input.data()), &size, detail::u8(out.data())));
      out.resize(size);
      return out;
    }
  }
  return {};
}

/// Decodes one frame with the public library.
/// Returns: nothing when the library refuses it, or does not take all of it.
inline std::optional<Buffer> oracle_decode(core::Coding coding, core::Bytes frame,
                                           std::size_t limit = std::size_t{1} << 24) {
  using core::Coding;
  switch (coding) {
    case Coding::identity:
      return to_buffer(frame);
    case Coding::gzip:
      return detail::inflate_all(frame, 31, limit);
    case Coding::deflate:
      return detail::inflate_all(frame, 15, limit);
    case Coding::zstd: {
      Buffer out(limit);
      const std::size_t size = ZSTD_decompress(out.data(), out.size(), frame.data(), frame.size());
      if (ZSTD_isError(size)) return std::nullopt;
      out.resize(size);
      return out;
    }
    case Coding::lz4: {
      LZ4F_dctx* context = nullptr;
      EXPECT_FALSE(LZ4F_isError(LZ4F_createDecompressionContext(&context, LZ4F_VERSION)));
      Buffer out(limit);
      std::size_t taken = frame.size();
      std::size_t size = out.size();
      const std::size_t left =
          LZ4F_decompress(context, out.data(), &size, frame.data(), &taken, nullptr);
      LZ4F_freeDecompressionContext(context);
      if (left != 0 || taken != frame.size()) return std::nullopt;
      out.resize(size);
      return out;
    }
    case Coding::br: {
      Buffer out(limit);
      std::size_t size = out.size();
      if (BrotliDecoderDecompress(frame.size(), detail::u8(frame.data()), &size,
                                  detail::u8(out.data())) != BROTLI_DECODER_RESULT_SUCCESS) {
        return std::nullopt;
      }
      out.resize(size);
      return out;
    }
  }
  return std::nullopt;
}

/// A frame of the legacy LZ4 format (`lz4 -l`): blocks of 8 MiB, no checksum, no end mark.
inline Buffer oracle_encode_lz4_legacy(core::Bytes input) {
  Buffer frame = bytes_of({0x02, 0x21, 0x4C, 0x18});
  for (std::size_t at = 0; at < input.size();) {
    const std::size_t size = std::min<std::size_t>(input.size() - at, std::size_t{8} << 20);
    Buffer block(static_cast<std::size_t>(LZ4_compressBound(static_cast<int>(size))));
    const int got = LZ4_compress_default(reinterpret_cast<const char*>(input.data() + at),
                                         reinterpret_cast<char*>(block.data()),
                                         static_cast<int>(size), static_cast<int>(block.size()));
    EXPECT_GT(got, 0);
    for (int shift = 0; shift < 32; shift += 8) {
      frame.push_back(static_cast<std::byte>(got >> shift));
    }
    frame.insert(frame.end(), block.begin(), block.begin() + got);
    at += size;
  }
  return frame;
}

/// A skippable frame, the same in zstd and lz4.
inline Buffer skippable_frame(std::size_t payload_bytes, int kind = 0) {
  Buffer frame = bytes_of({0x50 + kind, 0x2A, 0x4D, 0x18});
  for (int shift = 0; shift < 32; shift += 8) {
    frame.push_back(static_cast<std::byte>(payload_bytes >> shift));
  }
  frame.insert(frame.end(), payload_bytes, std::byte{0x77});
  return frame;
}

inline Buffer operator+(Buffer a, const Buffer& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

}  // namespace frdpu::test

#pragma once

#include <brotli/encode.h>
#include <gtest/gtest.h>
#include <lz4frame.h>
#include <zstd.h>

#include <cstddef>

#include "tests/support/oracles.h"

/// Frames of the public libraries whose headers say what a test wants them to.
namespace frdpu::test {

/// What a zstd frame says of itself; `window_log` 0: the level's own.
struct ZstdKnobs {
  int level = 3;
  bool checksum = true;
  bool content_size = true;
  int window_log = 0;
};

inline Buffer zstd_frame(core::Bytes input, const ZstdKnobs& knobs) {
  ZSTD_CCtx* context = ZSTD_createCCtx();
  ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, knobs.level);
  ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, knobs.checksum);
  ZSTD_CCtx_setParameter(context, ZSTD_c_contentSizeFlag, knobs.content_size);
  ZSTD_CCtx_setParameter(context, ZSTD_c_windowLog, knobs.window_log);
  Buffer out(ZSTD_compressBound(input.size()));
  ZSTD_outBuffer to{out.data(), out.size(), 0};
  ZSTD_inBuffer from{input.data(), input.size(), 0};
  // In two steps the library does not know the size, and leaves the window as it was asked for.
  if (!knobs.content_size) {
    from.size = 1;
    EXPECT_FALSE(ZSTD_isError(ZSTD_compressStream2(context, &to, &from, ZSTD_e_continue)));
    from.size = input.size();
  }
  EXPECT_EQ(ZSTD_compressStream2(context, &to, &from, ZSTD_e_end), 0u);
  ZSTD_freeCCtx(context);
  out.resize(to.pos);
  return out;
}

/// `dictionary_id` 0: names none.
inline Buffer lz4_frame(core::Bytes input, LZ4F_blockSizeID_t block, bool checksum,
                        bool content_size, unsigned dictionary_id = 0) {
  LZ4F_preferences_t preferences{};
  preferences.autoFlush = 1;
  preferences.frameInfo.blockSizeID = block;
  preferences.frameInfo.contentChecksumFlag =
      checksum ? LZ4F_contentChecksumEnabled : LZ4F_noContentChecksum;
  preferences.frameInfo.contentSize = content_size ? input.size() : 0;
  preferences.frameInfo.dictID = dictionary_id;
  LZ4F_cctx* context = nullptr;
  EXPECT_FALSE(LZ4F_isError(LZ4F_createCompressionContext(&context, LZ4F_VERSION)));
  Buffer out(LZ4F_compressBound(input.size(), &preferences) + LZ4F_HEADER_SIZE_MAX + 64);
  std::size_t size = LZ4F_compressBegin(context, out.data(), out.size(), &preferences);
  size += LZ4F_compressUpdate(context, out.data() + size, out.size() - size, input.data(),
                              input.size(), nullptr);
  size += LZ4F_compressEnd(context, out.data() + size, out.size() - size, nullptr);
  LZ4F_freeCompressionContext(context);
  out.resize(size);
  return out;
}

inline Buffer br_frame(core::Bytes input, int window_log) {
  std::size_t size = BrotliEncoderMaxCompressedSize(input.size()) + 16;
  Buffer out(size);
  EXPECT_TRUE(BrotliEncoderCompress(4, window_log, BROTLI_MODE_GENERIC, input.size(),
                                    detail::u8(input.data()), &size, detail::u8(out.data())));
  out.resize(size);
  return out;
}

}  // namespace frdpu::test

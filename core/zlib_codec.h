#pragma once

#include <cstddef>

#include "core/codec.h"
#include "core/frame_header.h"

/// gzip (RFC 1952) and deflate (the zlib format, RFC 1950), in memory that is handed over.
///
/// Encoding chooses what writes by what was measured (core/README.md):
///
///   whole body, full window     level 1         level 2         level 3         levels 4 to 9
///   up to 8 KiB                 our engine 1    our engine 3    libdeflate 3    libdeflate
///   up to 16 KiB                ISA-L 1         our engine 3    libdeflate 3    libdeflate
///   larger                      ISA-L 1         ISA-L 2         our engine 3    libdeflate
///   streamed, smaller window    ISA-L 1         ISA-L 2         ISA-L 3         zlib
///
/// A window counts as full where the whole body is within it.
///
/// Decoding reads one member or stream; it needs the format's full 32 KiB window always.
namespace frdpu::core {

/// Bytes of workspace for an encoder: from level, window, `whole` and the size where it is known.
/// Requires: gzip or deflate. Returns 0 for a level outside 1 to 9. Cost: arithmetic.
[[nodiscard]] std::size_t zlib_encoder_workspace_bytes(const EncoderParams& params) noexcept;

/// Makes an encoder in a workspace of at least `zlib_encoder_workspace_bytes()`, 64-aligned. The
/// state of zlib and libdeflate stays in the workspace, prepared for the next encoder there.
/// A window is rounded down to a power of two; no match reaches further back, and a zlib header
/// states it. gzip members carry no name and no time.
/// Errors: invalid_size when the workspace is too small; invalid_level, invalid_window.
/// Ownership: the caller destroys the encoder before it gives the workspace to anyone else.
[[nodiscard]] Result<Encoder*> place_zlib_encoder(const EncoderParams& params,
                                                  MutableBytes workspace) noexcept;

/// Bytes of workspace for decoding a member or stream; the same for all of them.
[[nodiscard]] std::size_t zlib_decoder_workspace_bytes(const FrameHeader& header) noexcept;

/// Makes a decoder for the one member (gzip) or stream (deflate; `raw` where the header says so)
/// that the header was parsed from; it is then fed that from its first byte, header included.
/// Errors: missing_dictionary for a zlib stream with a preset dictionary (we have none to give it);
/// invalid_size when the workspace is too small.
[[nodiscard]] Result<Decoder*> place_zlib_decoder(const FrameHeader& header,
                                                  const Dictionary* dictionary,
                                                  MutableBytes workspace) noexcept;

/// Worst-case size of a member or stream around `input_bytes`, at any level and window, without
/// flushes. Output room of this size lets a whole body be encoded in one step.
[[nodiscard]] std::size_t zlib_bound(std::size_t input_bytes) noexcept;

}  // namespace frdpu::core

#pragma once

#include <cstddef>

#include "core/codec.h"
#include "core/frame_header.h"

/// br (RFC 7932) by libbrotli, in memory that is handed to it.
///
///   workspace of an encoder
///   +-----------+---------------+----------------------------------+-------------------+
///   | Workspace | BrotliEncoder | RegionHeap: all that the library | collected input   |
///   | header    |               | allocates and frees              | (qualities 0, 1)  |
///   +-----------+---------------+----------------------------------+-------------------+
///
/// The window is 256 KiB unless asked for, and never larger than the content where its size is
/// known. Qualities 0 and 1 always state 256 KiB at least, so with a smaller window quality 2
/// takes their place.
namespace frdpu::core {

/// Bytes of workspace for an encoder, measured for each quality and window with a margin
/// (brotli_memory.h). Returns 0 for a level outside 0 to 11.
[[nodiscard]] std::size_t brotli_encoder_workspace_bytes(const EncoderParams& params) noexcept;

/// Makes an encoder in a workspace of at least `brotli_encoder_workspace_bytes()`, 64-aligned.
/// A window is rounded down to what the format can say: 2^n - 16 bytes.
/// Errors: invalid_size when the workspace is too small; invalid_level, invalid_window. A step is
/// internal_error when the library wants more than was measured; it is never ended by that.
/// Ownership: the caller destroys the encoder before it gives the workspace to anyone else.
[[nodiscard]] Result<Encoder*> place_brotli_encoder(const EncoderParams& params,
                                                    MutableBytes workspace) noexcept;

/// Bytes of workspace for decoding a stream with this header: its window, and 2.6 MiB for the
/// largest set of codes that the format allows. Memory that a stream does not use is not touched.
[[nodiscard]] std::size_t brotli_decoder_workspace_bytes(const FrameHeader& header) noexcept;

/// Makes a decoder for the stream that the header was parsed from; it is then fed the stream from
/// its first byte. Errors: invalid_size when the workspace is too small.
[[nodiscard]] Result<Decoder*> place_brotli_decoder(const FrameHeader& header,
                                                    const Dictionary* dictionary,
                                                    MutableBytes workspace) noexcept;

/// Worst-case size of a stream around `input_bytes`, without flushes.
[[nodiscard]] std::size_t brotli_bound(std::size_t input_bytes) noexcept;

}  // namespace frdpu::core

#pragma once

#include <cstddef>
#include <optional>

#include "core/codec.h"
#include "core/frame_header.h"

/// zstd (RFC 8878) by libzstd, in memory that is handed to it: static contexts, no heap.
///
///   workspace
///   +-----------+-----------+-----------------+--------------------------------+
///   | Workspace | Encoder / | static CDict or | static ZSTD_CCtx / ZSTD_DCtx,  |
///   | header    | Decoder   | DDict, if any   | with the rest of the region    |
///   +-----------+-----------+-----------------+--------------------------------+
///
/// A context that is found in the workspace is reset, not built anew: its tables need no clearing
/// then, which is most of what a small frame costs (measured: core/README.md). So is an encoder's
/// digest of a dictionary, as long as the same one is asked for at the same level.
namespace frdpu::core {

/// Bytes of workspace for an encoder, exact to some hundred bytes: from the level, the window and
/// the content size where it is known. `whole` needs no window buffer. Returns 0 for a level that
/// libzstd does not know. Cost: some arithmetic, no allocation.
[[nodiscard]] std::size_t zstd_encoder_workspace_bytes(const EncoderParams& params) noexcept;

/// The window that an encoder with these parameters uses, the level's own where none is asked for.
[[nodiscard]] std::uint32_t zstd_window_bytes(const EncoderParams& params) noexcept;

/// Makes an encoder in a workspace of at least `zstd_encoder_workspace_bytes()`, 64-aligned.
/// Frames carry a checksum, the content size where it is known, and the dictionary's id.
/// Errors: invalid_size when the workspace is too small.
/// Ownership: the caller destroys the encoder before it gives the workspace to anyone else.
[[nodiscard]] Result<Encoder*> place_zstd_encoder(const EncoderParams& params,
                                                  MutableBytes workspace) noexcept;

/// Bytes of workspace for decoding a frame with this header: its window and little more.
[[nodiscard]] std::size_t zstd_decoder_workspace_bytes(const FrameHeader& header) noexcept;

/// Makes a decoder for the one frame that the header was parsed from; it is then fed the frame
/// from its first byte, header included.
/// Errors: missing_dictionary when the frame names one and `dictionary` is null; invalid_size when
/// the workspace is too small; corrupt_input for a dictionary that is broken.
[[nodiscard]] Result<Decoder*> place_zstd_decoder(const FrameHeader& header,
                                                  const Dictionary* dictionary,
                                                  MutableBytes workspace) noexcept;

/// Worst-case size of a frame around `input_bytes`, checksum included, when no flush is asked for.
[[nodiscard]] std::size_t zstd_bound(std::size_t input_bytes) noexcept;

/// `parse_frame_header` for zstd; `workspace_bytes` is filled in.
[[nodiscard]] Result<std::optional<FrameHeader>> parse_zstd_frame_header(Bytes prefix,
                                                                         bool input_ends) noexcept;

/// The version of the library at run time ("1.5.4"). Static storage.
[[nodiscard]] const char* zstd_library_version() noexcept;

}  // namespace frdpu::core

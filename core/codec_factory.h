#pragma once

#include <cstddef>
#include <cstdint>

#include "core/codec.h"
#include "core/dictionary.h"
#include "core/frame_header.h"
#include "core/leased.h"
#include "core/workspace_pool.h"

/// Every coding behind one set of calls: one explicit table, no registration. What is made here
/// lives in a workspace that was leased for it.
namespace frdpu::core {

/// Worst-case size of a whole encoded body of `input_bytes`, without flushes.
/// For 64 KiB no coding exceeds a `64k` block and its slack (tests/core/codec_factory_test.cc).
[[nodiscard]] std::size_t encoder_bound(Coding coding, std::size_t input_bytes) noexcept;

/// Bytes of workspace that an encoder takes.
/// Errors: invalid_level and invalid_window with `observed` and `limit`; invalid_parameter for a
/// dictionary with a coding that takes none.
[[nodiscard]] Result<std::size_t> encoder_workspace_bytes(const EncoderParams& params) noexcept;

/// Bytes of workspace that decoding a frame takes; what `parse_frame_header` fills in.
[[nodiscard]] std::size_t decoder_workspace_bytes(const FrameHeader& header) noexcept;

/// Makes an encoder in memory of the caller's, 64-aligned and of `encoder_workspace_bytes()`.
/// Errors: as `encoder_workspace_bytes`; invalid_size when the memory is too small.
/// Ownership: the caller destroys the object; its memory must outlive it.
[[nodiscard]] Result<Encoder*> place_encoder(const EncoderParams& params,
                                             MutableBytes workspace) noexcept;

/// Makes a decoder for the one frame with this header; it is fed the frame from its first byte.
/// Errors: missing_dictionary when the frame names one and `dictionary` is null; invalid_size.
[[nodiscard]] Result<Decoder*> place_decoder(const FrameHeader& header,
                                             const Dictionary* dictionary,
                                             MutableBytes workspace) noexcept;

/// Leases a workspace and makes an encoder in it. A level's own window (`window_bytes` 0) is
/// capped at the largest one that the pools are made for.
/// Errors: as `encoder_workspace_bytes`; invalid_window above the pools' cap; pool_exhausted when
/// all workspaces of the size are out, which may be tried again.
/// Threads: any. Cost: no allocation; a reset where the workspace is found prepared.
[[nodiscard]] Result<Leased<Encoder>> make_encoder(const EncoderParams& params,
                                                   WorkspacePools& pools) noexcept;

/// Returns the parameters with a level's own window capped: what `make_encoder` uses.
[[nodiscard]] EncoderParams with_window_cap(EncoderParams params,
                                            std::uint32_t max_window_bytes) noexcept;

}  // namespace frdpu::core

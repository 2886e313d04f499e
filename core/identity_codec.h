#pragma once

#include <cstddef>

#include "core/codec.h"
#include "core/frame_header.h"

/// Bytes unchanged, behind the same interface as every other coding: copies, and ends with its
/// input. Needs no state beyond the object itself.
namespace frdpu::core {

[[nodiscard]] std::size_t identity_encoder_workspace_bytes(const EncoderParams& params) noexcept;

/// Errors: invalid_size when the workspace is too small. When `content_bytes` is set, input of
/// another size is invalid_size at the end.
[[nodiscard]] Result<Encoder*> place_identity_encoder(const EncoderParams& params,
                                                      MutableBytes workspace) noexcept;

[[nodiscard]] std::size_t identity_decoder_workspace_bytes(const FrameHeader& header) noexcept;

/// The decoder is `done` when its input is: nothing is ever trailing or truncated.
[[nodiscard]] Result<Decoder*> place_identity_decoder(const FrameHeader& header,
                                                      const Dictionary* dictionary,
                                                      MutableBytes workspace) noexcept;

[[nodiscard]] std::size_t identity_bound(std::size_t input_bytes) noexcept;

}  // namespace frdpu::core

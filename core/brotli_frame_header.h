#pragma once

#include <optional>

#include "core/frame_header.h"

namespace frdpu::core {

/// `parse_frame_header` for br: the first byte says the window (RFC 7932, 9.1) and nothing else.
/// Errors: corrupt_input for the one reserved value, which "large window" streams use.
[[nodiscard]] Result<std::optional<FrameHeader>> parse_brotli_header(Bytes prefix,
                                                                     bool input_ends) noexcept;

}  // namespace frdpu::core

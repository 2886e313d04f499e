#pragma once

#include <optional>

#include "core/frame_header.h"

/// `parse_frame_header` for gzip and deflate.
namespace frdpu::core {

/// gzip: the fixed ten bytes decide. `header_bytes` is set when the whole header is in the prefix.
[[nodiscard]] Result<std::optional<FrameHeader>> parse_gzip_header(Bytes prefix,
                                                                   bool input_ends) noexcept;

/// deflate: two bytes decide between the zlib format and raw data (RFC 1951): what is no zlib
/// header is taken for raw. A preset dictionary is named by its Adler-32 (RFC 1950, 2.2).
[[nodiscard]] Result<std::optional<FrameHeader>> parse_zlib_header(Bytes prefix,
                                                                   bool input_ends) noexcept;

}  // namespace frdpu::core

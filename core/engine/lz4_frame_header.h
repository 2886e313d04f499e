#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "core/bytes.h"
#include "core/engine/lz4_format.h"
#include "core/error.h"
#include "core/frame_header.h"

/// Reading and writing the header of LZ4 frames: standard, legacy and skippable ones.
namespace frdpu::core {

/// Parses the start of an LZ4 frame.
/// `prefix` starts at the frame's magic number; `input_ends` says that nothing follows it.
/// Returns: the header with `workspace_bytes` filled in, or nothing when more bytes are needed
/// (never with 19 bytes at hand).
/// Errors: corrupt_input (magic, version, reserved bits, block size code, header checksum) with
/// the offset of the byte that is wrong; truncated_input.
[[nodiscard]] Result<std::optional<FrameHeader>> parse_lz4_frame_header(Bytes prefix,
                                                                        bool input_ends) noexcept;

namespace lz4 {

/// What the descriptor says beyond FrameHeader.
struct FrameFlags {
  bool independent = false;
  bool block_checksum = false;
  bool content_checksum = false;
};

/// Reads FLG of a header that was parsed before. Requires: a standard frame's first 5 bytes.
[[nodiscard]] FrameFlags frame_flags(const std::uint8_t* header) noexcept;

/// What the encoder puts into a header. Its frame blocks are always of at most 64 KiB.
struct FrameDescriptor {
  bool independent = false;
  std::optional<std::uint64_t> content_bytes{};
  std::uint32_t dictionary_id = 0;  ///< 0: none
};

/// Writes a standard frame header with content checksum. Returns: its size.
std::size_t write_frame_header(const FrameDescriptor& descriptor,
                               std::uint8_t (&to)[kMaxFrameHeaderBytes]) noexcept;

}  // namespace lz4
}  // namespace frdpu::core

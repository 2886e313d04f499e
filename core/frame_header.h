#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "core/bytes.h"
#include "core/coding.h"
#include "core/error.h"

/// What the first bytes of a frame say, read before any memory is spent on it. Serves the limits
/// of decoding, the choice of a workspace, and /v1/probe.
namespace frdpu::core {

/// One frame's (gzip: member's) header. Absent where the format does not say.
struct FrameHeader {
  Coding coding = Coding::identity;
  /// How far the frame may reach back, so what a decoder must keep. zstd: the window, for
  /// single-segment frames the content size; lz4: the largest frame block; gzip: always 32 KiB.
  std::optional<std::uint64_t> window_bytes{};
  /// Decoded size that the frame declares, a skippable frame's payload size. A claim of a
  /// stranger: good for refusing early, never for sizing memory.
  std::optional<std::uint64_t> content_bytes{};
  std::optional<std::uint32_t> dictionary_id{};  ///< absent when none is named
  std::optional<bool> checksum{};                ///< whether decoded bytes are checked at the end
  bool skippable = false;                        ///< user data that decodes to nothing (zstd, lz4)
  bool legacy = false;                           ///< lz4's legacy format: no end mark, no checksum
  bool raw = false;                              ///< `deflate` without the zlib wrapper (RFC 1951)
  bool independent_blocks = false;               ///< lz4: no frame block refers to one before it
  std::size_t header_bytes = 0;  ///< bytes up to the first frame block, where they were seen
  /// Bytes of workspace that decoding this frame takes; 0 for skippable frames.
  std::size_t workspace_bytes = 0;
};

/// The most bytes that `parse_frame_header` ever asks for: lz4 with content size and dictionary id
/// has 19, zstd 18. Enough for every coding's decision.
inline constexpr std::size_t kMaxFrameHeaderBytes = 32;

/// Parses the start of a frame of a coding.
/// `prefix` starts at the frame's first byte and may hold any amount of what follows; `input_ends`
/// says that nothing follows `prefix`.
/// Returns: the header, or nothing when more bytes are needed (never when `input_ends`, and never
/// with kMaxFrameHeaderBytes at hand).
/// Errors: corrupt_input when this is no frame of the coding or its header is broken;
/// truncated_input when the input ends within the header; window_too_large when the format's own
/// largest window is exceeded (`observed`). Offsets count from the frame's first byte.
/// Threads: any. Cost: a look at up to 32 bytes; no allocation.
[[nodiscard]] Result<std::optional<FrameHeader>> parse_frame_header(Coding coding, Bytes prefix,
                                                                    bool input_ends) noexcept;

}  // namespace frdpu::core

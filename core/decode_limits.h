#pragma once

#include <cstdint>
#include <limits>

#include "core/bytes.h"

namespace frdpu::core {

/// What decoding may cost. The operator's; 0 turns a limit off.
struct DecodeLimits {
  std::uint64_t max_output_bytes = 0;
  /// Output bytes for each input byte. Counts only past the first 16 MiB of output.
  std::uint64_t max_ratio = 0;
  /// Largest window of a frame; lz4: largest frame block. Whatever it is, a frame that no
  /// workspace is large enough for is refused too.
  std::uint64_t max_window_bytes = 0;
  /// Frames or members of one body, empty and skippable ones too.
  std::uint64_t max_frames = 0;
};

/// Output that the ratio does not count: small inputs may well expand a lot. Source: API.md.
inline constexpr std::uint64_t kRatioFreeBytes = 16 * kMiB;

/// Sums and products of what strangers claim: the largest number in place of one that wraps.
[[nodiscard]] constexpr std::uint64_t saturating_add(std::uint64_t a, std::uint64_t b) noexcept {
  return a > std::numeric_limits<std::uint64_t>::max() - b
             ? std::numeric_limits<std::uint64_t>::max()
             : a + b;
}
[[nodiscard]] constexpr std::uint64_t saturating_multiply(std::uint64_t a,
                                                          std::uint64_t b) noexcept {
  return a != 0 && b > std::numeric_limits<std::uint64_t>::max() / a
             ? std::numeric_limits<std::uint64_t>::max()
             : a * b;
}

}  // namespace frdpu::core

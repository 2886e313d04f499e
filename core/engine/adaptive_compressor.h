#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "core/engine/compression_engine.h"

/// Compression that chooses its own settings, for those who do not want to.
namespace frdpu::core {

/// What was chosen, beside the frame that came of it.
struct AdaptiveResult {
  std::vector<std::byte> frame;
  int level = 1;
  std::uint32_t window_bytes = 0;
};

/// Chooses level and window by the input's size, or tries several windows.
/// Life: any number of calls. Threads: one at a time. Cost: an engine for each compression tried;
/// throws std::bad_alloc as its vectors do.
class AdaptiveCompressor {
 public:
  /// Windows that compress_best() tries when none are given.
  static constexpr std::array<std::uint32_t, 4> kDefaultWindows = {4096, 16384, 32768, 65535};

  /// The settings for an input of this size: small inputs get the effort of a high level, since
  /// it costs little there; large ones the fast levels; the window is never larger than useful.
  [[nodiscard]] static EngineOptions options_for(std::size_t plain_bytes) noexcept;

  /// Compresses with options_for(). Errors: as CompressionEngine::compress.
  [[nodiscard]] Result<AdaptiveResult> compress(Bytes plain);

  /// Compresses once for each window and keeps the smallest frame; of equals, the one with the
  /// smallest window, which is the cheapest to read. Windows that the input does not fill are
  /// tried once. Errors: invalid_window; invalid_parameter without any window; invalid_level.
  [[nodiscard]] Result<AdaptiveResult> compress_best(
      Bytes plain, std::span<const std::uint32_t> windows = kDefaultWindows, int level = 3);

 private:
  Result<AdaptiveResult> compress_with(Bytes plain, const EngineOptions& options);
};

}  // namespace frdpu::core

#include "core/engine/adaptive_compressor.h"

#include <algorithm>

namespace frdpu::core {
namespace {

// Up to here an input is a packet or a message: optimal parsing costs tens of microseconds.
constexpr std::size_t kSmallBytes = 4 * kKiB;
// Up to here it is answered whole, and density still costs less than a millisecond.
constexpr std::size_t kMediumBytes = 256 * kKiB;

}  // namespace

EngineOptions AdaptiveCompressor::options_for(std::size_t plain_bytes) noexcept {
  EngineOptions options;
  options.level = plain_bytes <= kSmallBytes ? 9 : plain_bytes <= kMediumBytes ? 3 : 1;
  const auto window = std::clamp<std::size_t>(plain_bytes, 256, 65535);
  options.window_bytes = static_cast<std::uint32_t>(window);
  return options;
}

Result<AdaptiveResult> AdaptiveCompressor::compress(Bytes plain) {
  return compress_with(plain, options_for(plain.size()));
}

Result<AdaptiveResult> AdaptiveCompressor::compress_best(Bytes plain,
                                                         std::span<const std::uint32_t> windows,
                                                         int level) {
  if (windows.empty()) return fail(Errc::invalid_parameter, "no window to try");
  std::vector<std::uint32_t> sorted(windows.begin(), windows.end());
  std::ranges::sort(sorted);
  Result<AdaptiveResult> best = compress_with(plain, {.level = level, .window_bytes = sorted[0]});
  for (std::size_t i = 1; i < sorted.size() && best; ++i) {
    if (sorted[i - 1] >= plain.size() && sorted[i] <= 65535) break;  // nothing more to reach
    auto next = compress_with(plain, {.level = level, .window_bytes = sorted[i]});
    if (!next || next->frame.size() < best->frame.size()) best = std::move(next);
  }
  return best;
}

Result<AdaptiveResult> AdaptiveCompressor::compress_with(Bytes plain,
                                                         const EngineOptions& options) {
  auto engine = CompressionEngine::create(options);
  if (!engine) return std::unexpected<Error>(engine.error());
  auto frame = engine->compress(plain);
  if (!frame) return std::unexpected<Error>(frame.error());
  return AdaptiveResult{
      .frame = std::move(*frame), .level = options.level, .window_bytes = options.window_bytes};
}

}  // namespace frdpu::core

#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace frdpu::server {

/// Since when a request lacks memory, by what it lacks it for. Each has a clock of its own: a body
/// that goes on arriving must not hide a codec that finds no workspace, nor the other way round.
/// Threads: one at a time. Cost: reads the clock only while something is missing.
class MemoryWaits {
 public:
  using Clock = std::chrono::steady_clock;

  enum class For : std::uint8_t {
    input,   ///< a block for what the client sends
    codec,   ///< a workspace, a block or a promise of blocks for the result
    answer,  ///< a block for the answer's head
  };

  /// Notes that there was none. Returns: how long that has been so.
  Clock::duration missed(For what) noexcept {
    const Clock::time_point now = Clock::now();
    Clock::time_point& since = since_[static_cast<std::size_t>(what)];
    if (since == kNever) since = now;
    return now - since;
  }

  /// Notes that there was some. Returns: how long it was waited for.
  Clock::duration found(For what) noexcept {
    Clock::time_point& since = since_[static_cast<std::size_t>(what)];
    if (since == kNever) return {};
    const Clock::duration waited = Clock::now() - since;
    since = kNever;
    return waited;
  }

  [[nodiscard]] bool any() const noexcept { return oldest() != kNever; }

  /// Returns when the longest of these waits began; `time_point::max()` where nothing is missing.
  [[nodiscard]] Clock::time_point oldest() const noexcept { return std::ranges::min(since_); }

  void clear() noexcept { since_.fill(kNever); }

 private:
  static constexpr Clock::time_point kNever = Clock::time_point::max();
  std::array<Clock::time_point, 3> since_{kNever, kNever, kNever};
};

}  // namespace frdpu::server

#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace frdpu::server {

/// Since when a request lacks memory, by what it lacks it for. Each has a clock of its own: a body
/// that goes on arriving must not hide a codec that finds no workspace, nor the other way round.
/// Ownership: refers to a count of all requests whose codec waits, which must outlive it.
/// Threads: one at a time; the count is anyone's. Cost: reads the clock only while something is
/// missing.
class MemoryWaits {
 public:
  using Clock = std::chrono::steady_clock;

  enum class For : std::uint8_t {
    input,   ///< a block for what the client sends
    codec,   ///< a workspace, a block or a promise of blocks for the result
    answer,  ///< a block for the answer's head
  };

  explicit MemoryWaits(std::atomic<std::size_t>& waiting_codecs) noexcept
      : waiting_codecs_(waiting_codecs) {}
  MemoryWaits(const MemoryWaits&) = delete;
  MemoryWaits& operator=(const MemoryWaits&) = delete;
  ~MemoryWaits() { clear(); }

  [[nodiscard]] bool is_missing(For what) const noexcept { return since(what) != kNever; }

  /// Notes that there was none. Returns: how long that has been so.
  Clock::duration missed(For what) noexcept {
    const Clock::time_point now = Clock::now();
    if (!is_missing(what)) {
      since(what) = now;
      count(what, 1);
    }
    return now - since(what);
  }

  /// Notes that there was some. Returns: how long it was waited for.
  Clock::duration found(For what) noexcept {
    if (!is_missing(what)) return {};
    const Clock::duration waited = Clock::now() - since(what);
    since(what) = kNever;
    count(what, -1);
    return waited;
  }

  [[nodiscard]] bool any() const noexcept { return oldest() != kNever; }

  /// Returns when the longest of these waits began; `time_point::max()` where nothing is missing.
  [[nodiscard]] Clock::time_point oldest() const noexcept { return std::ranges::min(since_); }

  void clear() noexcept {
    if (is_missing(For::codec)) count(For::codec, -1);
    since_.fill(kNever);
  }

 private:
  static constexpr Clock::time_point kNever = Clock::time_point::max();

  [[nodiscard]] Clock::time_point& since(For what) noexcept {
    return since_[static_cast<std::size_t>(what)];
  }
  [[nodiscard]] Clock::time_point since(For what) const noexcept {
    return since_[static_cast<std::size_t>(what)];
  }
  void count(For what, int change) noexcept {
    if (what != For::codec) return;
    waiting_codecs_.fetch_add(static_cast<std::size_t>(change), std::memory_order_relaxed);
  }

  std::atomic<std::size_t>& waiting_codecs_;
  std::array<Clock::time_point, 3> since_{kNever, kNever, kNever};
};

}  // namespace frdpu::server

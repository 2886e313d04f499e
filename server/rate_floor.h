#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

namespace frdpu::server {

/// Tells a peer that is slow from one that was not waited for: bytes are held against the time in
/// which the connection waited for the peer, in windows of that time, so that neither a pause of
/// ours nor a fast start hides or makes a slow peer.
///
///   waiting  ----====---==------=====---   each "=" counts; `window` of them are judged at once
///
/// Threads: one at a time. Cost: a few additions.
class RateFloor {
 public:
  using Clock = std::chrono::steady_clock;

  void reset() noexcept { *this = {}; }

  /// Says whether the peer is waited for from now on.
  void wait(bool waiting, Clock::time_point now) noexcept {
    if (since_) waited_ += now - *since_;
    since_ = waiting ? std::optional(now) : std::nullopt;
  }

  /// Counts what the peer sent or took.
  void moved(std::uint64_t bytes) noexcept { bytes_ += bytes; }

  /// Judges the window that has just been filled, if one was, and begins the next.
  /// Returns: the peer's bytes a second where they are fewer than `floor`.
  [[nodiscard]] std::optional<std::uint64_t> judge(Clock::time_point now, Clock::duration window,
                                                   std::uint64_t floor) noexcept {
    if (since_) wait(true, now);
    if (waited_ < window) return {};
    const double seconds = std::chrono::duration<double>(waited_).count();
    const auto rate = static_cast<std::uint64_t>(static_cast<double>(bytes_) / seconds);
    waited_ = {};
    bytes_ = 0;
    return rate < floor ? std::optional(rate) : std::nullopt;
  }

 private:
  std::optional<Clock::time_point> since_{};
  Clock::duration waited_{};
  std::uint64_t bytes_ = 0;
};

}  // namespace frdpu::server

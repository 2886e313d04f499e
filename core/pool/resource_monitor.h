#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "core/error.h"
#include "core/pool/pool_stats.h"

namespace frdpu::core {

/// Turns what pools count into decisions: is this process ready, and should it shed load?
///
/// Fed with samples of the pools' statistics by a timer; the data path pays nothing.
///
///   healthy --> degraded   another pool or the heap helped out, or acquisitions failed now and
///   then
///           --> failing    more than `shed_above` of the acquisitions failed in one interval
///   failing --> healthy    no interval above `recover_below` for as long as `recovery`
///
/// Ownership: keeps numbers, never a pool. Threads: `sample` from one thread at a time, everything
/// else from any. Cost: loads and stores; no lock, no allocation after `create`.
class ResourceMonitor {
 public:
  using Clock = std::chrono::steady_clock;

  struct Options {
    /// Part of an interval's acquisitions, 0 to 1, that may fail before load should be shed.
    double shed_above = 0.10;
    /// Below this an interval counts towards recovery. Requires: not above `shed_above`.
    double recover_below = 0.01;
    Clock::duration recovery = std::chrono::seconds(1);
    /// So long a pool may have nothing left before the process is not ready.
    Clock::duration ready_grace = std::chrono::seconds(5);
  };

  enum class Health : std::uint8_t { healthy, degraded, failing };

  /// Sets up a monitor for so many pools.
  /// Errors: configuration for ratios outside 0 to 1 or crossed, negative times, no pool, or
  /// missing memory.
  [[nodiscard]] static Result<ResourceMonitor> create(std::size_t pools, const Options& options);

  /// Takes in a pool's statistics. Requires: `pool` below the number of pools; the same pool each
  /// time; `now` never earlier than before. A reset of the statistics starts afresh.
  void sample(std::size_t pool, const PoolStats& stats, Clock::time_point now) noexcept;

  /// Part of the acquisitions that failed between the last two samples; 0 when there was none.
  [[nodiscard]] double failure_rate(std::size_t pool) const noexcept;
  [[nodiscard]] Health health(std::size_t pool) const noexcept;

  /// The worst of all pools.
  [[nodiscard]] Health health() const noexcept;
  /// True while some pool is failing: refuse early what can wait.
  [[nodiscard]] bool should_shed() const noexcept { return health() == Health::failing; }
  /// False when a pool has had nothing left for longer than the grace. Requires: as `sample`.
  [[nodiscard]] bool ready() const noexcept;

 private:
  struct Record {
    // Of the sampling thread.
    std::uint64_t acquisitions = 0;
    std::uint64_t exhaustions = 0;
    std::uint64_t fallbacks = 0;
    Clock::time_point empty_since{};
    Clock::time_point last_bad{};
    bool was_empty = false;
    // Of everyone.
    std::atomic<double> failure_rate{0};
    std::atomic<Health> health{Health::healthy};
    std::atomic<bool> ready{true};
  };

  ResourceMonitor(std::size_t pools, const Options& options)
      : options_(options), pools_(pools), records_(std::make_unique<Record[]>(pools)) {}

  Options options_;
  std::size_t pools_;
  std::unique_ptr<Record[]> records_;
};

}  // namespace frdpu::core

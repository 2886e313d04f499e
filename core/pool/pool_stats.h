#pragma once

#include <cstddef>
#include <cstdint>
#include <iosfwd>
#include <string_view>

namespace frdpu::core {

/// What a pool has done and how full it is: one consistent row for /v1/pools, the metrics and a
/// log line. With nothing under way the numbers are exact: acquisitions and releases are counted
/// one by one by the thread that does them.
/// Units: bytes where the name says so, else blocks or calls. Threads: a value, of the moment when
/// it was taken.
struct PoolStats {
  std::string_view pool{};      ///< the pool's name; dies with the pool
  std::size_t block_bytes = 0;  ///< payload of one block
  std::size_t blocks = 0;       ///< the most that can be out
  std::size_t in_use = 0;       ///< out now
  std::size_t available = 0;    ///< `blocks - in_use`, whether carved already or not
  std::size_t peak = 0;         ///< high-water mark of `in_use`, never below one that was shown
  std::uint64_t acquisitions = 0;
  std::uint64_t releases = 0;
  std::uint64_t exhaustions = 0;  ///< acquisitions refused because nothing was left
  std::uint64_t fallbacks = 0;    ///< times another pool or the heap helped this one out

  /// Returns the part of the pool that is out, 0 to 1; 0 for a pool of no blocks, 1 also where a
  /// policy let more out than the pool has.
  [[nodiscard]] double utilization() const noexcept;

  /// Adds the counts of another pool; keeps the name. `block_bytes` becomes 0 where they differ.
  /// The sum of two peaks is an upper bound: they may have come at different times.
  PoolStats& operator+=(const PoolStats& other) noexcept;
};

/// Prints one line of `name=value` pairs.
std::ostream& operator<<(std::ostream& out, const PoolStats& stats);

}  // namespace frdpu::core

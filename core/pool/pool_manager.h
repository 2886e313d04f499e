#pragma once

#include <cstddef>
#include <span>

#include "core/error.h"
#include "core/pool/degradation.h"
#include "core/pool/fixed_pool.h"

namespace frdpu::core {

/// Several pools of rising block size behind one call.
///
/// Classes are the operator's, never sizes that a client asked for: a request only chooses among
/// them. Movable; blocks may outlive it. Threads: any.
class PoolManager {
 public:
  /// FRD-PU's classes: 32 B to 32 KiB by powers of two, so many blocks of each at most.
  static constexpr std::size_t kDefaultSmallestBytes = 32;
  static constexpr std::size_t kDefaultLargestBytes = 32 * kKiB;
  static constexpr std::size_t kDefaultBlocksPerClass = 1000;

  /// Sets the classes up. Errors: configuration when there is none, or sizes do not rise; what
  /// `FixedPool::create` refuses.
  [[nodiscard]] static Result<PoolManager> create(std::span<const FixedPool::Options> classes,
                                                  DegradationPolicy policy = {},
                                                  SlabSource& source = system_slab_source());

  /// Sets FRD-PU's classes up.
  [[nodiscard]] static Result<PoolManager> create(
      std::size_t blocks_per_class = kDefaultBlocksPerClass, DegradationPolicy policy = {});

  /// Takes a block of at least `bytes` from the smallest class that fits; where that one is empty,
  /// as the policy, or `next_pool` in its place, allows: from the next larger that is not, then
  /// from the heap. Help is counted as a fallback of the empty class.
  /// Errors: invalid_size for 0 bytes or more than the largest class; pool_exhausted.
  /// Cost: a walk over the classes, then that of the pool.
  [[nodiscard]] Result<PooledBlock> acquire(std::size_t bytes) noexcept {
    return acquire(bytes, pools_.policy().next_pool);
  }
  [[nodiscard]] Result<PooledBlock> acquire(std::size_t bytes, Fallback next_pool) noexcept;

  /// FRD-PU's name for `acquire`.
  [[nodiscard]] Result<PooledBlock> allocate(std::size_t bytes) noexcept { return acquire(bytes); }

  /// True when `acquire` with the same arguments would find a block, as far as anyone can say.
  [[nodiscard]] bool has_available(std::size_t bytes) const noexcept {
    return has_available(bytes, pools_.policy().next_pool);
  }
  [[nodiscard]] bool has_available(std::size_t bytes, Fallback next_pool) const noexcept;

  /// Returns the pool of the smallest class that fits, or nullptr.
  [[nodiscard]] FixedPool* pool_for(std::size_t bytes) noexcept;

  /// The pools, smallest first. Ownership: the manager's.
  [[nodiscard]] std::span<FixedPool> pools() noexcept { return pools_.pools(); }
  [[nodiscard]] std::span<const FixedPool> pools() const noexcept { return pools_.pools(); }

  /// Returns the sum over all classes, named "total"; what the heap helped out with is apart.
  [[nodiscard]] PoolStats total_stats() const noexcept { return pools_.total_stats(); }
  [[nodiscard]] PoolStats heap_stats() const noexcept { return pools_.heap_stats(); }
  void reset_stats() noexcept { pools_.reset_stats(); }

  /// Gives idle slabs of all classes back. Returns: bytes.
  std::size_t shrink() noexcept { return pools_.shrink(); }

 private:
  explicit PoolManager(DegradingPools pools) noexcept : pools_(std::move(pools)) {}

  /// Returns `pools().size()` where no class fits.
  [[nodiscard]] std::size_t index_for(std::size_t bytes) const noexcept;

  DegradingPools pools_;
};

}  // namespace frdpu::core

#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "core/error.h"
#include "core/pool/fixed_pool.h"
#include "core/pool/heap_blocks.h"

/// What happens when the right pool is empty: one policy for all that hand out blocks.
namespace frdpu::core {

/// Whether another pool may help out where the right one is empty.
enum class Fallback : bool { refused, allowed };

/// The steps in their order: the right pool, then others, then the heap, then refusal. The default
/// is refusal at once: running out is an ordinary answer.
struct DegradationPolicy {
  Fallback next_pool = Fallback::refused;
  /// At most so many blocks of each size from the heap at a time; 0: never.
  std::size_t heap_blocks = 0;
};

/// Several pools that follow one policy. PoolManager, BufferPool and RingBufferPool add how the
/// right pool is chosen.
/// Life: movable; blocks may outlive it. Threads: any.
class DegradingPools {
 public:
  /// Which pools may help one out.
  enum class Order : std::uint8_t {
    rising,  ///< those behind it: their blocks are larger
    ring,    ///< all others, from the next one around: their blocks are equal
  };

  /// Errors: configuration when there is no pool, block sizes do not rise (rising) or are not equal
  /// (ring), or memory is missing; what `FixedPool::create` refuses.
  [[nodiscard]] static Result<DegradingPools> create(std::span<const FixedPool::Options> options,
                                                     Order order, DegradationPolicy policy,
                                                     SlabSource& source);

  /// Takes from pool `first`, or as the policy allows. Help is counted as a fallback of that pool.
  /// Requires: `first < pools().size()`. Errors: pool_exhausted.
  /// Cost: that of the pool; then one more try for each pool that may help, then the heap's.
  [[nodiscard]] Result<PooledBlock> acquire(std::size_t first) noexcept {
    return acquire(first, policy_.next_pool);
  }
  [[nodiscard]] Result<PooledBlock> acquire(std::size_t first, Fallback next_pool) noexcept;

  /// True when `acquire` would find a block, as far as anyone can say.
  [[nodiscard]] bool has_available(std::size_t first, Fallback next_pool) const noexcept;

  [[nodiscard]] const DegradationPolicy& policy() const noexcept { return policy_; }
  [[nodiscard]] std::span<FixedPool> pools() noexcept { return pools_; }
  [[nodiscard]] std::span<const FixedPool> pools() const noexcept { return pools_; }

  /// Returns the sum over the pools, named "total", and what the heap has helped out with.
  [[nodiscard]] PoolStats total_stats() const noexcept;
  [[nodiscard]] PoolStats heap_stats() const noexcept;
  void reset_stats() noexcept;

  /// Gives idle slabs back. Returns: bytes.
  std::size_t shrink() noexcept;

 private:
  DegradingPools(Order order, DegradationPolicy policy) noexcept : order_(order), policy_(policy) {}

  /// Returns how many pools may help `first` out.
  [[nodiscard]] std::size_t helpers(std::size_t first) const noexcept;
  [[nodiscard]] std::size_t helper(std::size_t first, std::size_t turn) const noexcept {
    return (first + turn) % pools_.size();
  }

  [[nodiscard]] std::size_t heap_of(std::size_t first) const noexcept {
    return order_ == Order::ring ? 0 : first;
  }

  Order order_;
  DegradationPolicy policy_;
  std::vector<FixedPool> pools_;
  std::vector<HeapBlocks> heap_;  // one for each block size; none where the policy refuses the heap
};

}  // namespace frdpu::core

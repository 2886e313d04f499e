#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <span>

#include "core/pool/degradation.h"

namespace frdpu::core {

/// Pools of equal blocks that take turns: spreads load over several pools, for example one for
/// each memory node or tenant, and rides out an empty one as its policy says.
/// Life: movable; blocks may outlive it. Threads: any.
class RingBufferPool {
 public:
  /// Sets the pools up. By default an empty pool's turn goes to the next one.
  /// Errors: configuration when there is none, or block sizes differ; what `FixedPool::create`
  /// refuses.
  [[nodiscard]] static Result<RingBufferPool> create(
      std::span<const FixedPool::Options> pools,
      DegradationPolicy policy = {.next_pool = Fallback::allowed},
      SlabSource& source = system_slab_source());

  /// Takes a block from the pool whose turn it is; where it is empty, from the next that is not,
  /// then from the heap, as far as the policy allows. Help is counted on the pool whose turn it
  /// was. Errors: pool_exhausted. Cost: one atomic counter that all threads share.
  [[nodiscard]] Result<PooledBlock> acquire() noexcept;

  /// True when any pool, or the heap, has a block left.
  [[nodiscard]] bool has_available() const noexcept;

  [[nodiscard]] std::span<FixedPool> pools() noexcept { return pools_.pools(); }
  [[nodiscard]] std::span<const FixedPool> pools() const noexcept { return pools_.pools(); }
  [[nodiscard]] PoolStats total_stats() const noexcept { return pools_.total_stats(); }
  [[nodiscard]] PoolStats heap_stats() const noexcept { return pools_.heap_stats(); }
  void reset_stats() noexcept { pools_.reset_stats(); }
  std::size_t shrink() noexcept { return pools_.shrink(); }

 private:
  RingBufferPool(DegradingPools pools, std::unique_ptr<std::atomic<std::size_t>> turn) noexcept
      : pools_(std::move(pools)), turn_(std::move(turn)) {}

  DegradingPools pools_;
  std::unique_ptr<std::atomic<std::size_t>> turn_;  // apart, so that the ring can move
};

}  // namespace frdpu::core

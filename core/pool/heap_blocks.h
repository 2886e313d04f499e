#pragma once

#include <cstddef>
#include <memory>
#include <string_view>

#include "core/error.h"
#include "core/pool/pool_stats.h"
#include "core/pool/pooled_block.h"
#include "core/pool/slab_store.h"

namespace frdpu::core {

/// Blocks straight from the heap: the last resort of a degradation policy. Bounded and counted
/// like a pool; the blocks are PooledBlocks like any other and are freed when they come home.
/// Life: movable; blocks may outlive it.
class HeapBlocks {
 public:
  /// Takes block size, slack and the maximum from `options`; a minimum means nothing here, and a
  /// maximum of 0 is allowed: nothing is ever given then.
  /// Errors: as `FixedPool::create`.
  [[nodiscard]] static Result<HeapBlocks> create(
      const FixedPoolOptions& options, SlabSource& source = system_slab_source()) noexcept;

  /// Allocates a block. Errors: pool_exhausted when `max_blocks` are out or the heap refuses.
  /// Threads: any. Cost: a lock and a heap allocation.
  [[nodiscard]] Result<PooledBlock> acquire() noexcept;

  /// `pool` is "heap". Lives as long as this.
  [[nodiscard]] PoolStats stats() const noexcept;
  void reset_stats() noexcept;

 private:
  class State;
  struct Closer {
    void operator()(State* state) const noexcept;
  };

  explicit HeapBlocks(State* state) noexcept : state_(state) {}

  std::unique_ptr<State, Closer> state_;
};

}  // namespace frdpu::core

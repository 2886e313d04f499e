#pragma once

#include <cstddef>
#include <memory>
#include <string_view>

#include "core/error.h"
#include "core/pool/pool_core.h"
#include "core/pool/pool_stats.h"
#include "core/pool/pooled_block.h"
#include "core/pool/slab_source.h"

namespace frdpu::core {

/// Blocks of one size, from a minimum to a maximum number, in slabs that grow as they are needed.
///
/// Life: `create`, then use from any thread. The handle is movable; blocks keep their slabs alive,
/// so it may go while blocks are out.
/// Memory: address space for the maximum is reserved at the start; memory is taken slab by slab
/// and page by page as blocks are first written to, and `shrink` gives idle slabs back.
class FixedPool {
 public:
  using Options = FixedPoolOptions;

  /// Sets a pool up. Threads and pools may share a `source`, which must outlive every block.
  /// Errors: invalid_size when the block or the number is zero, or their product leaves the
  /// address space; configuration when the minimum is above the maximum, or the system refuses
  /// the minimum.
  [[nodiscard]] static Result<FixedPool> create(const Options& options,
                                                SlabSource& source = system_slab_source()) noexcept;

  /// Takes a block. Its bytes are as the last user left them.
  /// Errors: pool_exhausted when `max_blocks` are out, wherever they were released, or when the
  /// system has no memory for a slab more.
  /// Threads: any. Cost: no allocation once the calling thread has used the pool; usually no lock.
  [[nodiscard, gnu::always_inline]] Result<PooledBlock> acquire() noexcept {
    const std::uintptr_t key = detail::this_thread_key();
    detail::Magazine* own = core_->hinted(key);
    detail::BlockHeader* block = nullptr;
    if (own->thread.load(std::memory_order_relaxed) == key) [[likely]] {
      bool within_allowance = true;
      block = own->pop(within_allowance);
      if (block != nullptr) [[likely]] {
        block->owner.store(own->tag(), std::memory_order_relaxed);
        if (!within_allowance) [[unlikely]]
          core_->look_at_peak();
        detail::show_payload(block, *own);
      }
    }
    // The slow way returns a plain pointer, so that the result can stay in registers.
    if (block == nullptr) [[unlikely]] {
      block = core_->acquire_slow();
      if (block == nullptr) return std::unexpected(exhausted());
      own = detail::Magazine::of(block->owner.load(std::memory_order_relaxed));
    }
    return PooledBlock(block, own);
  }

  /// The same, but leaves `spare` blocks to those who acquire without such care.
  /// Errors: pool_exhausted, counted as ever, also where no more than `spare` are left.
  /// Threads: any; a few at once may leave fewer. Cost: that of `acquire`; a lock and a walk
  /// over the threads besides where few blocks are left.
  [[nodiscard]] Result<PooledBlock> acquire_sparing(std::size_t spare) noexcept;

  /// Takes a block home by its payload, for callers that hold blocks raw (`PooledBlock::detach`).
  /// Errors: foreign_block when the pointer is none that this pool hands out; double_release when
  /// the block is home already. Nothing changes then.
  /// Threads: any; of several releases of one block at once exactly one succeeds.
  [[nodiscard]] Result<void> give_back(std::byte* payload) noexcept;

  /// True when an acquisition that leaves `spare` blocks to others would find one, as far as anyone
  /// can say.
  [[nodiscard]] bool has_available(std::size_t spare = 0) const noexcept;

  /// Returns the numbers now; `pool` lives as long as this pool. Cost: a lock and a walk over the
  /// threads that have used the pool.
  [[nodiscard]] PoolStats stats() const noexcept;

  /// Counts from zero again; the peak becomes what is out now.
  void reset_stats() noexcept;

  /// Counts that this pool was empty and another one, or the heap, helped out.
  void count_fallback() noexcept;

  /// Gives the memory of idle slabs above the minimum, or above `keep_blocks`, back to the system.
  /// Blocks that wait in threads' magazines are called home first. Returns: bytes given back.
  /// Threads: any. Cost: long; a maintenance timer's work.
  std::size_t shrink() noexcept;
  std::size_t shrink(std::size_t keep_blocks) noexcept;

  [[nodiscard]] std::string_view name() const noexcept;
  [[nodiscard]] std::size_t block_bytes() const noexcept;
  [[nodiscard]] std::size_t max_blocks() const noexcept;

  /// Memory when every block is out and written to, headers and the pool's own book included.
  /// Returns: SIZE_MAX for options that `create` refuses, so that no budget holds them.
  [[nodiscard]] static std::size_t footprint_bytes(const Options& options) noexcept;

 private:
  struct Closer {
    void operator()(detail::PoolCore* core) const noexcept { core->close(); }
  };

  explicit FixedPool(detail::PoolCore* core) noexcept : core_(core) {}
  [[nodiscard]] Error exhausted() const noexcept;

  std::unique_ptr<detail::PoolCore, Closer> core_;
};

/// FRD-PU's sizes: 1,000 blocks of 64 B, 500 of 1 KiB, 100 of 64 KiB, and blocks of one Ethernet
/// frame for request heads and small bodies. Errors: as `FixedPool::create`.
[[nodiscard]] Result<FixedPool> create_small_pool(std::size_t blocks = 1000) noexcept;
[[nodiscard]] Result<FixedPool> create_medium_pool(std::size_t blocks = 500) noexcept;
[[nodiscard]] Result<FixedPool> create_large_pool(std::size_t blocks = 100) noexcept;
[[nodiscard]] Result<FixedPool> create_mtu_pool(std::size_t blocks = 1000) noexcept;

}  // namespace frdpu::core

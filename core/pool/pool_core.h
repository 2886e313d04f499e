#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>

#include "core/error.h"
#include "core/pool/magazine.h"
#include "core/pool/pool_stats.h"
#include "core/pool/slab_store.h"

/// What a FixedPool is inside: the magazines of its threads over one slab store.
namespace frdpu::core::detail {

/// Life: `create`, use from any thread, `close`. After `close` it lives on, without a handle,
/// until the last block has come home, and deletes itself.
///
/// Three ways to a block, each only when the one before failed:
///   1. this thread's magazine (inline in fixed_pool.h and pooled_block.h): no lock, no
///      read-modify-write but the one that guards the release;
///   2. the store, in batches of half a magazine, under the lock;
///   3. the magazines of other threads, under the lock.
/// Blocks too large to be hoarded, and pools of a few blocks, have no magazines: all is 2.
class PoolCore final : public ThreadExitListener, public BlockHome {
 public:
  [[nodiscard]] static Result<PoolCore*> create(const FixedPoolOptions& options,
                                                SlabSource& source) noexcept;

  /// Ends the pool's handle. The memory goes now, or with the last block that is out.
  void close() noexcept;

  /// Returns the magazine where this thread's would be: it is the thread's own only if its
  /// `thread` is the key. Cost: a multiplication and a load.
  [[nodiscard]] Magazine* hinted(std::uintptr_t key) const noexcept {
    return table_[hash(key)].load(std::memory_order_acquire);
  }

  /// Takes a block when `hinted` could not help. Returns: nullptr when the pool is exhausted.
  [[nodiscard]] BlockHeader* acquire_slow() noexcept;

  void come_home(BlockHeader* block, std::uintptr_t owner) noexcept override;

  /// Called by the owner of a magazine that has used up its allowance.
  void look_at_peak() noexcept;

  /// Errors: foreign_block, double_release.
  [[nodiscard]] Result<BlockHeader*> claim_release(std::byte* payload,
                                                   std::uintptr_t& owner) noexcept;

  [[nodiscard]] PoolStats stats() noexcept;
  void reset_stats() noexcept;
  void count_fallback() noexcept { fallbacks_.fetch_add(1, std::memory_order_relaxed); }
  /// Returns: whether more blocks than these are left. Cost: a load; where few are, a lock and a
  /// walk over the threads.
  [[nodiscard]] bool has_more_than(std::size_t blocks) const noexcept;
  void count_exhaustion() noexcept;

  /// Returns: bytes given back to the system.
  [[nodiscard]] std::size_t shrink(std::size_t keep_blocks) noexcept;

  [[nodiscard]] const FixedPoolOptions& options() const noexcept { return options_; }

  void thread_exits(std::uintptr_t key) noexcept override;

 private:
  static constexpr std::size_t kTableSize = 256;
  static constexpr std::size_t kProbes = 8;

  PoolCore(const FixedPoolOptions& options, const SlabLayout& layout, SlabSource& source) noexcept;
  ~PoolCore() override;

  [[nodiscard]] static std::size_t hash(std::uintptr_t key) noexcept {
    return static_cast<std::size_t>((key * 0x9E3779B97F4A7C15u) >> 56);
  }

  // Threads: any, no lock.
  [[nodiscard]] Magazine* find_magazine(std::uintptr_t key) const noexcept;
  [[nodiscard]] Magazine* find_or_add_magazine() noexcept;
  void orphan_came_home() noexcept;

  // All that follows: under the lock.
  void set_up(Magazine& magazine) noexcept;
  [[nodiscard]] BlockHeader* take_counted(Magazine* own) noexcept;
  [[nodiscard]] std::size_t steal(BlockHeader** out, const Magazine* own) noexcept;
  void update_peak() noexcept;
  [[nodiscard]] std::uint64_t sum_acquisitions() const noexcept;
  [[nodiscard]] std::uint64_t sum_releases() const noexcept;
  [[nodiscard]] std::size_t count_in_use() const noexcept;
  [[nodiscard]] std::size_t blocks_at_home() const noexcept;

  std::array<std::atomic<Magazine*>, kTableSize> table_;  // never removed, only vacated
  alignas(64) std::array<char, 64> name_{};               // the name's copy, cut to fit
  FixedPoolOptions options_;
  SlabSource& source_;
  std::size_t magazine_capacity_ = 0;

  alignas(64) mutable std::mutex mutex_;
  std::mutex shrink_mutex_;  // taken before mutex_
  bool discarding_ = false;
  SlabStore store_;
  Magazine shared_;  // counts what is done without a magazine; no thread's own
  Magazine* magazines_ = nullptr;
  std::size_t peak_ = 0;
  std::uint64_t base_acquisitions_ = 0;  // the sums at the last reset
  std::uint64_t base_releases_ = 0;
  std::uint64_t exhaustions_ = 0;
  std::atomic<std::uint64_t> fallbacks_{0};
  std::atomic<std::size_t> orphans_{0};  // after close: blocks out, plus a bias while counting
};

}  // namespace frdpu::core::detail

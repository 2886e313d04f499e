#include "core/pool/degradation.h"

#include <new>
#include <utility>

namespace frdpu::core {

Result<DegradingPools> DegradingPools::create(std::span<const FixedPool::Options> options,
                                              Order order, DegradationPolicy policy,
                                              SlabSource& source) {
  if (options.empty()) return fail(Errc::configuration, "no pool was asked for");
  DegradingPools made(order, policy);
  try {
    made.pools_.reserve(options.size());
    made.heap_.reserve(policy.heap_blocks > 0 ? options.size() : 0);
  } catch (const std::bad_alloc&) {
    return fail(Errc::configuration, "no memory for the list of pools");
  }
  for (const FixedPool::Options& each : options) {
    if (!made.pools_.empty()) {
      const std::size_t before = made.pools_.back().block_bytes();
      if (order == Order::rising && each.block_bytes <= before) {
        return fail(Errc::configuration, "the block sizes of the classes do not rise");
      }
      if (order == Order::ring && each.block_bytes != before) {
        return fail(Errc::configuration, "the pools of a ring have blocks of different sizes");
      }
    }
    Result<FixedPool> pool = FixedPool::create(each, source);
    if (!pool) return std::unexpected(pool.error());
    made.pools_.push_back(*std::move(pool));
    const bool has_one = order == Order::ring && !made.heap_.empty();
    if (policy.heap_blocks == 0 || has_one) continue;
    FixedPool::Options on_heap = each;
    on_heap.max_blocks = policy.heap_blocks;
    Result<HeapBlocks> heap = HeapBlocks::create(on_heap, source);
    if (!heap) return std::unexpected(heap.error());
    made.heap_.push_back(*std::move(heap));
  }
  return made;
}

std::size_t DegradingPools::helpers(std::size_t first) const noexcept {
  return order_ == Order::rising ? pools_.size() - first - 1 : pools_.size() - 1;
}

Result<PooledBlock> DegradingPools::acquire(std::size_t first, Fallback next_pool) noexcept {
  Result<PooledBlock> block = pools_[first].acquire();
  if (block) return block;
  if (next_pool == Fallback::allowed) {
    for (std::size_t turn = 1; turn <= helpers(first); ++turn) {
      Result<PooledBlock> helped = pools_[helper(first, turn)].acquire();
      if (!helped) continue;
      pools_[first].count_fallback();
      return helped;
    }
  }
  if (!heap_.empty()) {
    Result<PooledBlock> helped = heap_[heap_of(first)].acquire();
    if (helped) {
      pools_[first].count_fallback();
      return helped;
    }
  }
  return block;
}

bool DegradingPools::has_available(std::size_t first, Fallback next_pool) const noexcept {
  if (pools_[first].has_available()) return true;
  if (next_pool == Fallback::allowed) {
    for (std::size_t turn = 1; turn <= helpers(first); ++turn) {
      if (pools_[helper(first, turn)].has_available()) return true;
    }
  }
  return !heap_.empty() && heap_[heap_of(first)].stats().available > 0;
}

PoolStats DegradingPools::total_stats() const noexcept {
  PoolStats total = pools_.front().stats();
  for (const FixedPool& pool : pools().subspan(1)) total += pool.stats();
  total.pool = "total";
  return total;
}

PoolStats DegradingPools::heap_stats() const noexcept {
  PoolStats total{.pool = "heap"};
  if (heap_.empty()) return total;
  total = heap_.front().stats();
  for (const HeapBlocks& heap : std::span(heap_).subspan(1)) total += heap.stats();
  return total;
}

void DegradingPools::reset_stats() noexcept {
  for (FixedPool& pool : pools_) pool.reset_stats();
  for (HeapBlocks& heap : heap_) heap.reset_stats();
}

std::size_t DegradingPools::shrink() noexcept {
  std::size_t bytes = 0;
  for (FixedPool& pool : pools_) bytes += pool.shrink();
  return bytes;
}

}  // namespace frdpu::core

#include <algorithm>

#include "core/pool/pool_core.h"

namespace frdpu::core::detail {

std::uint64_t PoolCore::sum_acquisitions() const noexcept {
  std::uint64_t sum = shared_.acquisitions.load(std::memory_order_acquire);
  for (const Magazine* at = magazines_; at != nullptr; at = at->next) {
    sum += at->settled_acquisitions();
  }
  return sum;
}

std::uint64_t PoolCore::sum_releases() const noexcept {
  std::uint64_t sum = shared_.releases.load(std::memory_order_acquire);
  for (const Magazine* at = magazines_; at != nullptr; at = at->next) {
    sum += at->releases.load(std::memory_order_acquire);
  }
  return sum;
}

std::size_t PoolCore::count_in_use() const noexcept {
  // All acquisitions before any release: with others at work the difference errs to the low side,
  // so that no peak is ever noted that was not reached.
  const std::uint64_t acquired = sum_acquisitions();
  const std::uint64_t released = sum_releases();
  return acquired > released ? static_cast<std::size_t>(acquired - released) : 0;
}

std::size_t PoolCore::blocks_at_home() const noexcept {
  std::size_t sum = store_.home();
  // Not `shared_`: it only counts.
  for (const Magazine* at = magazines_; at != nullptr; at = at->next) sum += at->size();
  return sum;
}

// The peak without a counter that all threads share. The allowances of the magazines add up to at
// most the peak, so while each thread stays within its own, the sum cannot exceed the peak and
// nobody has to look. A thread that would go beyond comes here: all are summed, the peak rises if
// the sum is higher, and what room is left is shared out again. A steady load soon fits into its
// allowances; a load at its peak pays for a lock now and then.
void PoolCore::update_peak() noexcept {
  const std::size_t in_use = count_in_use();
  peak_ = std::max(peak_, in_use);
  std::size_t active = 0;
  for (const Magazine* at = magazines_; at != nullptr; at = at->next) {
    active += at->thread.load(std::memory_order_relaxed) != 0 ? 1 : 0;
  }
  const std::size_t share = active > 0 ? (peak_ - in_use) / active : 0;
  for (Magazine* at = magazines_; at != nullptr; at = at->next) {
    at->allowance.store(at->balance() + static_cast<std::int64_t>(share),
                        std::memory_order_relaxed);
  }
}

void PoolCore::look_at_peak() noexcept {
  const std::lock_guard lock(mutex_);
  update_peak();
}

PoolStats PoolCore::stats() noexcept {
  const std::lock_guard lock(mutex_);
  update_peak();
  PoolStats stats;
  stats.pool = options_.name;
  stats.block_bytes = options_.block_bytes;
  stats.blocks = options_.max_blocks;
  // In the order of count_in_use, for the same reason.
  const std::uint64_t acquired = sum_acquisitions();
  const std::uint64_t released = sum_releases();
  stats.in_use = acquired > released ? static_cast<std::size_t>(acquired - released) : 0;
  stats.available = stats.blocks - stats.in_use;
  peak_ = std::max(peak_, stats.in_use);
  stats.peak = peak_;
  stats.acquisitions = acquired - base_acquisitions_;
  stats.releases = released - base_releases_;
  stats.exhaustions = exhaustions_;
  stats.fallbacks = fallbacks_.load(std::memory_order_relaxed);
  return stats;
}

bool PoolCore::has_more_than(std::size_t blocks) const noexcept {
  // What was never taken is left for certain. What magazines hoard counts where that is too little.
  if (options_.max_blocks - store_.taken() > blocks) return true;
  const std::lock_guard lock(mutex_);
  return options_.max_blocks - count_in_use() > blocks;
}

void PoolCore::count_exhaustion() noexcept {
  const std::lock_guard lock(mutex_);
  ++exhaustions_;
}

void PoolCore::reset_stats() noexcept {
  const std::lock_guard lock(mutex_);
  base_acquisitions_ = sum_acquisitions();
  base_releases_ = sum_releases();
  exhaustions_ = 0;
  fallbacks_.store(0, std::memory_order_relaxed);
  peak_ = 0;
  update_peak();
}

}  // namespace frdpu::core::detail

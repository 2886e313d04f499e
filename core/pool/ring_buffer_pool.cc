#include "core/pool/ring_buffer_pool.h"

#include <utility>

namespace frdpu::core {

Result<RingBufferPool> RingBufferPool::create(std::span<const FixedPool::Options> pools,
                                              DegradationPolicy policy, SlabSource& source) {
  Result<DegradingPools> made =
      DegradingPools::create(pools, DegradingPools::Order::ring, policy, source);
  if (!made) return std::unexpected(made.error());
  return RingBufferPool(*std::move(made), std::make_unique<std::atomic<std::size_t>>(0));
}

Result<PooledBlock> RingBufferPool::acquire() noexcept {
  return pools_.acquire(turn_->fetch_add(1, std::memory_order_relaxed) % pools().size());
}

bool RingBufferPool::has_available() const noexcept {
  return pools_.has_available(0, Fallback::allowed);
}

}  // namespace frdpu::core

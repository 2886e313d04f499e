#include "core/pool/ring_buffer_pool.h"

#include <new>
#include <utility>

namespace frdpu::core {

Result<RingBufferPool> RingBufferPool::create(std::span<const FixedPool::Options> pools,
                                              DegradationPolicy policy, SlabSource& source) {
  Result<DegradingPools> made =
      DegradingPools::create(pools, DegradingPools::Order::ring, policy, source);
  if (!made) return std::unexpected(made.error());
  std::unique_ptr<std::atomic<std::size_t>> turn(new (std::nothrow) std::atomic<std::size_t>(0));
  if (turn == nullptr) return fail(Errc::configuration, "no memory for the ring itself");
  return RingBufferPool(*std::move(made), std::move(turn));
}

Result<PooledBlock> RingBufferPool::acquire() noexcept {
  return pools_.acquire(turn_->fetch_add(1, std::memory_order_relaxed) % pools().size());
}

bool RingBufferPool::has_available() const noexcept {
  return pools_.has_available(0, Fallback::allowed);
}

}  // namespace frdpu::core

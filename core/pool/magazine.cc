#include "core/pool/magazine.h"

#include <algorithm>

namespace frdpu::core::detail {

void Magazine::refill(BlockHeader* const* blocks, std::size_t count) noexcept {
  const std::uint64_t begin = tail();
  for (std::size_t i = 0; i < count; ++i) {
    slot(begin + i).store(blocks[i], std::memory_order_relaxed);
  }
  inflow.store(inflow.load(std::memory_order_relaxed) + count, std::memory_order_release);
}

std::size_t Magazine::unload(BlockHeader** out, std::size_t want) noexcept {
  const std::uint64_t begin = head.load(std::memory_order_relaxed);
  const std::size_t count = std::min(want, size());
  for (std::size_t i = 0; i < count; ++i) {
    out[i] = slot(begin + i).load(std::memory_order_relaxed);
  }
  head.store(begin + count, std::memory_order_relaxed);
  room_end.store(room_end.load(std::memory_order_relaxed) + count, std::memory_order_relaxed);
  return count;
}

std::size_t Magazine::steal(BlockHeader** out, bool all) noexcept {
  const std::size_t seen = size();
  if (seen == 0) return 0;
  const std::uint64_t begin = head.load(std::memory_order_relaxed);
  const std::uint64_t want = all ? seen : (seen + 1) / 2;
  head.store(begin + want, std::memory_order_seq_cst);
  if (asymmetric && !heavy_fence()) {
    head.store(begin, std::memory_order_seq_cst);
    return 0;
  }
  // From here on the owner's pops see the new head. What it popped before shows in the tail.
  const auto left = static_cast<std::int64_t>(tail() - begin);
  const std::uint64_t count = left > 0 ? std::min(static_cast<std::uint64_t>(left), want) : 0;
  head.store(begin + count, std::memory_order_seq_cst);
  for (std::uint64_t i = 0; i < count; ++i) {
    out[i] = slot(begin + i).load(std::memory_order_relaxed);
  }
  // Only now may the owner fill these slots again.
  room_end.store(room_end.load(std::memory_order_relaxed) + count, std::memory_order_release);
  return count;
}

}  // namespace frdpu::core::detail

#include "core/pool/pool_manager.h"

#include <array>
#include <string_view>
#include <utility>

namespace frdpu::core {

Result<PoolManager> PoolManager::create(std::span<const FixedPool::Options> classes,
                                        DegradationPolicy policy, SlabSource& source) {
  Result<DegradingPools> pools =
      DegradingPools::create(classes, DegradingPools::Order::rising, policy, source);
  if (!pools) return std::unexpected(pools.error());
  return PoolManager(*std::move(pools));
}

Result<PoolManager> PoolManager::create(std::size_t blocks_per_class, DegradationPolicy policy) {
  static constexpr std::array<std::string_view, 11> kNames = {"32", "64", "128", "256", "512", "1k",
                                                              "2k", "4k", "8k",  "16k", "32k"};
  static_assert(kDefaultSmallestBytes << (kNames.size() - 1) == kDefaultLargestBytes);
  std::array<FixedPool::Options, kNames.size()> classes;
  for (std::size_t i = 0; i < classes.size(); ++i) {
    classes[i] = {.name = kNames[i],
                  .block_bytes = kDefaultSmallestBytes << i,
                  .max_blocks = blocks_per_class};
  }
  return create(classes, policy);
}

std::size_t PoolManager::index_for(std::size_t bytes) const noexcept {
  const std::span<const FixedPool> all = pools();
  if (bytes == 0) return all.size();
  std::size_t index = 0;
  while (index < all.size() && all[index].block_bytes() < bytes) ++index;
  return index;
}

Result<PooledBlock> PoolManager::acquire(std::size_t bytes, Fallback next_pool) noexcept {
  const std::size_t index = index_for(bytes);
  if (index == pools().size()) {
    return std::unexpected(Error{.code = Errc::invalid_size,
                                 .detail = "no class of blocks has that size",
                                 .limit = pools().back().block_bytes(),
                                 .observed = bytes});
  }
  return pools_.acquire(index, next_pool);
}

bool PoolManager::has_available(std::size_t bytes, Fallback next_pool) const noexcept {
  const std::size_t index = index_for(bytes);
  return index != pools().size() && pools_.has_available(index, next_pool);
}

FixedPool* PoolManager::pool_for(std::size_t bytes) noexcept {
  const std::size_t index = index_for(bytes);
  return index == pools().size() ? nullptr : &pools()[index];
}

}  // namespace frdpu::core

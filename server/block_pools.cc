#include "server/block_pools.h"

#include <utility>

#include "core/bytes.h"

namespace frdpu::server {

core::Result<BlockPools> BlockPools::create(
    const core::FixedPool::Options& mtu_options,
    const core::FixedPool::Options& large_options) noexcept {
  auto mtu = core::FixedPool::create(mtu_options);
  if (!mtu) return std::unexpected(mtu.error());
  auto large = core::FixedPool::create(large_options);
  if (!large) return std::unexpected(large.error());
  return BlockPools(std::move(*mtu), std::move(*large));
}

BlockPools::BlockPools(core::FixedPool mtu, core::FixedPool large) noexcept
    : mtu_(std::move(mtu)), large_(std::move(large)) {}

core::Result<core::PooledBlock> BlockPools::acquire(std::size_t bytes) noexcept {
  if (bytes <= core::kMtuBlockBytes) {
    if (auto block = mtu_.acquire()) return block;
    auto larger = large_.acquire();
    if (larger) mtu_.count_fallback();
    return larger;
  }
  if (bytes > core::k64kBlockBytes + core::k64kSlackBytes) {
    return core::fail(core::Errc::invalid_size);
  }
  return large_.acquire();
}

core::Result<core::PooledBlock> BlockPools::acquire_for_body(std::size_t bytes,
                                                             bool begun) noexcept {
  if (bytes <= core::kMtuBlockBytes || bytes > core::k64kBlockBytes) return acquire(bytes);
  return large_.acquire_sparing(blocks_for_results(large_.max_blocks(), begun));
}

core::PooledBlock BlockPools::acquire_extra() noexcept {
  if (!large_.has_available(large_.max_blocks() / 2)) return {};
  auto block = large_.acquire();
  return block ? std::move(*block) : core::PooledBlock();
}

}  // namespace frdpu::server

#include "core/pool/fixed_pool.h"

#include <limits>

#include "core/bytes.h"

namespace frdpu::core {

Result<FixedPool> FixedPool::create(const Options& options, SlabSource& source) noexcept {
  Result<detail::PoolCore*> core = detail::PoolCore::create(options, source);
  if (!core) return std::unexpected(core.error());
  return FixedPool(*core);
}

Error FixedPool::exhausted() const noexcept {
  return {.code = Errc::pool_exhausted,
          .detail = "every block is out",
          .limit = core_->options().max_blocks};
}

Result<PooledBlock> FixedPool::acquire_sparing(std::size_t spare) noexcept {
  if (!core_->has_more_than(spare)) {
    core_->count_exhaustion();
    return std::unexpected(Error{.code = Errc::pool_exhausted,
                                 .detail = "the last blocks are kept for results",
                                 .limit = core_->options().max_blocks});
  }
  return acquire();
}

Result<void> FixedPool::give_back(std::byte* payload) noexcept {
  std::uintptr_t owner = 0;
  const Result<detail::BlockHeader*> block = core_->claim_release(payload, owner);
  if (!block) return std::unexpected(block.error());
  core_->come_home(*block, owner);
  return {};
}

bool FixedPool::has_available(std::size_t spare) const noexcept {
  return core_->has_more_than(spare);
}

PoolStats FixedPool::stats() const noexcept {
  return core_->stats();
}

void FixedPool::reset_stats() noexcept {
  core_->reset_stats();
}

void FixedPool::count_fallback() noexcept {
  core_->count_fallback();
}

std::size_t FixedPool::shrink() noexcept {
  return core_->shrink(core_->options().min_blocks);
}

std::size_t FixedPool::shrink(std::size_t keep_blocks) noexcept {
  return core_->shrink(keep_blocks);
}

std::string_view FixedPool::name() const noexcept {
  return core_->options().name;
}

std::size_t FixedPool::block_bytes() const noexcept {
  return core_->options().block_bytes;
}

std::size_t FixedPool::max_blocks() const noexcept {
  return core_->options().max_blocks;
}

std::size_t FixedPool::footprint_bytes(const Options& options) noexcept {
  const Result<detail::SlabLayout> layout = detail::SlabLayout::plan(options);
  if (!layout) return std::numeric_limits<std::size_t>::max();
  return layout->region_bytes + layout->book_bytes + sizeof(detail::PoolCore);
}

namespace {

Result<FixedPool> create_named(std::string_view name, std::size_t bytes, std::size_t blocks) {
  return FixedPool::create({.name = name, .block_bytes = bytes, .max_blocks = blocks});
}

}  // namespace

Result<FixedPool> create_small_pool(std::size_t blocks) noexcept {
  return create_named("small", 64, blocks);
}

Result<FixedPool> create_medium_pool(std::size_t blocks) noexcept {
  return create_named("medium", kKiB, blocks);
}

Result<FixedPool> create_large_pool(std::size_t blocks) noexcept {
  return create_named("large", k64kBlockBytes, blocks);
}

Result<FixedPool> create_mtu_pool(std::size_t blocks) noexcept {
  return create_named("mtu", kMtuBlockBytes, blocks);
}

}  // namespace frdpu::core

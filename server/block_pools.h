#pragma once

#include <algorithm>
#include <cstddef>

#include "core/pool/fixed_pool.h"

namespace frdpu::server {

/// How many of a pool's last `64k` blocks are not for a request's body. Results go first, or else
/// bodies that wait for room for their results would keep all there is: a sixteenth, 32 at most, is
/// not for bodies, and twice as much not for one of which nothing was read yet. Pools of fewer than
/// 8 blocks are too small for that.
[[nodiscard]] constexpr std::size_t blocks_for_results(std::size_t blocks, bool begun) noexcept {
  return begun ? std::min<std::size_t>(blocks / 16, 32) : std::min<std::size_t>(blocks / 8, 64);
}

/// The `mtu` and `64k` pools that requests and responses live in. The admin listener has a small
/// pair of its own, so that an exhausted service can still be looked at, and looking at it does
/// not show in the numbers.
/// Threads: any. Cost of a block: no allocation once warm.
class BlockPools {
 public:
  /// Errors: as `core::FixedPool::create`.
  [[nodiscard]] static core::Result<BlockPools> create(
      const core::FixedPool::Options& mtu_options,
      const core::FixedPool::Options& large_options) noexcept;

  /// Takes a block with room for `bytes`: an MTU block where that is enough, else a 64 KiB one. An
  /// empty `mtu` pool is helped out by the `64k` pool, which is counted.
  /// Errors: pool_exhausted; invalid_size beyond a 64 KiB block with its slack.
  [[nodiscard]] core::Result<core::PooledBlock> acquire(std::size_t bytes) noexcept;

  /// The same for a piece of a request's body, which leaves `blocks_for_results` alone.
  /// Errors: likewise.
  [[nodiscard]] core::Result<core::PooledBlock> acquire_for_body(std::size_t bytes,
                                                                 bool begun) noexcept;

  /// Takes a `64k` block that a body could do without, where most of them are left; else returns
  /// none, which is no exhaustion. Cost: as `acquire_for_body`.
  [[nodiscard]] core::PooledBlock acquire_extra() noexcept;

  /// Whether a large body may begin. Cost: a lock and a walk over the threads where few are left.
  [[nodiscard]] bool has_room_for_bodies() const noexcept {
    return large_.has_available(blocks_for_results(large_.max_blocks(), false));
  }

  [[nodiscard]] core::FixedPool& mtu() noexcept { return mtu_; }
  [[nodiscard]] core::FixedPool& large() noexcept { return large_; }
  [[nodiscard]] const core::FixedPool& mtu() const noexcept { return mtu_; }
  [[nodiscard]] const core::FixedPool& large() const noexcept { return large_; }

 private:
  BlockPools(core::FixedPool mtu, core::FixedPool large) noexcept;

  core::FixedPool mtu_;
  core::FixedPool large_;
};

}  // namespace frdpu::server

#pragma once

#include <cstddef>
#include <utility>

#include "core/bytes.h"
#include "core/error.h"
#include "core/pool/magazine.h"

namespace frdpu::core {

namespace detail {
/// Brings a block home whose owner word held `owner` until now; nothing for 0, a second release.
void release_slow(BlockHeader* block, std::uintptr_t owner) noexcept;
}  // namespace detail

/// A block that is out of its pool. Move-only; gives itself back when it goes.
///
///   | header line 64 B, 32 of them `annotation()` | size() bytes of payload | slack |
///                                                 ^ data(), 64-byte aligned
///
/// Ownership: may outlive its pool. Threads: one at a time, but any: a block may be acquired on
/// one thread and released on another. Bytes are as the last user left them.
class PooledBlock {
 public:
  PooledBlock() noexcept = default;
  PooledBlock(PooledBlock&& other) noexcept
      : block_(std::exchange(other.block_, nullptr)), magazine_(apart(other.magazine_)) {}
  PooledBlock& operator=(PooledBlock&& other) noexcept {
    if (this != &other) {
      release();
      block_ = std::exchange(other.block_, nullptr);
      magazine_ = apart(other.magazine_);
    }
    return *this;
  }
  ~PooledBlock() { release(); }

  /// True while it holds a block. All calls below but `release` require it.
  [[nodiscard]] explicit operator bool() const noexcept { return block_ != nullptr; }

  [[nodiscard]] std::byte* data() const noexcept { return block_->payload(); }
  /// Payload in bytes: the pool's `block_bytes`.
  [[nodiscard]] std::size_t size() const noexcept { return magazine_->block_bytes; }
  /// Payload and the slack behind it.
  [[nodiscard]] std::size_t capacity() const noexcept { return magazine_->block_capacity; }
  /// The payload, without slack. Ownership: dies with the block.
  [[nodiscard]] MutableBytes bytes() const noexcept { return {data(), size()}; }

  static constexpr std::size_t kAnnotationBytes = 32;
  /// 32 bytes beside the payload, 8-byte aligned, for notes of whoever holds the block.
  [[nodiscard]] std::byte* annotation() const noexcept { return block_->annotation.data(); }

  /// Gives the block back; the handle is empty afterwards. Nothing happens to an empty one, or to
  /// one whose block was already given back raw.
  /// Cost: one atomic exchange, and once for half a magazine of blocks the pool's lock; on another
  /// thread than the acquiring one a look-up of its magazine too. A thread's first use of a pool
  /// allocates that magazine, and does without where there is no memory for it.
  void release() noexcept {
    if (block_ != nullptr) give_back(std::exchange(block_, nullptr), magazine_);
  }

  /// Lets go of the block without giving it back. Returns: the payload, for `attach` or
  /// `FixedPool::give_back`.
  [[nodiscard]] std::byte* detach() noexcept { return std::exchange(block_, nullptr)->payload(); }

  /// Takes over a block again. Requires: a pointer from `detach`, taken over once.
  [[nodiscard]] static PooledBlock attach(std::byte* payload) noexcept {
    detail::BlockHeader* const block = detail::BlockHeader::of(payload);
    return {block, detail::Magazine::of(block->owner.load(std::memory_order_relaxed))};
  }

  /// Sets the payload to zeros.
  void zero() noexcept;
  /// Copies bytes in or out. Errors: invalid_size when they do not lie within the payload.
  [[nodiscard]] Result<void> write_bytes(std::size_t offset, Bytes from) noexcept;
  [[nodiscard]] Result<void> read_bytes(std::size_t offset, MutableBytes into) const noexcept;
  /// Views a part. Errors: invalid_size when it does not lie within the payload.
  [[nodiscard]] Result<MutableBytes> slice(std::size_t offset, std::size_t length) const noexcept;

 private:
  friend class FixedPool;
  PooledBlock(detail::BlockHeader* block, detail::Magazine* magazine) noexcept
      : block_(block), magazine_(magazine) {}

  /// Keeps the compiler from moving both members as one vector: a handle that was just written
  /// member by member could not be forwarded to such a load (measured: 5 ns a move).
  [[nodiscard]] static detail::Magazine* apart(detail::Magazine* magazine) noexcept {
    asm("" : "+r"(magazine));
    return magazine;
  }

  [[gnu::always_inline]] static void give_back(detail::BlockHeader* block,
                                               detail::Magazine* own) noexcept {
    const std::uintptr_t owner = block->owner.exchange(0, std::memory_order_acq_rel);
    if (owner == own->tag() &&
        own->thread.load(std::memory_order_relaxed) == detail::this_thread_key()) [[likely]] {
      detail::hide_payload(block, *own);
      if (own->push(block)) [[likely]]
        return;
    }
    detail::release_slow(block, owner);
  }

  detail::BlockHeader* block_ = nullptr;
  detail::Magazine* magazine_ = nullptr;  // that counted the acquisition; lives as long as the pool
};

}  // namespace frdpu::core

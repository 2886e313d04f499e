#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "core/bytes.h"
#include "core/error.h"
#include "core/pool/pool_manager.h"

namespace frdpu::core {

/// A block with a length: bytes that are there, apart from the room that there is.
///
///   | bytes() : len() | room() | slack
///   |<-- capacity() -------->|
///
/// Nothing is ever set to zero that is about to be overwritten: bytes that `resize` adds are as
/// the last user left them.
/// Ownership: may outlive its pool. Threads: one at a time, but any.
class PooledBuffer {
 public:
  PooledBuffer() noexcept = default;
  explicit PooledBuffer(PooledBlock block) noexcept : block_(std::move(block)) {}
  PooledBuffer(PooledBuffer&& other) noexcept
      : block_(std::move(other.block_)), length_(std::exchange(other.length_, 0)) {}
  PooledBuffer& operator=(PooledBuffer&& other) noexcept {
    block_ = std::move(other.block_);
    length_ = std::exchange(other.length_, 0);
    return *this;
  }
  ~PooledBuffer() = default;

  [[nodiscard]] explicit operator bool() const noexcept { return static_cast<bool>(block_); }
  [[nodiscard]] std::size_t len() const noexcept { return length_; }
  [[nodiscard]] bool empty() const noexcept { return length_ == 0; }
  /// Returns 0 for an empty handle.
  [[nodiscard]] std::size_t capacity() const noexcept { return block_ ? block_.size() : 0; }

  /// The first `len()` bytes, and what lies behind them. Ownership: views die with the buffer.
  [[nodiscard]] MutableBytes bytes() const noexcept { return all().first(length_); }
  [[nodiscard]] MutableBytes room() const noexcept { return all().subspan(length_); }

  /// Changes the length, not the capacity. Errors: invalid_size beyond the capacity.
  [[nodiscard]] Result<void> resize(std::size_t length) noexcept;
  /// Copies bytes behind what is there. Errors: invalid_size when they do not fit; nothing is
  /// copied then.
  [[nodiscard]] Result<void> append(Bytes bytes) noexcept;
  /// Sets the length to 0.
  void clear() noexcept { length_ = 0; }

  /// Gives the memory back; the handle is empty afterwards.
  void release() noexcept {
    length_ = 0;
    block_.release();
  }

 private:
  [[nodiscard]] MutableBytes all() const noexcept {
    return block_ ? block_.bytes() : MutableBytes();
  }

  PooledBlock block_;
  std::size_t length_ = 0;
};

/// Buffers of three classes, growing as they are asked for up to a bound, shrinking when idle.
/// A request only ever chooses a class: no size that a client names becomes an allocation.
/// Life: movable; buffers may outlive it. Threads: any, but `maintain`.
class BufferPool {
 public:
  static constexpr std::size_t kSmallBytes = kKiB;
  static constexpr std::size_t kMediumBytes = 64 * kKiB;
  static constexpr std::size_t kLargeBytes = kMiB;
  static constexpr std::size_t kClasses = 3;

  struct Bounds {
    std::size_t min = 0;  ///< kept by `shrink`
    std::size_t max = 0;  ///< the most that can be out
  };
  struct Options {
    Bounds small{0, 4096};
    Bounds medium{0, 512};
    Bounds large{0, 64};
    DegradationPolicy policy{};
  };

  /// Errors: as `PoolManager::create`.
  [[nodiscard]] static Result<BufferPool> create(const Options& options,
                                                 SlabSource& source = system_slab_source());

  /// Takes an empty buffer of a class. Errors: pool_exhausted.
  [[nodiscard]] Result<PooledBuffer> get_small_buffer() noexcept { return get_buffer(kSmallBytes); }
  [[nodiscard]] Result<PooledBuffer> get_medium_buffer() noexcept {
    return get_buffer(kMediumBytes);
  }
  [[nodiscard]] Result<PooledBuffer> get_large_buffer() noexcept { return get_buffer(kLargeBytes); }

  /// Takes an empty buffer of the smallest class with room for `bytes`.
  /// Errors: invalid_size above the largest class; pool_exhausted.
  [[nodiscard]] Result<PooledBuffer> get_buffer(std::size_t bytes) noexcept;

  /// Moves what is in a buffer to one with room for `bytes`; leaves it alone where it has that.
  /// Errors: as `get_buffer`; the buffer is unchanged then. Cost: a copy.
  [[nodiscard]] Result<void> grow(PooledBuffer& buffer, std::size_t bytes) noexcept;

  /// Returns the sum of all classes, or one class, smallest first.
  [[nodiscard]] PoolStats stats() const noexcept { return pools_.total_stats(); }
  [[nodiscard]] PoolStats stats(std::size_t index) const noexcept {
    return pools_.pools()[index].stats();
  }
  [[nodiscard]] PoolStats heap_stats() const noexcept { return pools_.heap_stats(); }

  /// Gives idle memory back: above the minimum, or all of it. Returns: bytes.
  std::size_t shrink() noexcept { return pools_.shrink(); }
  std::size_t clear() noexcept;

  /// Shrinks the classes that nobody has asked since the last call. Returns: bytes given back.
  /// For a timer: the interval is how long a class must be idle. Threads: one caller.
  std::size_t maintain() noexcept;

 private:
  explicit BufferPool(PoolManager pools) noexcept : pools_(std::move(pools)) {}

  PoolManager pools_;
  std::array<std::uint64_t, kClasses> seen_acquisitions_{};
};

/// The process's own buffer pool with the default bounds, for programs that need no other.
/// The service uses none of this: it builds its pools and passes them down.
/// Life: made at the first call, never destroyed.
[[nodiscard]] BufferPool& global_buffer_pool();
[[nodiscard]] Result<PooledBuffer> get_small_buffer() noexcept;
[[nodiscard]] Result<PooledBuffer> get_medium_buffer() noexcept;
[[nodiscard]] Result<PooledBuffer> get_large_buffer() noexcept;
[[nodiscard]] Result<PooledBuffer> get_buffer(std::size_t bytes) noexcept;

}  // namespace frdpu::core

#pragma once

#include <cstddef>

#include "core/bytes.h"

/// A small heap inside one region, for libraries that allocate and free in the middle of their
/// work (brotli frees and takes its buffers again with each metablock, so that a plain arena would
/// run full). What it can hold is what the region holds; nothing comes from elsewhere.
///
///   +--------+----------------+--------+---------+--------+--------------------------+
///   | header | in use         | header | free    | header | in use               ... |
///   +--------+----------------+--------+---------+--------+--------------------------+
///
/// Blocks follow each other without gaps. A request takes the first free block that is large
/// enough and leaves the rest; a freed block grows together with free neighbours at once, so that
/// after everything was freed there is one free block again, as in the beginning.
namespace frdpu::core {

/// Invariant: block sizes add up to the region; no two free blocks are neighbours.
/// Threads: one at a time.
class RegionHeap {
 public:
  /// Bytes in front of each block, and what every address and size is a multiple of.
  static constexpr std::size_t kHeaderBytes = 16;

  /// An empty heap that can hold nothing.
  RegionHeap() noexcept = default;

  /// Requires: a 16-aligned region. Ownership: a view. Cost: O(1), touches 16 bytes.
  explicit RegionHeap(MutableBytes region) noexcept;

  /// Takes bytes, 16-aligned, not zeroed. Returns: null when no free block is large enough; the
  /// heap is as before then. Cost: a walk over the blocks, of which brotli makes some dozens.
  [[nodiscard]] void* allocate(std::size_t bytes) noexcept;

  /// Gives bytes back; null is ignored. Requires: an address from `allocate` of this heap that was
  /// not given back before.
  void deallocate(void* address) noexcept;

  /// Drops everything. Cost: O(1).
  void clear() noexcept;

  /// Bytes in use, headers included.
  [[nodiscard]] std::size_t used_bytes() const noexcept { return used_; }

  /// How far into the region blocks ever reached since the heap was made: a region of this size
  /// would have been enough for the same calls.
  [[nodiscard]] std::size_t high_water_bytes() const noexcept { return high_water_; }

  [[nodiscard]] std::size_t capacity() const noexcept { return region_.size(); }

 private:
  struct Block;

  [[nodiscard]] Block* at(std::size_t offset) const noexcept;
  [[nodiscard]] Block* after(Block* block) const noexcept;
  [[nodiscard]] std::size_t offset_of(const Block* block) const noexcept;
  void join_with_next(Block* block) noexcept;

  MutableBytes region_;
  std::size_t used_ = 0;
  std::size_t high_water_ = 0;
};

}  // namespace frdpu::core

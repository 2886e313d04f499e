#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "core/error.h"
#include "core/pool/magazine.h"
#include "core/pool/slab_source.h"

/// The home of a pool's blocks: slabs of memory, carved into blocks as they are needed, and the
/// depot of blocks that came back.
namespace frdpu::core {

/// What a pool is made of. Units: bytes of payload, numbers of blocks.
struct FixedPoolOptions {
  std::string_view name{};      ///< for statistics; copied
  std::size_t block_bytes = 0;  ///< payload; any size from 1
  std::size_t min_blocks = 0;   ///< committed at the start and kept by `shrink`
  std::size_t max_blocks = 0;   ///< the most that can be out at once
  std::size_t slack_bytes = 0;  ///< room behind the payload that codecs may overshoot into
  /// Lets thieves order the owners of magazines with membarrier(2), so that an acquisition costs
  /// no atomic read-modify-write. Off, it costs one, and no thread is ever interrupted for it.
  bool membarrier = true;
};

namespace detail {

/// How blocks lie in memory. One reservation holds everything, so that a pointer can be checked
/// by arithmetic:
///
///   | slab 0                                   | slab 1 ...
///   | header 64 B | payload + slack | pad to 64 | header | payload ... | pad to a page |
struct SlabLayout {
  std::size_t stride = 0;  ///< from one header to the next; a multiple of 64
  std::size_t blocks_per_slab = 0;
  std::size_t slab_bytes = 0;  ///< whole pages
  std::size_t slabs = 0;
  std::size_t region_bytes = 0;  ///< all slabs
  std::size_t book_bytes = 0;    ///< depot and slab records

  /// Errors: invalid_size (zero or overflowing), configuration (minimum above maximum).
  [[nodiscard]] static Result<SlabLayout> plan(const FixedPoolOptions& options) noexcept;
};

enum class SlabState : std::uint8_t {
  untouched,   ///< reserved only
  idle,        ///< committed, no block carved
  live,        ///< blocks carved
  discarding,  ///< on the way from live to idle
};

struct SlabRecord {
  SlabState state = SlabState::untouched;
  std::size_t home = 0;            ///< scratch of `begin_discard`
  std::size_t next_discarded = 0;  ///< list of the slabs under `discard`
};

/// Threads: one at a time (the pool's lock), except `find`, `taken` and `discard`.
class SlabStore {
 public:
  SlabStore(const SlabLayout& layout, std::size_t max_blocks, SlabSource& source) noexcept
      : layout_(layout), max_blocks_(max_blocks), source_(source) {}
  SlabStore(const SlabStore&) = delete;
  SlabStore& operator=(const SlabStore&) = delete;
  ~SlabStore();

  /// Reserves everything and commits the slabs of the first `min_blocks`.
  [[nodiscard]] Result<void> open(std::size_t min_blocks) noexcept;

  /// Takes up to `want` blocks: first what came home last, then fresh ones. Fresh blocks are not
  /// touched. Returns: how many; 0 when all are out, or the system has no memory for a slab.
  [[nodiscard]] std::size_t take(BlockHeader** out, std::size_t want) noexcept;

  /// Takes blocks home. Requires: blocks of this store that are out.
  void put(BlockHeader* const* blocks, std::size_t count) noexcept;

  /// Blocks that lie in the depot, and blocks that were ever carved from slabs in use: where both
  /// are equal every block is home.
  [[nodiscard]] std::size_t home() const noexcept { return home_; }
  [[nodiscard]] std::size_t carved() const noexcept { return carved_; }

  /// Blocks that are taken, in use or not. Threads: any.
  [[nodiscard]] std::size_t taken() const noexcept {
    return taken_.load(std::memory_order_relaxed);
  }

  /// Returns the header of the block with that payload, or nullptr for any other pointer.
  /// Threads: any. Cost: two divisions.
  [[nodiscard]] BlockHeader* find(const std::byte* payload) const noexcept;

  /// Takes slabs whose blocks are all home out of use, from the last, but keeps slabs for
  /// `keep_blocks`. They count as idle only after `finish_discard`. Returns: how many.
  [[nodiscard]] std::size_t begin_discard(std::size_t keep_blocks) noexcept;
  /// Gives the memory of the slabs that were taken out back. Needs no lock, takes long.
  void discard() noexcept;
  void finish_discard() noexcept;

  template <class Visitor>
  void for_each_carved(Visitor visit) noexcept {
    for (std::size_t slab = 0; slab < layout_.slabs; ++slab) {
      if (records_[slab].state != SlabState::live) continue;
      for (std::size_t i = 0; i < carved_in(slab); ++i) visit(*header(slab, i));
    }
  }

  [[nodiscard]] const SlabLayout& layout() const noexcept { return layout_; }

 private:
  [[nodiscard]] BlockHeader* header(std::size_t slab, std::size_t index) const noexcept;
  [[nodiscard]] std::size_t slab_of(const BlockHeader* block) const noexcept;
  [[nodiscard]] std::size_t capacity_of(std::size_t slab) const noexcept;
  [[nodiscard]] std::size_t carved_in(std::size_t slab) const noexcept;
  [[nodiscard]] std::size_t slabs_for(std::size_t blocks) const noexcept;
  [[nodiscard]] bool open_slab() noexcept;

  static constexpr std::size_t kNone = ~std::size_t{0};

  SlabLayout layout_;
  std::size_t max_blocks_;
  SlabSource& source_;
  std::byte* region_ = nullptr;
  std::byte* book_ = nullptr;
  BlockHeader** depot_ = nullptr;  // stack of `home_` blocks
  SlabRecord* records_ = nullptr;
  std::size_t home_ = 0;
  std::size_t carved_ = 0;
  std::atomic<std::size_t> taken_{0};  // written under the lock
  std::size_t live_slabs_ = 0;
  std::size_t first_free_ = 0;   // no slab before it is untouched or idle
  std::size_t carving_ = kNone;  // the slab that fresh blocks come from
  std::size_t carve_next_ = 0;   // its next block
  std::size_t first_discarded_ = kNone;
  std::atomic<std::size_t> committed_slabs_{0};  // the first so many can be read
};

}  // namespace detail
}  // namespace frdpu::core

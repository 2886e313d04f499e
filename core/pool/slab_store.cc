#include "core/pool/slab_store.h"

#include <algorithm>
#include <cstring>
#include <limits>

#include "core/bytes.h"

namespace frdpu::core::detail {
namespace {

// Small enough that a slab is often idle as a whole, large enough that growing is rare.
constexpr std::size_t kSlabTargetBytes = kMiB;

// A codec's window of many MiB is faster on huge pages; smaller blocks must not drag in 2 MiB.
constexpr std::size_t kHugePageWorthBytes = 8 * kMiB;

// User space of a 47-bit address space; what is asked for beyond can only be a mistake.
constexpr std::size_t kAddressSpaceBytes = std::size_t{1} << 46;

constexpr std::size_t round_up(std::size_t value, std::size_t unit) noexcept {
  return (value + unit - 1) / unit * unit;
}

}  // namespace

Result<SlabLayout> SlabLayout::plan(const FixedPoolOptions& options) noexcept {
  if (options.block_bytes == 0) return fail(Errc::invalid_size, "blocks of no bytes");
  if (options.max_blocks == 0) return fail(Errc::invalid_size, "a pool of no blocks");
  if (options.min_blocks > options.max_blocks) {
    return fail(Errc::configuration, "the minimum of blocks is above the maximum");
  }
  // Each operand is checked before it takes part in a sum or product, so that none can wrap.
  const auto too_large = [&](std::size_t value) { return value > kAddressSpaceBytes; };
  if (too_large(options.block_bytes) || too_large(options.slack_bytes) ||
      too_large(options.max_blocks)) {
    return fail(Errc::invalid_size, "the pool is larger than the address space");
  }
  SlabLayout layout;
  layout.stride = round_up(sizeof(BlockHeader) + options.block_bytes + options.slack_bytes, 64);
  // Headers a multiple of 4 KiB apart would all fall into one set of the first-level cache.
  if (layout.stride % 4096 == 0 && layout.stride < kMiB) layout.stride += 64;
  if (options.max_blocks > kAddressSpaceBytes / layout.stride) {
    return fail(Errc::invalid_size, "the pool is larger than the address space");
  }
  layout.blocks_per_slab =
      std::clamp<std::size_t>(kSlabTargetBytes / layout.stride, 1, options.max_blocks);
  layout.slab_bytes = round_up(layout.stride * layout.blocks_per_slab, page_bytes());
  layout.slabs = (options.max_blocks + layout.blocks_per_slab - 1) / layout.blocks_per_slab;
  layout.region_bytes = layout.slab_bytes * layout.slabs;
  layout.book_bytes = round_up(
      options.max_blocks * sizeof(BlockHeader*) + layout.slabs * sizeof(SlabRecord), page_bytes());
  return layout;
}

SlabStore::~SlabStore() {
  if (region_ != nullptr) {
#ifdef FRDPU_POISONS_BLOCKS
    for (std::size_t slab = 0; slab < layout_.slabs; ++slab) {
      if (records_ == nullptr || records_[slab].state == SlabState::untouched) continue;
      ASAN_UNPOISON_MEMORY_REGION(region_ + slab * layout_.slab_bytes, layout_.slab_bytes);
    }
#endif
    source_.unreserve(region_, layout_.region_bytes);
  }
  if (book_ != nullptr) source_.unreserve(book_, layout_.book_bytes);
}

Result<void> SlabStore::open(std::size_t min_blocks) noexcept {
  book_ = source_.reserve(layout_.book_bytes, false);
  if (book_ == nullptr || !source_.commit(book_, layout_.book_bytes)) {
    return fail(Errc::configuration, "the system has no memory for the pool's book");
  }
  region_ = source_.reserve(layout_.region_bytes, layout_.stride >= kHugePageWorthBytes);
  if (region_ == nullptr) {
    return fail(Errc::configuration, "the system has no address space for the pool");
  }
  depot_ = reinterpret_cast<BlockHeader**>(book_);
  // Fresh memory reads as zeros, which is `untouched`.
  records_ = reinterpret_cast<SlabRecord*>(book_ + max_blocks_ * sizeof(BlockHeader*));
  const std::size_t min_slabs = slabs_for(min_blocks);
  if (min_slabs > 0) {
    if (!source_.commit(region_, min_slabs * layout_.slab_bytes)) {
      return fail(Errc::configuration, "the system has no memory for the pool's minimum");
    }
    for (std::size_t slab = 0; slab < min_slabs; ++slab) records_[slab].state = SlabState::idle;
    committed_slabs_.store(min_slabs, std::memory_order_release);
  }
  return {};
}

BlockHeader* SlabStore::header(std::size_t slab, std::size_t index) const noexcept {
  return reinterpret_cast<BlockHeader*>(region_ + slab * layout_.slab_bytes +
                                        index * layout_.stride);
}

std::size_t SlabStore::slab_of(const BlockHeader* block) const noexcept {
  const auto offset = reinterpret_cast<const std::byte*>(block) - region_;
  return static_cast<std::size_t>(offset) / layout_.slab_bytes;
}

std::size_t SlabStore::capacity_of(std::size_t slab) const noexcept {
  return std::min(layout_.blocks_per_slab, max_blocks_ - slab * layout_.blocks_per_slab);
}

std::size_t SlabStore::carved_in(std::size_t slab) const noexcept {
  return slab == carving_ ? carve_next_ : capacity_of(slab);
}

bool SlabStore::open_slab() noexcept {
  std::size_t slab = first_free_;
  while (slab < layout_.slabs && records_[slab].state != SlabState::untouched &&
         records_[slab].state != SlabState::idle) {
    ++slab;
  }
  first_free_ = slab;
  if (slab == layout_.slabs) return false;
  if (records_[slab].state == SlabState::untouched) {
    if (!source_.commit(region_ + slab * layout_.slab_bytes, layout_.slab_bytes)) return false;
    committed_slabs_.store(slab + 1, std::memory_order_release);
  }
  records_[slab].state = SlabState::live;
  ++live_slabs_;
  carving_ = slab;
  carve_next_ = 0;
  return true;
}

std::size_t SlabStore::take(BlockHeader** out, std::size_t want) noexcept {
  std::size_t taken = std::min(want, home_);
  home_ -= taken;
  std::copy_n(depot_ + home_, taken, out);
  while (taken < want) {
    if (carving_ == kNone || carve_next_ == capacity_of(carving_)) {
      if (!open_slab()) break;
    }
    out[taken++] = header(carving_, carve_next_++);
    ++carved_;
  }
  taken_.store(taken_.load(std::memory_order_relaxed) + taken, std::memory_order_relaxed);
  return taken;
}

void SlabStore::put(BlockHeader* const* blocks, std::size_t count) noexcept {
  std::copy_n(blocks, count, depot_ + home_);
  home_ += count;
  taken_.store(taken_.load(std::memory_order_relaxed) - count, std::memory_order_relaxed);
}

BlockHeader* SlabStore::find(const std::byte* payload) const noexcept {
  const auto at = reinterpret_cast<std::uintptr_t>(payload);
  const auto begin = reinterpret_cast<std::uintptr_t>(region_);
  if (at < begin || at - begin >= layout_.region_bytes) return nullptr;
  const std::size_t offset = at - begin;
  const std::size_t slab = offset / layout_.slab_bytes;
  if (slab >= committed_slabs_.load(std::memory_order_acquire)) return nullptr;
  const std::size_t within = offset % layout_.slab_bytes;
  if (within % layout_.stride != sizeof(BlockHeader)) return nullptr;
  const std::size_t index = within / layout_.stride;
  return index < capacity_of(slab) ? header(slab, index) : nullptr;
}

std::size_t SlabStore::slabs_for(std::size_t blocks) const noexcept {
  return (blocks + layout_.blocks_per_slab - 1) / layout_.blocks_per_slab;
}

std::size_t SlabStore::begin_discard(std::size_t keep_blocks) noexcept {
  const std::size_t keep_slabs = slabs_for(std::min(keep_blocks, max_blocks_));
  for (std::size_t slab = 0; slab < layout_.slabs; ++slab) records_[slab].home = 0;
  for (std::size_t i = 0; i < home_; ++i) ++records_[slab_of(depot_[i])].home;
  std::size_t count = 0;
  for (std::size_t slab = layout_.slabs; slab-- > 0 && live_slabs_ > keep_slabs;) {
    SlabRecord& record = records_[slab];
    if (record.state != SlabState::live || record.home != carved_in(slab)) continue;
    record.state = SlabState::discarding;
    carved_ -= record.home;
    record.next_discarded = first_discarded_;
    first_discarded_ = slab;
    --live_slabs_;
    ++count;
    if (slab == carving_) carving_ = kNone;
  }
  if (count == 0) return 0;
  BlockHeader** const kept = std::remove_if(depot_, depot_ + home_, [&](BlockHeader* block) {
    return records_[slab_of(block)].state == SlabState::discarding;
  });
  home_ = static_cast<std::size_t>(kept - depot_);
  return count;
}

void SlabStore::discard() noexcept {
  for (std::size_t slab = first_discarded_; slab != kNone; slab = records_[slab].next_discarded) {
    source_.discard(region_ + slab * layout_.slab_bytes, layout_.slab_bytes);
  }
}

void SlabStore::finish_discard() noexcept {
  for (std::size_t slab = first_discarded_; slab != kNone; slab = records_[slab].next_discarded) {
    records_[slab].state = SlabState::idle;
    first_free_ = std::min(first_free_, slab);
  }
  first_discarded_ = kNone;
}

}  // namespace frdpu::core::detail

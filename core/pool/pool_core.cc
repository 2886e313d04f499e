#include "core/pool/pool_core.h"

#include <algorithm>
#include <new>
#include <thread>
#include <utility>

#include "core/bytes.h"

namespace frdpu::core::detail {
namespace {

// A thread's stock of one pool: at most this much memory, so that 64 KiB blocks go in batches too
// and nobody sits on a codec's window.
constexpr std::size_t kMagazineBytes = 2 * kMiB;

// All magazines together should not hold a pool that is small.
constexpr std::size_t kBlocksPerSlot = 4;

std::size_t magazine_capacity(const FixedPoolOptions& options, std::size_t stride) noexcept {
  const std::size_t slots =
      std::min({static_cast<std::size_t>(Magazine::kSlots), kMagazineBytes / stride,
                options.max_blocks / kBlocksPerSlot});
  return slots < 2 ? 0 : static_cast<std::int32_t>(slots);
}

}  // namespace

PoolCore::PoolCore(const FixedPoolOptions& options, const SlabLayout& layout,
                   SlabSource& source) noexcept
    : options_(options),
      source_(source),
      magazine_capacity_(magazine_capacity(options, layout.stride)),
      store_(layout, options.max_blocks, source) {
  for (auto& entry : table_) entry.store(&shared_, std::memory_order_relaxed);
  const std::size_t length = std::min(options.name.size(), name_.size());
  std::copy_n(options.name.data(), length, name_.data());
  options_.name = {name_.data(), length};
  set_up(shared_);
}

PoolCore::~PoolCore() {
  while (magazines_ != nullptr) {
    Magazine* const magazine = std::exchange(magazines_, magazines_->next);
    magazine->~Magazine();
    source_.free_record(magazine);
  }
}

Result<PoolCore*> PoolCore::create(const FixedPoolOptions& options, SlabSource& source) noexcept {
  const Result<SlabLayout> layout = SlabLayout::plan(options);
  if (!layout) return std::unexpected(layout.error());
  PoolCore* const core = new (std::nothrow) PoolCore(options, *layout, source);
  if (core == nullptr) return fail(Errc::configuration, "no memory for the pool itself");
  if (const Result<void> opened = core->store_.open(options.min_blocks); !opened) {
    delete core;
    return std::unexpected(opened.error());
  }
  add_thread_exit_listener(*core);
  return core;
}

void PoolCore::close() noexcept {
  remove_thread_exit_listener(*this);
  std::unique_lock lock(mutex_);
  const std::size_t carved = store_.carved();
  if (blocks_at_home() == carved) {
    lock.unlock();
    delete this;
    return;
  }
  // Mark what is out, so that its release comes to orphan_came_home. The bias keeps the count from
  // reaching zero before it is complete.
  const std::size_t bias = carved + 1;
  orphans_.store(bias, std::memory_order_release);
  std::size_t out = 0;
  store_.for_each_carved([&](BlockHeader& block) {
    std::uintptr_t owner = block.owner.load(std::memory_order_relaxed);
    while (owner != 0 && !block.owner.compare_exchange_weak(owner, owner | BlockHeader::kOrphan,
                                                            std::memory_order_acq_rel)) {
    }
    if (owner != 0) ++out;
  });
  // The others are home or on their way into a magazine: a releasing thread is between two steps.
  while (blocks_at_home() + out != carved) {
    lock.unlock();
    std::this_thread::yield();
    lock.lock();
  }
  lock.unlock();
  if (orphans_.fetch_sub(bias - out, std::memory_order_acq_rel) == bias - out) delete this;
}

void PoolCore::orphan_came_home() noexcept {
  if (orphans_.fetch_sub(1, std::memory_order_acq_rel) == 1) delete this;
}

void PoolCore::set_up(Magazine& magazine) noexcept {
  magazine.home = this;
  magazine.block_bytes = options_.block_bytes;
  magazine.block_capacity = options_.block_bytes + options_.slack_bytes;
  magazine.asymmetric = options_.membarrier && asymmetric_fences();
#ifdef FRDPU_POISONS_BLOCKS
  magazine.poisons = true;
#endif
}

Magazine* PoolCore::find_magazine(std::uintptr_t key) const noexcept {
  for (std::size_t probe = 0; probe < kProbes; ++probe) {
    Magazine* const at = table_[(hash(key) + probe) % kTableSize].load(std::memory_order_acquire);
    if (at == &shared_) break;
    if (at->thread.load(std::memory_order_relaxed) == key) return at;
  }
  return nullptr;
}

Magazine* PoolCore::find_or_add_magazine() noexcept {
  const std::uintptr_t key = this_thread_key();
  if (Magazine* const found = find_magazine(key)) return found;
  if (magazine_capacity_ == 0 || !watch_this_thread()) return nullptr;
  const std::lock_guard lock(mutex_);
  for (std::size_t probe = 0; probe < kProbes; ++probe) {
    std::atomic<Magazine*>& entry = table_[(hash(key) + probe) % kTableSize];
    Magazine* magazine = entry.load(std::memory_order_relaxed);
    const bool vacant =
        magazine != &shared_ && magazine->thread.load(std::memory_order_relaxed) == 0;
    if (magazine != &shared_ && !vacant) continue;
    if (!vacant) {
      void* const record = source_.allocate_record(sizeof(Magazine));
      if (record == nullptr) return nullptr;
      magazine = new (record) Magazine;
      set_up(*magazine);
      magazine->room_end.store(magazine_capacity_, std::memory_order_relaxed);
      magazine->next = magazines_;
      magazines_ = magazine;
    }
    magazine->thread.store(key, std::memory_order_relaxed);
    entry.store(magazine, std::memory_order_release);
    update_peak();
    return magazine;
  }
  return nullptr;
}

void PoolCore::thread_exits(std::uintptr_t key) noexcept {
  Magazine* const own = find_magazine(key);
  if (own == nullptr) return;
  const std::lock_guard lock(mutex_);
  std::array<BlockHeader*, Magazine::kSlots> blocks;
  store_.put(blocks.data(), own->unload(blocks.data(), blocks.size()));
  own->thread.store(0, std::memory_order_relaxed);
  update_peak();
}

BlockHeader* PoolCore::acquire_slow() noexcept {
  Magazine* const own = find_or_add_magazine();
  bool within_allowance = true;
  BlockHeader* block = own != nullptr ? own->pop(within_allowance) : nullptr;
  if (block != nullptr) {
    if (!within_allowance) look_at_peak();
  } else {
    std::unique_lock lock(mutex_);
    block = take_counted(own);
    while (block == nullptr && discarding_) {
      // Idle slabs are on their way to the system and back: they can be had in a moment.
      lock.unlock();
      { const std::lock_guard wait(shrink_mutex_); }
      lock.lock();
      block = take_counted(own);
    }
    if (block == nullptr) {
      ++exhaustions_;
      return nullptr;
    }
  }
  Magazine& counted_by = own != nullptr ? *own : shared_;
  block->owner.store(counted_by.tag(), std::memory_order_relaxed);
  show_payload(block, counted_by);
  return block;
}

BlockHeader* PoolCore::take_counted(Magazine* own) noexcept {
  std::array<BlockHeader*, Magazine::kSlots> batch;
  const std::size_t want = own != nullptr ? magazine_capacity_ / 2 : 1;
  std::size_t count = own != nullptr ? own->size() : 0;
  while (count == 0) {
    // Nothing anywhere proves exhaustion only if nothing came home while we looked.
    const std::uint64_t releases = sum_releases();
    count = store_.take(batch.data(), want);
    if (count == 0) count = steal(batch.data(), own);
    if (count == 0 && sum_releases() == releases) return nullptr;
    if (own != nullptr) own->refill(batch.data(), count);
  }
  if (own != nullptr) {
    bool within_allowance = true;
    BlockHeader* const block = own->pop(within_allowance);
    if (!within_allowance) update_peak();
    return block;
  }
  BlockHeader* const block = batch[--count];
  store_.put(batch.data(), count);
  shared_.acquisitions.fetch_add(1, std::memory_order_relaxed);
  update_peak();
  return block;
}

std::size_t PoolCore::steal(BlockHeader** out, const Magazine* own) noexcept {
  for (Magazine* victim = magazines_; victim != nullptr; victim = victim->next) {
    if (victim == own) continue;
    if (const std::size_t count = victim->steal(out, false); count > 0) return count;
  }
  return 0;
}

void PoolCore::come_home(BlockHeader* block, std::uintptr_t owner) noexcept {
  if ((owner & BlockHeader::kOrphan) != 0) return orphan_came_home();
  hide_payload(block, shared_);
  Magazine* const own = find_or_add_magazine();
  if (own != nullptr && own->push(block)) return;
  const std::lock_guard lock(mutex_);
  if (own != nullptr) {
    std::array<BlockHeader*, Magazine::kSlots> older;
    store_.put(older.data(), own->unload(older.data(), (magazine_capacity_ + 1) / 2));
    if (own->push(block)) return;
  }
  shared_.releases.fetch_add(1, std::memory_order_relaxed);
  store_.put(&block, 1);
}

Result<BlockHeader*> PoolCore::claim_release(std::byte* payload, std::uintptr_t& owner) noexcept {
  BlockHeader* const block = store_.find(payload);
  if (block == nullptr) return fail(Errc::foreign_block, "the pool did not hand out this block");
  owner = block->owner.exchange(0, std::memory_order_acq_rel);
  if (owner == 0) return fail(Errc::double_release, "the block is home already");
  return block;
}

std::size_t PoolCore::shrink(std::size_t keep_blocks) noexcept {
  const std::lock_guard one_at_a_time(shrink_mutex_);
  std::size_t slabs = 0;
  {
    const std::lock_guard lock(mutex_);
    std::array<BlockHeader*, Magazine::kSlots> blocks;
    for (Magazine* at = magazines_; at != nullptr; at = at->next) {
      store_.put(blocks.data(), at->steal(blocks.data(), true));
    }
    slabs = store_.begin_discard(keep_blocks);
    discarding_ = slabs > 0;
  }
  if (slabs == 0) return 0;
  store_.discard();
  const std::lock_guard lock(mutex_);
  store_.finish_discard();
  discarding_ = false;
  return slabs * store_.layout().slab_bytes;
}

}  // namespace frdpu::core::detail

#include "core/pool/heap_blocks.h"

#include <algorithm>
#include <mutex>
#include <new>

namespace frdpu::core {

// Deletes itself when the handle is gone and the last block is home.
class HeapBlocks::State final : public detail::BlockHome {
 public:
  State(const FixedPoolOptions& options, SlabSource& source) noexcept : source_(source) {
    magazine_.home = this;
    magazine_.block_bytes = options.block_bytes;
    magazine_.block_capacity = options.block_bytes + options.slack_bytes;
    stats_.pool = "heap";
    stats_.block_bytes = options.block_bytes;
    stats_.blocks = options.max_blocks;
  }
  virtual ~State() = default;

  [[nodiscard]] detail::BlockHeader* acquire() noexcept {
    const std::lock_guard lock(mutex_);
    void* const record =
        stats_.in_use < stats_.blocks
            ? source_.allocate_record(sizeof(detail::BlockHeader) + magazine_.block_capacity)
            : nullptr;
    if (record == nullptr) {
      ++stats_.exhaustions;
      return nullptr;
    }
    ++stats_.acquisitions;
    stats_.peak = std::max(stats_.peak, ++stats_.in_use);
    auto* const block = new (record) detail::BlockHeader;
    block->owner.store(magazine_.tag(), std::memory_order_relaxed);
    return block;
  }

  void come_home(detail::BlockHeader* block, std::uintptr_t) noexcept override {
    source_.free_record(block);
    std::unique_lock lock(mutex_);
    ++stats_.releases;
    --stats_.in_use;
    end_if_done(lock);
  }

  void close() noexcept {
    std::unique_lock lock(mutex_);
    closed_ = true;
    end_if_done(lock);
  }

  [[nodiscard]] PoolStats stats() noexcept {
    const std::lock_guard lock(mutex_);
    PoolStats stats = stats_;
    stats.available = stats.blocks - stats.in_use;
    return stats;
  }

  void reset_stats() noexcept {
    const std::lock_guard lock(mutex_);
    stats_.peak = stats_.in_use;
    stats_.acquisitions = stats_.releases = stats_.exhaustions = 0;
  }

 private:
  void end_if_done(std::unique_lock<std::mutex>& lock) noexcept {
    if (!closed_ || stats_.in_use > 0) return;
    lock.unlock();
    delete this;
  }

  SlabSource& source_;
  detail::Magazine magazine_;  // stands for "the heap" in the blocks' owner words
  std::mutex mutex_;
  PoolStats stats_;
  bool closed_ = false;
};

Result<HeapBlocks> HeapBlocks::create(const FixedPoolOptions& options,
                                      SlabSource& source) noexcept {
  FixedPoolOptions checked = options;
  checked.min_blocks = 0;
  checked.max_blocks = std::max<std::size_t>(options.max_blocks, 1);
  const Result<detail::SlabLayout> layout = detail::SlabLayout::plan(checked);
  if (!layout) return std::unexpected(layout.error());
  State* const state = new (std::nothrow) State(options, source);
  if (state == nullptr) return fail(Errc::configuration, "no memory for the heap's books");
  return HeapBlocks(state);
}

void HeapBlocks::Closer::operator()(State* state) const noexcept {
  state->close();
}

Result<PooledBlock> HeapBlocks::acquire() noexcept {
  detail::BlockHeader* const block = state_->acquire();
  if (block == nullptr) {
    return fail(Errc::pool_exhausted, "the heap may not, or cannot, help out");
  }
  return PooledBlock::attach(block->payload());
}

PoolStats HeapBlocks::stats() const noexcept {
  return state_->stats();
}

void HeapBlocks::reset_stats() noexcept {
  state_->reset_stats();
}

}  // namespace frdpu::core

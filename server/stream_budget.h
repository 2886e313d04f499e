#pragma once

#include <atomic>
#include <cstddef>

namespace frdpu::server {

/// Says how many `64k` blocks streams may keep for clients that read late, so that those who keep
/// much can't starve those who need one block. It counts promises; the blocks come from the pool.
/// Threads: any. Cost: one atomic operation.
class StreamBudget {
 public:
  /// `blocks`: capacity of the pool. A sixteenth, at least 8, stays for ordinary requests.
  explicit StreamBudget(std::size_t blocks) noexcept {
    const std::size_t reserve = blocks / 16 > 8 ? blocks / 16 : 8;
    limit_ = blocks > reserve ? blocks - reserve : 0;
  }

  /// Promises `blocks` more. Returns false, with nothing promised, when that is too many.
  [[nodiscard]] bool reserve(std::size_t blocks) noexcept {
    std::size_t before = promised_.load(std::memory_order_relaxed);
    do {
      if (blocks > limit_ || before > limit_ - blocks) return false;
    } while (!promised_.compare_exchange_weak(before, before + blocks, std::memory_order_relaxed));
    return true;
  }

  void give_back(std::size_t blocks) noexcept {
    promised_.fetch_sub(blocks, std::memory_order_relaxed);
  }

  [[nodiscard]] std::size_t limit() const noexcept { return limit_; }
  [[nodiscard]] std::size_t promised() const noexcept {
    return promised_.load(std::memory_order_relaxed);
  }

 private:
  std::size_t limit_ = 0;
  std::atomic<std::size_t> promised_{0};
};

}  // namespace frdpu::server

#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>

#include "server/block_pools.h"

namespace frdpu::server {

/// Says how many `64k` blocks streams may keep for clients that read late, so that those who keep
/// much can't starve those who need one block. It counts promises; the blocks come from the pool.
/// Who found no room stands in line, and who comes later and asks for as much or more joins it:
/// else a few would wait until they are refused while others are served at once. Who asks for less
/// may pass, and so may who fits in where others in line do not: nobody large holds up the small.
/// Threads: any. Cost: an atomic operation, and a few loads.
class StreamBudget {
 public:
  /// `blocks`: capacity of the pool. A sixteenth stays for ordinary requests, beside what bodies
  /// leave alone to begin; 8 at least.
  explicit StreamBudget(std::size_t blocks) noexcept {
    const std::size_t reserve =
        std::max<std::size_t>(blocks_for_results(blocks, false) + blocks / 16, 8);
    limit_ = blocks > reserve ? blocks - reserve : 0;
  }

  /// Promises `blocks` more, to somebody who need not mind the line or stands in it.
  /// Returns: false, with nothing promised, when that is too many.
  [[nodiscard]] bool reserve(std::size_t blocks) noexcept {
    std::size_t before = promised_.load(std::memory_order_relaxed);
    do {
      if (blocks > limit_ || before > limit_ - blocks) return false;
    } while (!promised_.compare_exchange_weak(before, before + blocks, std::memory_order_relaxed));
    return true;
  }

  /// For who comes new: whether somebody waits for as much, about, or for less.
  [[nodiscard]] bool has_line(std::size_t blocks) const noexcept {
    const auto ahead = std::span(waiting_).first(class_of(blocks) + 1);
    return std::ranges::any_of(
        ahead, [](const auto& count) { return count.load(std::memory_order_relaxed) > 0; });
  }
  void join_line(std::size_t blocks) noexcept {
    waiting_[class_of(blocks)].fetch_add(1, std::memory_order_relaxed);
  }
  void leave_line(std::size_t blocks) noexcept {
    waiting_[class_of(blocks)].fetch_sub(1, std::memory_order_relaxed);
  }

  void give_back(std::size_t blocks) noexcept {
    promised_.fetch_sub(blocks, std::memory_order_relaxed);
  }

  [[nodiscard]] std::size_t limit() const noexcept { return limit_; }
  [[nodiscard]] std::size_t promised() const noexcept {
    return promised_.load(std::memory_order_relaxed);
  }

 private:
  // By powers of two.
  static constexpr std::size_t kClasses = 17;
  static std::size_t class_of(std::size_t blocks) noexcept {
    return std::min<std::size_t>(static_cast<std::size_t>(std::bit_width(blocks)), kClasses - 1);
  }

  std::size_t limit_ = 0;
  std::atomic<std::size_t> promised_{0};
  std::array<std::atomic<std::uint32_t>, kClasses> waiting_{};
};

}  // namespace frdpu::server

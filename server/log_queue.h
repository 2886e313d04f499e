#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <string_view>

namespace frdpu::server {

/// Lines on their way to the log's writing thread: a ring of bytes of fixed size. When it is full
/// the oldest lines go, and are counted: nobody who logs ever waits for who reads.
///
///   ring   | ...free... | line\n line\n line\n ...  | ...free... |
///                         ^ begin_ (oldest)         ^ begin_ + used_
///
/// Threads: `push` and `dropped` any, `take` one. Cost of `push`: a lock for the length of a copy,
/// no allocation; it wakes the writer when that sleeps, else at most when the ring is half full.
class LogQueue {
 public:
  explicit LogQueue(std::size_t bytes);

  /// Queues a line. Requires: one line break, at its end. A line longer than the ring is dropped.
  void push(std::string_view line) noexcept;

  /// Waits for lines, then moves whole ones out, oldest first, as many as fit. After lines were
  /// taken it lets some more gather before it takes again, unless the ring fills up.
  /// Requires: room for the longest line. Returns: their bytes; 0 once stopped and empty.
  [[nodiscard]] std::size_t take(std::span<char> room);

  /// Lets `take` empty the ring without waiting, and then end.
  void stop() noexcept;

  /// Returns how many lines were dropped.
  [[nodiscard]] std::uint64_t dropped() const noexcept {
    return dropped_.load(std::memory_order_relaxed);
  }

 private:
  void drop_oldest() noexcept;
  [[nodiscard]] std::size_t copy_out(std::span<char> room) noexcept;

  const std::size_t capacity_;
  const std::unique_ptr<char[]> ring_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::size_t begin_ = 0;
  std::size_t used_ = 0;
  bool sleeping_ = false;  // take() waits for any line
  bool gather_ = false;    // lines were taken just now
  bool stopped_ = false;
  std::atomic<std::uint64_t> dropped_{0};
};

}  // namespace frdpu::server

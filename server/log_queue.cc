#include "server/log_queue.h"

#include <algorithm>
#include <chrono>
#include <cstring>

namespace frdpu::server {
namespace {

// How long lines gather while there is a stream of them. A person does not notice, and a thousand
// lines a second cost 50 wake-ups instead of a thousand.
constexpr auto kGather = std::chrono::milliseconds(20);

}  // namespace

LogQueue::LogQueue(std::size_t bytes)
    : capacity_(bytes), ring_(std::make_unique_for_overwrite<char[]>(bytes)) {}

void LogQueue::push(std::string_view line) noexcept {
  bool wake = false;
  {
    const std::lock_guard lock(mutex_);
    if (line.size() > capacity_) {
      dropped_.fetch_add(1, std::memory_order_relaxed);
      return;
    }
    while (capacity_ - used_ < line.size()) drop_oldest();
    const std::size_t at = (begin_ + used_) % capacity_;
    const std::size_t first = std::min(line.size(), capacity_ - at);
    std::memcpy(ring_.get() + at, line.data(), first);
    std::memcpy(ring_.get(), line.data() + first, line.size() - first);
    const bool was_half_full = used_ > capacity_ / 2;
    used_ += line.size();
    wake = sleeping_ || (!was_half_full && used_ > capacity_ / 2);
  }
  if (wake) changed_.notify_one();
}

std::size_t LogQueue::take(std::span<char> room) {
  std::unique_lock lock(mutex_);
  if (gather_) {
    changed_.wait_for(lock, kGather, [this] { return stopped_ || used_ > capacity_ / 2; });
  }
  sleeping_ = true;
  changed_.wait(lock, [this] { return stopped_ || used_ > 0; });
  sleeping_ = false;
  const std::size_t bytes = copy_out(room);
  // What did not fit is due already.
  gather_ = used_ == 0;
  return bytes;
}

void LogQueue::stop() noexcept {
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
  }
  changed_.notify_one();
}

void LogQueue::drop_oldest() noexcept {
  const std::size_t first = std::min(used_, capacity_ - begin_);
  const char* const from = ring_.get() + begin_;
  const void* end = std::memchr(from, '\n', first);
  std::size_t bytes = 0;
  if (end != nullptr) {
    bytes = static_cast<std::size_t>(static_cast<const char*>(end) - from) + 1;
  } else {
    end = std::memchr(ring_.get(), '\n', used_ - first);
    bytes = first + static_cast<std::size_t>(static_cast<const char*>(end) - ring_.get()) + 1;
  }
  begin_ = (begin_ + bytes) % capacity_;
  used_ -= bytes;
  dropped_.fetch_add(1, std::memory_order_relaxed);
}

std::size_t LogQueue::copy_out(std::span<char> room) noexcept {
  const std::size_t most = std::min(used_, room.size());
  const std::size_t first = std::min(most, capacity_ - begin_);
  std::memcpy(room.data(), ring_.get() + begin_, first);
  std::memcpy(room.data() + first, ring_.get(), most - first);
  const std::size_t bytes = std::string_view(room.data(), most).rfind('\n') + 1;
  begin_ = (begin_ + bytes) % capacity_;
  used_ -= bytes;
  return bytes;
}

}  // namespace frdpu::server

#include "server/dictionary_memory.h"

#include <algorithm>
#include <cassert>
#include <new>

namespace frdpu::server {

bool DictionaryMemory::take(std::uint64_t bytes) noexcept {
  std::uint64_t before = in_use_bytes_;
  do {
    if (bytes > limit_bytes_ || before > limit_bytes_ - bytes) return false;
  } while (!in_use_bytes_.compare_exchange_weak(before, before + bytes));
  return true;
}

core::Result<void> CountedBytes::append(core::Bytes more, std::size_t most) noexcept {
  assert(more.size() <= most && bytes_.size() <= most - more.size());
  const std::size_t size = bytes_.size() + more.size();
  if (size > counted_) {
    const auto moved = move_to(std::min(most, std::max(size, 2 * counted_)));
    if (!moved) return moved;
  }
  bytes_.insert(bytes_.end(), more.begin(), more.end());  // within its capacity
  return {};
}

core::Result<void> CountedBytes::move_to(std::size_t room) noexcept {
  if (room == counted_) return {};
  if (!memory_->take(room)) {
    return core::fail(core::Errc::overloaded,
                      "Dictionaries that were replaced or are being received take all the memory.");
  }
  try {
    std::vector<std::byte> moved;
    moved.reserve(room);
    moved.assign(bytes_.begin(), bytes_.end());
    bytes_.swap(moved);
  } catch (const std::bad_alloc&) {
    memory_->give_back(room);
    return core::fail(core::Errc::overloaded, "There is no memory for a dictionary.");
  }
  memory_->give_back(std::exchange(counted_, room));
  return {};
}

}  // namespace frdpu::server

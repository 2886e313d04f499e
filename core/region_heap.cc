#include "core/region_heap.h"

#include <algorithm>
#include <new>

namespace frdpu::core {

// Both sizes include the header; the one before lets a freed block find its neighbour.
struct RegionHeap::Block {
  std::size_t size_and_used;
  std::size_t size_before;

  [[nodiscard]] bool used() const noexcept { return (size_and_used & 1) != 0; }
  [[nodiscard]] std::size_t size() const noexcept { return size_and_used & ~std::size_t{1}; }
};

RegionHeap::RegionHeap(MutableBytes region) noexcept
    : region_(region.first(region.size() / kHeaderBytes * kHeaderBytes)) {
  static_assert(sizeof(Block) == kHeaderBytes);
  clear();
}

void RegionHeap::clear() noexcept {
  used_ = 0;
  if (!region_.empty()) ::new (static_cast<void*>(region_.data())) Block{region_.size(), 0};
}

RegionHeap::Block* RegionHeap::at(std::size_t offset) const noexcept {
  return std::launder(reinterpret_cast<Block*>(region_.data() + offset));
}

RegionHeap::Block* RegionHeap::after(Block* block) const noexcept {
  const std::size_t end = offset_of(block) + block->size();
  return end == region_.size() ? nullptr : at(end);
}

std::size_t RegionHeap::offset_of(const Block* block) const noexcept {
  return static_cast<std::size_t>(reinterpret_cast<const std::byte*>(block) - region_.data());
}

void* RegionHeap::allocate(std::size_t bytes) noexcept {
  if (bytes > region_.size()) return nullptr;
  const std::size_t wanted =
      (std::max<std::size_t>(bytes, 1) + 2 * kHeaderBytes - 1) / kHeaderBytes * kHeaderBytes;
  for (std::size_t offset = 0; offset != region_.size(); offset += at(offset)->size()) {
    Block* const block = at(offset);
    if (block->used() || block->size() < wanted) continue;
    if (const std::size_t rest = block->size() - wanted; rest != 0) {
      Block* const next = after(block);
      ::new (static_cast<void*>(region_.data() + offset + wanted)) Block{rest, wanted};
      if (next != nullptr) next->size_before = rest;
    }
    block->size_and_used = wanted | 1;
    used_ += wanted;
    high_water_ = std::max(high_water_, offset + wanted);
    return region_.data() + offset + kHeaderBytes;
  }
  return nullptr;
}

void RegionHeap::deallocate(void* address) noexcept {
  if (address == nullptr) return;
  const auto offset =
      static_cast<std::size_t>(static_cast<std::byte*>(address) - region_.data()) - kHeaderBytes;
  Block* block = at(offset);
  used_ -= block->size();
  block->size_and_used = block->size();
  join_with_next(block);
  if (offset == 0) return;
  if (Block* const before = at(offset - block->size_before); !before->used()) {
    join_with_next(before);
  }
}

// Also tells the neighbour behind that the size in front of it has changed.
void RegionHeap::join_with_next(Block* block) noexcept {
  if (Block* const next = after(block); next != nullptr && !next->used()) {
    block->size_and_used = block->size() + next->size();
  }
  if (Block* const next = after(block); next != nullptr) next->size_before = block->size();
}

}  // namespace frdpu::core

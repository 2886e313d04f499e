#include "core/workspace.h"

#include <algorithm>
#include <limits>

namespace frdpu::core {
namespace {

// Bound to the address, so that a copied region is never taken for a prepared one.
std::uint64_t magic_at(const void* address) noexcept {
  return 0x6b72'6f77'7570'6472ULL ^ reinterpret_cast<std::uintptr_t>(address);
}

}  // namespace

Result<Workspace*> Workspace::open(MutableBytes region) noexcept {
  const auto address = reinterpret_cast<std::uintptr_t>(region.data());
  if (region.size() < kHeaderBytes || address % alignof(Workspace) != 0) {
    return fail(Errc::invalid_size, "a workspace needs an aligned region with room for its header");
  }
  auto* found = std::launder(reinterpret_cast<Workspace*>(region.data()));
  if (found->magic_ == magic_at(found) && found->capacity_ == region.size()) return found;
  auto* made = ::new (static_cast<void*>(region.data())) Workspace(region.size());
  made->magic_ = magic_at(made);
  return made;
}

void Workspace::clear() noexcept {
  sealed_ = false;
  used_ = seal_ = kHeaderBytes;
  latest_ = 0;
  refused_ = 0;
}

void Workspace::seal(const PreparedFor& key) noexcept {
  key_ = key;
  seal_ = used_;
  latest_ = 0;
  sealed_ = true;
}

void* Workspace::allocate(std::size_t bytes, std::size_t alignment) noexcept {
  const std::size_t begin = (used_ + alignment - 1) & ~(alignment - 1);
  if (begin > capacity_ || bytes > capacity_ - begin) {
    refused_ = std::max(refused_, bytes);
    return nullptr;
  }
  latest_ = begin;
  used_ = begin + bytes;
  peak_ = std::max(peak_, used_);
  return reinterpret_cast<std::byte*>(this) + begin;
}

void Workspace::deallocate(void* address) noexcept {
  if (latest_ == 0 || address != reinterpret_cast<std::byte*>(this) + latest_) return;
  used_ = latest_;
  latest_ = 0;
}

MutableBytes Workspace::free_bytes() noexcept {
  const std::size_t begin = std::min((used_ + 63) & ~std::size_t{63}, capacity_);
  return {reinterpret_cast<std::byte*>(this) + begin, capacity_ - begin};
}

void* Workspace::zlib_alloc(void* opaque, unsigned items, unsigned bytes_each) noexcept {
  const std::uint64_t bytes = std::uint64_t{items} * bytes_each;
  if (bytes > std::numeric_limits<std::size_t>::max()) return nullptr;
  return hook_alloc(opaque, static_cast<std::size_t>(bytes));
}

void* Workspace::hook_alloc(void* opaque, std::size_t bytes) noexcept {
  return static_cast<Workspace*>(opaque)->allocate(bytes);
}

void Workspace::hook_free(void* opaque, void* address) noexcept {
  static_cast<Workspace*>(opaque)->deallocate(address);
}

}  // namespace frdpu::core

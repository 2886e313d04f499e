#pragma once

#include <utility>

#include "core/pool/pooled_block.h"

namespace frdpu::core {

/// An object that lives in a leased block: destroys it, then gives the block back.
/// Move-only. Threads: as the object's. Ownership: must not outlive what the object itself points
/// to.
template <class T>
class Leased {
 public:
  Leased() noexcept = default;

  /// Requires: `object` was placed in `block`.
  Leased(T* object, PooledBlock block) noexcept : object_(object), block_(std::move(block)) {}

  Leased(Leased&& other) noexcept
      : object_(std::exchange(other.object_, nullptr)), block_(std::move(other.block_)) {}
  Leased& operator=(Leased&& other) noexcept {
    if (this != &other) {
      reset();
      object_ = std::exchange(other.object_, nullptr);
      block_ = std::move(other.block_);
    }
    return *this;
  }
  ~Leased() { reset(); }

  /// True while it holds an object.
  [[nodiscard]] explicit operator bool() const noexcept { return object_ != nullptr; }
  [[nodiscard]] T* get() const noexcept { return object_; }
  [[nodiscard]] T& operator*() const noexcept { return *object_; }
  [[nodiscard]] T* operator->() const noexcept { return object_; }

  /// Destroys the object and gives the block back.
  void reset() noexcept { take_block().release(); }

  /// Destroys the object and hands over its block, to place another one in it.
  [[nodiscard]] PooledBlock take_block() noexcept {
    if (object_ != nullptr) std::exchange(object_, nullptr)->~T();
    return std::move(block_);
  }

 private:
  T* object_ = nullptr;
  PooledBlock block_;
};

}  // namespace frdpu::core

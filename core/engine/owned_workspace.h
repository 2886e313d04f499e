#pragma once

#include <cstddef>
#include <memory>
#include <new>
#include <utility>

#include "core/bytes.h"
#include "core/workspace.h"

/// Heap memory for a codec of those who embed the library without pools. The service leases its
/// workspaces instead.
namespace frdpu::core {

/// A 64-aligned region that only grows. Ownership: owns the memory. Threads: one at a time.
class OwnedWorkspace {
 public:
  /// Returns at least `bytes` of memory; what it held before is lost when it had to grow.
  /// Cost: allocates when the region is too small; throws std::bad_alloc as `new` does.
  [[nodiscard]] MutableBytes reserve(std::size_t bytes) {
    if (bytes > size_) {
      memory_.reset(static_cast<std::byte*>(::operator new(bytes, kAlignment)));
      size_ = bytes;
      Workspace::format({memory_.get(), size_});
    }
    return {memory_.get(), bytes};
  }

 private:
  static constexpr std::align_val_t kAlignment{64};
  struct Free {
    void operator()(std::byte* memory) const noexcept { ::operator delete(memory, kAlignment); }
  };
  std::unique_ptr<std::byte, Free> memory_;
  std::size_t size_ = 0;
};

/// A codec placed in its own workspace. Move-only; ends the codec before its memory.
template <class T>
class OwnedCodec {
 public:
  OwnedCodec() = default;
  OwnedCodec(OwnedCodec&& other) noexcept
      : workspace_(std::move(other.workspace_)), codec_(std::exchange(other.codec_, nullptr)) {}
  OwnedCodec& operator=(OwnedCodec&& other) noexcept {
    reset();
    workspace_ = std::move(other.workspace_);
    codec_ = std::exchange(other.codec_, nullptr);
    return *this;
  }
  ~OwnedCodec() { reset(); }

  /// Ends the codec; its memory is kept for the next. Returns: that memory.
  [[nodiscard]] MutableBytes vacate(std::size_t bytes) {
    reset();
    return workspace_.reserve(bytes);
  }
  /// Takes a codec that was placed in the memory from `vacate`.
  void adopt(T* codec) noexcept { codec_ = codec; }
  void reset() noexcept {
    if (codec_ != nullptr) std::destroy_at(std::exchange(codec_, nullptr));
  }

  [[nodiscard]] T* get() const noexcept { return codec_; }
  explicit operator bool() const noexcept { return codec_ != nullptr; }
  T* operator->() const noexcept { return codec_; }

 private:
  OwnedWorkspace workspace_;
  T* codec_ = nullptr;
};

}  // namespace frdpu::core

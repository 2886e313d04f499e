#pragma once

#include <boost/asio/bind_allocator.hpp>
#include <cstddef>
#include <new>
#include <utility>

/// Memory for one outstanding Asio operation, kept inside the object that waits. Asio's own
/// recycler holds two blocks a thread, so with many connections suspended at once it goes to the
/// heap; a connection that brings its own memory never does (figures: DESIGN.md, "server").
namespace frdpu::server {

/// Room for one operation. Threads: the operation's own, one outstanding at a time.
class HandlerMemory {
 public:
  HandlerMemory() = default;
  HandlerMemory(const HandlerMemory&) = delete;
  HandlerMemory& operator=(const HandlerMemory&) = delete;

  [[nodiscard]] void* allocate(std::size_t bytes) {
    if (!used_ && bytes <= sizeof storage_) {
      used_ = true;
      return storage_;
    }
    return ::operator new(bytes);
  }

  void deallocate(void* memory) noexcept {
    if (memory == storage_) {
      used_ = false;
    } else {
      ::operator delete(memory);
    }
  }

 private:
  // 144 bytes hold Asio 1.24's wait and post operations with a handler of two pointers (measured).
  alignas(std::max_align_t) std::byte storage_[144];
  bool used_ = false;
};

/// The allocator that Asio asks for. Ownership: refers to the memory, which must outlive the wait.
template <class T>
class HandlerAllocator {
 public:
  using value_type = T;

  explicit HandlerAllocator(HandlerMemory& memory) noexcept : memory_(&memory) {}
  template <class U>
  explicit(false) HandlerAllocator(const HandlerAllocator<U>& other) noexcept
      : memory_(other.memory_) {}

  [[nodiscard]] T* allocate(std::size_t count) {
    return static_cast<T*>(memory_->allocate(count * sizeof(T)));
  }
  void deallocate(T* memory, std::size_t) noexcept { memory_->deallocate(memory); }

  friend bool operator==(const HandlerAllocator& a, const HandlerAllocator& b) noexcept {
    return a.memory_ == b.memory_;
  }

 private:
  template <class>
  friend class HandlerAllocator;
  HandlerMemory* memory_;
};

/// Binds a handler to the memory that its operation is to live in.
template <class Function>
[[nodiscard]] auto place(HandlerMemory& memory, Function function) {
  return boost::asio::bind_allocator(HandlerAllocator<std::byte>(memory), std::move(function));
}

}  // namespace frdpu::server

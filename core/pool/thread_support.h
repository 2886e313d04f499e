#pragma once

#include <cstdint>

/// What the pools need to know about threads: who is running, a fence that costs nothing where it
/// is crossed often, and a call when a thread ends.
namespace frdpu::core::detail {

/// Returns a number that no other living thread has; never 0.
/// Read from the thread register itself, so that it costs one load whatever the TLS model is and
/// works in a library that is loaded by `dlopen`. Volatile, because a coroutine may be inlined
/// around it and continue on another thread.
[[nodiscard]] inline std::uintptr_t this_thread_key() noexcept {
  std::uintptr_t key;
#if defined(__x86_64__)
  asm volatile("movq %%fs:0, %0" : "=r"(key));
#elif defined(__aarch64__)
  asm volatile("mrs %0, tpidr_el0" : "=r"(key));
#else
  static thread_local char own;
  key = reinterpret_cast<std::uintptr_t>(&own);
#endif
  return key;
}

/// True when `heavy_fence` can order the other threads' plain stores and loads (membarrier(2)).
/// Decided once; where it is false the frequent side has to use a real fence.
[[nodiscard]] bool asymmetric_fences() noexcept;

/// Makes every running thread of the process pass a full fence. Returns: false when the system
/// refuses; then nothing was ordered. Cost: a system call, 1-5 us.
[[nodiscard]] bool heavy_fence() noexcept;

/// Something that wants to hear of ending threads. Registered objects form one list.
class ThreadExitListener {
 public:
  ThreadExitListener() = default;
  ThreadExitListener(const ThreadExitListener&) = delete;
  ThreadExitListener& operator=(const ThreadExitListener&) = delete;
  virtual ~ThreadExitListener() = default;

  /// Called on the thread that ends, under the list's lock.
  virtual void thread_exits(std::uintptr_t key) noexcept = 0;

 private:
  friend void add_thread_exit_listener(ThreadExitListener&) noexcept;
  friend void remove_thread_exit_listener(ThreadExitListener&) noexcept;
  friend struct ThreadExitHook;
  ThreadExitListener* next_ = nullptr;
  ThreadExitListener* previous_ = nullptr;
};

void add_thread_exit_listener(ThreadExitListener& listener) noexcept;

/// After this returns the listener is not called any more.
void remove_thread_exit_listener(ThreadExitListener& listener) noexcept;

/// Asks for the calls when this thread ends. Returns: false when it is too late, because the
/// thread is already taking down its thread-local objects.
[[nodiscard]] bool watch_this_thread() noexcept;

}  // namespace frdpu::core::detail

#include "core/pool/thread_support.h"

#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <mutex>

namespace frdpu::core::detail {
namespace {

int membarrier(int command) noexcept {
  return static_cast<int>(::syscall(SYS_membarrier, command, 0, 0));
}

// Constant-initialised and never destroyed (std::mutex is trivial here): pools with static
// storage come and go before and after every other static object.
constinit std::mutex listeners_mutex;
constinit ThreadExitListener* first_listener = nullptr;

// Trivial, so that it can still be read when the hook below is gone.
constinit thread_local bool thread_is_ending = false;

}  // namespace

struct ThreadExitHook {
  bool watching = false;

  ~ThreadExitHook() {
    thread_is_ending = true;
    const std::uintptr_t key = this_thread_key();
    const std::lock_guard lock(listeners_mutex);
    for (ThreadExitListener* at = first_listener; at != nullptr; at = at->next_) {
      at->thread_exits(key);
    }
  }
};

bool watch_this_thread() noexcept {
  if (thread_is_ending) return false;
  static thread_local ThreadExitHook hook;
  hook.watching = true;
  return true;
}

void add_thread_exit_listener(ThreadExitListener& listener) noexcept {
  const std::lock_guard lock(listeners_mutex);
  listener.next_ = first_listener;
  if (first_listener != nullptr) first_listener->previous_ = &listener;
  first_listener = &listener;
}

void remove_thread_exit_listener(ThreadExitListener& listener) noexcept {
  const std::lock_guard lock(listeners_mutex);
  if (listener.next_ != nullptr) listener.next_->previous_ = listener.previous_;
  if (listener.previous_ != nullptr) {
    listener.previous_->next_ = listener.next_;
  } else if (first_listener == &listener) {
    first_listener = listener.next_;
  }
  listener.next_ = listener.previous_ = nullptr;
}

bool asymmetric_fences() noexcept {
  static const bool available = [] {
    const int commands = membarrier(MEMBARRIER_CMD_QUERY);
    return commands > 0 && (commands & MEMBARRIER_CMD_PRIVATE_EXPEDITED) != 0 &&
           membarrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED) == 0;
  }();
  return available;
}

bool heavy_fence() noexcept {
  return membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED) == 0;
}

}  // namespace frdpu::core::detail

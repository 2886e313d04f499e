#pragma once

#include <atomic>

#include "core/file/file_descriptor.h"
#include "server/worker_pool.h"

namespace frdpu::server {

/// Jobs on their way back from the workers to their loop, which an eventfd wakes. Posted through
/// Asio each came with the context's mutex held when the loop woke: two more switches of threads
/// where both share a core.
/// Ownership: none; a job must live until it was taken. Threads: `push` from any, the rest from the
/// loop's.
class FinishedTasks {
 public:
  /// Errors: throws std::system_error where the process has no descriptor left.
  FinishedTasks();

  /// Becomes readable with the first job since the last `take`, again each time: to be watched with
  /// EPOLLET, and never read.
  [[nodiscard]] int descriptor() const noexcept { return event_.number(); }

  /// Cost: an atomic exchange, again where another thread was faster; a system call for the first
  /// since the last `take`.
  void push(Job& job) noexcept;

  /// Returns: all that were pushed, in that order, linked by `next`; null where there are none.
  [[nodiscard]] Job* take() noexcept;

 private:
  core::FileDescriptor event_;
  std::atomic<Job*> latest_{nullptr};
};

}  // namespace frdpu::server

#include "server/finished_tasks.h"

#include <sys/eventfd.h>

#include <cerrno>
#include <system_error>
#include <utility>

namespace frdpu::server {

FinishedTasks::FinishedTasks() : event_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (!event_) throw std::system_error(errno, std::system_category(), "eventfd");
}

void FinishedTasks::push(Job& job) noexcept {
  // Released, so that who takes the job sees what was done in it. Jobs are only ever taken all at
  // once: none can come back while another thread still compares with it.
  Job* before = latest_.load(std::memory_order_relaxed);
  do {
    job.next = before;
  } while (!latest_.compare_exchange_weak(before, &job, std::memory_order_release,
                                          std::memory_order_relaxed));
  // Where there was one, whoever pushed it wakes the loop, which takes both.
  if (before == nullptr) static_cast<void>(::eventfd_write(descriptor(), 1));
}

Job* FinishedTasks::take() noexcept {
  Job* in_order = nullptr;
  for (Job* job = latest_.exchange(nullptr, std::memory_order_acquire); job != nullptr;) {
    Job* const before = std::exchange(job->next, in_order);
    in_order = std::exchange(job, before);
  }
  return in_order;
}

}  // namespace frdpu::server

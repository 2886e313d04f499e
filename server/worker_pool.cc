#include "server/worker_pool.h"

#include <pthread.h>
#include <sched.h>
#include <sys/resource.h>
#include <unistd.h>

#include <utility>

#include "server/signals_blocked.h"

namespace frdpu::server {
namespace {

constexpr int kNicest = 19;

// Refusals (seccomp, containers) cost fairness only, so nobody is told.
void lower_priority() noexcept {
  const sched_param parameters{};
  static_cast<void>(::sched_setscheduler(0, SCHED_BATCH, &parameters));
  // On Linux a nice value belongs to the thread. Source: setpriority(2), "C library/kernel
  // differences".
  static_cast<void>(::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), kNicest));
  static_cast<void>(::pthread_setname_np(::pthread_self(), "frdpu-worker"));
}

}  // namespace

WorkerPool::WorkerPool(std::size_t threads, std::size_t queue_limit) : queue_limit_(queue_limit) {
  const SignalsBlocked blocked;
  try {
    threads_.reserve(threads);
    for (std::size_t i = 0; i < threads; ++i) threads_.emplace_back([this] { work(); });
  } catch (...) {
    stop();
    throw;
  }
}

bool WorkerPool::submit(Job& job) noexcept {
  {
    const std::lock_guard lock(mutex_);
    if (stopping_ || queued_ >= queue_limit_) return false;
    push(job);
  }
  changed_.notify_one();
  return true;
}

void WorkerPool::requeue(Job& job) noexcept {
  {
    const std::lock_guard lock(mutex_);
    push(job);
  }
  changed_.notify_one();
}

void WorkerPool::resume(Job& job) noexcept {
  {
    const std::lock_guard lock(mutex_);
    job.next = first_;
    first_ = &job;
    if (last_ == nullptr) last_ = &job;
    ++queued_;
  }
  changed_.notify_one();
}

bool WorkerPool::withdraw(Job& job) noexcept {
  const std::lock_guard lock(mutex_);
  Job* before = nullptr;
  for (Job* at = first_; at != nullptr; before = at, at = at->next) {
    if (at != &job) continue;
    (before != nullptr ? before->next : first_) = job.next;
    if (last_ == &job) last_ = before;
    --queued_;
    return true;
  }
  return false;
}

void WorkerPool::stop() noexcept {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  for (std::thread& thread : std::exchange(threads_, {})) thread.join();
}

std::size_t WorkerPool::queued() const noexcept {
  const std::lock_guard lock(mutex_);
  return queued_;
}

std::size_t WorkerPool::running() const noexcept {
  const std::lock_guard lock(mutex_);
  return running_;
}

void WorkerPool::push(Job& job) noexcept {
  job.next = nullptr;
  (last_ != nullptr ? last_->next : first_) = &job;
  last_ = &job;
  ++queued_;
}

void WorkerPool::work() noexcept {
  lower_priority();
  std::unique_lock lock(mutex_);
  while (true) {
    // A job that runs may still requeue itself: only an idle pool is done.
    changed_.wait(lock, [this] { return first_ != nullptr || (stopping_ && running_ == 0); });
    if (first_ == nullptr) break;
    Job& job = *first_;
    first_ = job.next;
    if (first_ == nullptr) last_ = nullptr;
    --queued_;
    ++running_;
    lock.unlock();
    job.run();  // afterwards `job` may be gone
    lock.lock();
    --running_;
    if (stopping_ && running_ == 0 && first_ == nullptr) changed_.notify_all();
  }
}

}  // namespace frdpu::server

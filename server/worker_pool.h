#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <thread>
#include <vector>

/// Threads for codec work that would hold up an I/O loop, behind a bounded queue.
namespace frdpu::server {

/// One bounded slice of work. Ownership: whoever submits it; it must live until `run` is over.
/// A job may destroy itself or submit itself again as the last thing in `run`.
struct Job {
  /// Does the work. Threads: one worker, never two at a time.
  virtual void run() noexcept = 0;

  Job* next = nullptr;  ///< the queue's link: the queue allocates nothing

 protected:
  ~Job() = default;
};

/// First come, first served: a long piece of work that queues itself again slice by slice goes
/// behind everyone who waits, so that no client holds the workers.
///
///   life:  constructed (threads run)  ->  submit / requeue  ->  stop, or destruction
///
/// The threads run as SCHED_BATCH with nice 19 where the system allows it: on a busy core they
/// yield to the I/O loops. Source: DESIGN.md, "Offload" (p99 1.21 ms without, 0.29 ms with).
/// Threads: submit, requeue, withdraw and the counts are safe from any thread; stop from one.
class WorkerPool {
 public:
  /// Starts the threads. `queue_limit` is how many jobs may wait (those that run not counted).
  /// Errors: throws std::system_error when a thread cannot be started; none is left behind then.
  WorkerPool(std::size_t threads, std::size_t queue_limit);
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;
  ~WorkerPool() { stop(); }

  /// Queues a job.
  /// Returns: false when the queue is full or the pool is stopping; the job was not taken then.
  /// Cost: a mutex, no allocation.
  [[nodiscard]] bool submit(Job& job) noexcept;

  /// Queues a job however full the queue is: one that `submit` took before, or that is too far on
  /// to be refused.
  /// Requires: called before `stop`, or from within that job's `run`: a stop waits for it then.
  void requeue(Job& job) noexcept;

  /// The same, before all others: the job's turn is not over, and what it works with is still warm.
  void resume(Job& job) noexcept;

  /// Takes a job back that no worker has begun. Returns: false when one has, or it is not queued.
  /// Cost: the length of the queue.
  [[nodiscard]] bool withdraw(Job& job) noexcept;

  /// Takes no new jobs, runs all that were taken to their end, and joins the threads. Idempotent.
  void stop() noexcept;

  [[nodiscard]] std::size_t thread_count() const noexcept { return threads_.size(); }
  [[nodiscard]] std::size_t queued() const noexcept;
  [[nodiscard]] std::size_t running() const noexcept;

 private:
  void work() noexcept;
  void push(Job& job) noexcept;  // holds mutex_

  const std::size_t queue_limit_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  Job* first_ = nullptr;  // intrusive queue: first_ -> ... -> last_
  Job* last_ = nullptr;
  std::size_t queued_ = 0;
  std::size_t running_ = 0;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace frdpu::server

#include "server/finished_tasks.h"

#include <gtest/gtest.h>
#include <sys/epoll.h>

#include <array>
#include <thread>
#include <vector>

namespace frdpu::server {
namespace {

struct TestJob final : Job {
  void run() noexcept override {}
};

// How a loop sees it: told of each push to an empty list, without ever reading the event.
class Watch {
 public:
  explicit Watch(const FinishedTasks& tasks) : epoll_(::epoll_create1(EPOLL_CLOEXEC)) {
    epoll_event event{};
    event.events = EPOLLIN | EPOLLET;
    EXPECT_EQ(::epoll_ctl(epoll_.number(), EPOLL_CTL_ADD, tasks.descriptor(), &event), 0);
  }
  bool is_woken(int timeout_ms = 0) const {
    epoll_event event;
    return ::epoll_wait(epoll_.number(), &event, 1, timeout_ms) == 1;
  }

 private:
  core::FileDescriptor epoll_;
};

TEST(FinishedTasksTest, GivesJobsBackInTheirOrder) {
  FinishedTasks tasks;
  const Watch watch(tasks);
  EXPECT_EQ(tasks.take(), nullptr);
  EXPECT_FALSE(watch.is_woken());
  std::array<TestJob, 3> jobs;
  for (int turn = 0; turn < 2; ++turn) {
    for (TestJob& job : jobs) {
      tasks.push(job);
      EXPECT_EQ(watch.is_woken(), &job == jobs.data());  // the first says it for all
    }
    Job* next = tasks.take();
    for (TestJob& job : jobs) {
      ASSERT_EQ(next, &job);
      next = next->next;
    }
    EXPECT_EQ(next, nullptr);
    EXPECT_EQ(tasks.take(), nullptr);
  }
}

TEST(FinishedTasksThreadTest, NoJobOfManyThreadsIsForgotten) {
  constexpr std::size_t kThreads = 4;
  constexpr std::size_t kJobs = 5000;
  FinishedTasks tasks;
  const Watch watch(tasks);
  std::vector<TestJob> jobs(kThreads * kJobs);
  std::vector<std::thread> workers;
  for (std::size_t i = 0; i < kThreads; ++i) {
    workers.emplace_back([&, i] {
      for (std::size_t k = 0; k < kJobs; ++k) tasks.push(jobs[i * kJobs + k]);
    });
  }
  // One that takes only when woken comes to all of them.
  std::size_t taken = 0;
  while (taken < jobs.size() && watch.is_woken(60'000)) {
    for (Job* job = tasks.take(); job != nullptr; job = job->next) ++taken;
  }
  EXPECT_EQ(taken, jobs.size());
  for (std::thread& worker : workers) worker.join();
}

}  // namespace
}  // namespace frdpu::server

#include "server/worker_pool.h"

#include <gtest/gtest.h>
#include <sched.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <atomic>
#include <functional>
#include <latch>
#include <memory>
#include <semaphore>
#include <thread>
#include <vector>

namespace frdpu::server {
namespace {

// A job from a lambda; the lambda is handed the job.
struct TestJob final : Job {
  explicit TestJob(std::function<void(TestJob&)> what) : work(std::move(what)) {}
  void run() noexcept override { work(*this); }
  std::function<void(TestJob&)> work;
};

// Keeps one worker busy until it is let go.
struct Blocker {
  TestJob job{[this](TestJob&) {
    started.count_down();
    let_go.acquire();
  }};
  std::latch started{1};
  std::binary_semaphore let_go{0};
};

TEST(WorkerPoolTest, RunsEveryJobOnce) {
  std::atomic<int> runs{0};
  std::vector<std::unique_ptr<TestJob>> jobs;
  {
    WorkerPool pool(3, 100);
    for (int i = 0; i < 100; ++i) {
      jobs.push_back(std::make_unique<TestJob>([&runs](TestJob&) { ++runs; }));
      ASSERT_TRUE(pool.submit(*jobs.back()));
    }
  }
  EXPECT_EQ(runs, 100);
}

TEST(WorkerPoolTest, AFullQueueRefusesAndRecovers) {
  Blocker blocker;
  std::atomic<int> runs{0};
  TestJob a([&runs](TestJob&) { ++runs; });
  TestJob b([&runs](TestJob&) { ++runs; });
  TestJob c([&runs](TestJob&) { ++runs; });
  WorkerPool pool(1, 2);
  ASSERT_TRUE(pool.submit(blocker.job));
  blocker.started.wait();
  EXPECT_EQ(pool.running(), 1u);
  EXPECT_TRUE(pool.submit(a));
  EXPECT_TRUE(pool.submit(b));
  EXPECT_EQ(pool.queued(), 2u);
  EXPECT_FALSE(pool.submit(c));
  blocker.let_go.release();
  while (pool.queued() != 0) std::this_thread::yield();
  EXPECT_TRUE(pool.submit(c));
  pool.stop();
  EXPECT_EQ(runs, 3);
}

TEST(WorkerPoolTest, TakesBackWhatNobodyHasBegun) {
  Blocker blocker;
  std::vector<int> order;
  WorkerPool pool(1, 10);
  TestJob never_queued([](TestJob&) {});
  EXPECT_FALSE(pool.withdraw(never_queued));
  ASSERT_TRUE(pool.submit(blocker.job));
  blocker.started.wait();
  EXPECT_FALSE(pool.withdraw(blocker.job));
  std::vector<std::unique_ptr<TestJob>> jobs;
  for (int i = 0; i < 5; ++i) {
    jobs.push_back(std::make_unique<TestJob>([&order, i](TestJob&) { order.push_back(i); }));
    ASSERT_TRUE(pool.submit(*jobs.back()));
  }
  for (const std::size_t i : {0u, 2u, 4u}) EXPECT_TRUE(pool.withdraw(*jobs[i]));
  EXPECT_FALSE(pool.withdraw(*jobs[2]));
  EXPECT_EQ(pool.queued(), 2u);
  ASSERT_TRUE(pool.submit(*jobs[4]));
  blocker.let_go.release();
  pool.stop();
  EXPECT_EQ(order, (std::vector{1, 3, 4}));
}

TEST(WorkerPoolTest, JobsRunInTheOrderOfTheirSubmission) {
  Blocker blocker;
  std::vector<int> order;
  std::vector<std::unique_ptr<TestJob>> jobs;
  WorkerPool pool(1, 10);
  ASSERT_TRUE(pool.submit(blocker.job));
  for (int i = 0; i < 5; ++i) {
    jobs.push_back(std::make_unique<TestJob>([&order, i](TestJob&) { order.push_back(i); }));
    ASSERT_TRUE(pool.submit(*jobs.back()));
  }
  blocker.let_go.release();
  pool.stop();
  EXPECT_EQ(order, (std::vector<int>{0, 1, 2, 3, 4}));
}

// Which of two jobs had the worker when; the first has three slices and goes on with `again`.
std::vector<char> order_of_slices(void (WorkerPool::*again)(Job&) noexcept) {
  Blocker blocker;
  std::vector<char> order;
  WorkerPool pool(1, 2);
  int slices = 3;
  TestJob sliced([&](TestJob& self) {
    order.push_back('L');
    if (--slices > 0) (pool.*again)(self);
  });
  TestJob small([&](TestJob&) { order.push_back('s'); });
  EXPECT_TRUE(pool.submit(blocker.job));
  blocker.started.wait();
  EXPECT_TRUE(pool.submit(sliced));
  EXPECT_TRUE(pool.submit(small));
  blocker.let_go.release();
  pool.stop();
  return order;
}

TEST(WorkerPoolTest, SlicesOfALongJobGoBehindThoseWhoWait) {
  EXPECT_EQ(order_of_slices(&WorkerPool::requeue), (std::vector<char>{'L', 's', 'L', 'L'}));
}

TEST(WorkerPoolTest, AJobThatResumesGoesBeforeThoseWhoWait) {
  EXPECT_EQ(order_of_slices(&WorkerPool::resume), (std::vector<char>{'L', 'L', 'L', 's'}));
}

TEST(WorkerPoolTest, AfterStopNothingIsTaken) {
  TestJob job([](TestJob&) { FAIL() << "ran after stop"; });
  WorkerPool pool(2, 10);
  pool.stop();
  EXPECT_FALSE(pool.submit(job));
  pool.stop();
}

TEST(WorkerPoolTest, AJobMayDestroyItself) {
  std::latch gone(1);
  struct SelfOwned final : Job {
    explicit SelfOwned(std::latch& done) : latch(done) {}
    void run() noexcept override {
      std::latch& done = latch;
      delete this;
      done.count_down();
    }
    std::latch& latch;
  };
  WorkerPool pool(1, 1);
  ASSERT_TRUE(pool.submit(*new SelfOwned(gone)));
  gone.wait();
}

TEST(WorkerPoolTest, WorkersHaveLowPriorityAndNoSignals) {
  int policy = -1;
  int nice = 0;
  bool blocks_term = false;
  TestJob job([&](TestJob&) {
    policy = ::sched_getscheduler(0);
    nice = ::getpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()));
    sigset_t mask;
    ::pthread_sigmask(SIG_SETMASK, nullptr, &mask);
    blocks_term = ::sigismember(&mask, SIGTERM) == 1;
  });
  WorkerPool pool(1, 1);
  ASSERT_TRUE(pool.submit(job));
  pool.stop();
  EXPECT_EQ(policy, SCHED_BATCH);
  EXPECT_EQ(nice, 19);
  EXPECT_TRUE(blocks_term);
  sigset_t mask;
  ::pthread_sigmask(SIG_SETMASK, nullptr, &mask);
  EXPECT_EQ(::sigismember(&mask, SIGTERM), 0);
}

TEST(WorkerPoolTest, ManyThreadsSubmitWhileItStops) {
  // Whatever was taken is run, whatever was refused is not: the books balance.
  for (int round = 0; round < 20; ++round) {
    std::atomic<int> taken{0};
    std::atomic<int> runs{0};
    std::vector<std::unique_ptr<TestJob>> jobs;
    for (int i = 0; i < 300; ++i) {
      jobs.push_back(std::make_unique<TestJob>([&runs](TestJob&) { ++runs; }));
    }
    WorkerPool pool(2, 16);
    {
      std::vector<std::jthread> submitters;
      for (std::size_t t = 0; t < 3; ++t) {
        submitters.emplace_back([&, t] {
          for (std::size_t i = 0; i < 100; ++i) {
            if (pool.submit(*jobs[t * 100 + i])) ++taken;
          }
        });
      }
      while (taken < 10) std::this_thread::yield();
      pool.stop();
    }
    EXPECT_EQ(taken, runs);
  }
}

}  // namespace
}  // namespace frdpu::server

#include <gtest/gtest.h>

#include <atomic>
#include <barrier>
#include <cstring>
#include <mutex>
#include <optional>
#include <random>
#include <thread>
#include <vector>

#include "core/pool/fixed_pool.h"

namespace frdpu::core {
namespace {

FixedPool make(std::size_t block_bytes, std::size_t max_blocks, bool membarrier = true) {
  return *FixedPool::create({.name = "threads",
                             .block_bytes = block_bytes,
                             .max_blocks = max_blocks,
                             .membarrier = membarrier});
}

template <class Body>
void run_threads(std::size_t count, Body body) {
  std::vector<std::jthread> threads;
  for (std::size_t i = 0; i < count; ++i) threads.emplace_back([&body, i] { body(i); });
}

TEST(FixedPoolThreadTest, CallsBackWhatIsStrandedWithAnotherThread) {
  FixedPool pool = make(1500, 256);
  std::barrier both(2);
  std::jthread other([&] {
    std::vector<PooledBlock> blocks;
    for (int i = 0; i < 100; ++i) blocks.push_back(*pool.acquire());
    blocks.clear();  // many stay in this thread's magazine
    both.arrive_and_wait();
    both.arrive_and_wait();
  });
  both.arrive_and_wait();
  std::vector<PooledBlock> blocks;
  while (Result<PooledBlock> block = pool.acquire()) blocks.push_back(*std::move(block));
  EXPECT_EQ(blocks.size(), 256u);
  EXPECT_EQ(pool.stats().peak, 256u);
  both.arrive_and_wait();
}

TEST(FixedPoolThreadTest, AThreadThatEndsLeavesNothingBehind) {
  FixedPool pool = make(1500, 1000);
  for (int round = 0; round < 50; ++round) {
    std::jthread([&] { const Result<PooledBlock> block = pool.acquire(); }).join();
  }
  const PoolStats stats = pool.stats();
  EXPECT_EQ(stats.acquisitions, 50u);
  EXPECT_EQ(stats.releases, 50u);
  EXPECT_EQ(stats.peak, 1u);
  // Everything can be given back: no block is stuck in a dead thread's magazine.
  EXPECT_GT(pool.shrink(), 0u);
}

// Takes a block during the destruction of thread-local objects, after the pool's own hook ran.
struct LateUser {
  FixedPool* pool = nullptr;
  PooledBlock held;
  ~LateUser() {
    held.release();
    if (pool == nullptr) return;
    EXPECT_TRUE(pool->acquire().has_value());
  }
};

TEST(FixedPoolThreadTest, WorksWhileAThreadIsTakenDown) {
  FixedPool pool = make(64, 1000);
  std::jthread([&] {
    static thread_local LateUser late;  // constructed before the pool's hook, destroyed after it
    late.pool = &pool;
    late.held = *pool.acquire();
  }).join();
  EXPECT_EQ(pool.stats().in_use, 0u);
  EXPECT_EQ(pool.stats().acquisitions, 2u);
}

TEST(FixedPoolThreadTest, PeakIsExactWhereThreadsAgreeOnTheOrder) {
  FixedPool pool = make(64, 1000);
  std::barrier step(2);
  run_threads(2, [&](std::size_t index) {
    std::vector<PooledBlock> held;
    const auto hold = [&](std::size_t count) {
      while (held.size() > count) held.pop_back();
      while (held.size() < count) held.push_back(*pool.acquire());
      step.arrive_and_wait();
    };
    hold(index == 0 ? 10 : 0);
    hold(0);
    hold(index == 0 ? 0 : 8);
    hold(index == 0 ? 5 : 8);  // 13: neither thread's own maximum
    hold(0);
  });
  EXPECT_EQ(pool.stats().peak, 13u);
}

TEST(FixedPoolThreadTest, OfManyReleasesAtOnceExactlyOneSucceeds) {
  FixedPool pool = make(64, 1000);
  constexpr std::size_t kThreads = 4;
  std::barrier start(kThreads);
  std::atomic<int> successes{0};
  std::atomic<std::byte*> raw{nullptr};
  constexpr int kRounds = 300;
  run_threads(kThreads, [&](std::size_t index) {
    for (int round = 0; round < kRounds; ++round) {
      if (index == 0) raw = (*pool.acquire()).detach();
      start.arrive_and_wait();
      if (pool.give_back(raw)) ++successes;
      start.arrive_and_wait();
    }
  });
  EXPECT_EQ(successes, kRounds);
  EXPECT_EQ(pool.stats().releases, std::uint64_t{kRounds});
}

// Every thread acquires, marks, passes on and releases what others acquired. A pool that is just
// large enough must never say that it is exhausted, however the blocks are spread.
void churn(std::size_t block_bytes, std::size_t threads, std::size_t held_each, int steps,
           bool membarrier = true) {
  const std::size_t capacity = threads * held_each;
  FixedPool pool = make(block_bytes, capacity, membarrier);
  struct Slot {
    std::mutex mutex;
    PooledBlock block;
  };
  std::vector<Slot> table(capacity);
  std::atomic<std::uint64_t> refused{0};
  run_threads(threads, [&](std::size_t index) {
    std::mt19937_64 random(index + 1);
    for (int i = 0; i < steps; ++i) {
      // The table has as many places as the pool has blocks, and a block is only acquired for an
      // empty place while its lock is held: there is always one left.
      Slot& slot = table[random() % capacity];
      const std::lock_guard lock(slot.mutex);
      if (slot.block) {
        std::size_t mark = 0;
        std::memcpy(&mark, slot.block.data(), sizeof mark);
        ASSERT_EQ(mark, static_cast<std::size_t>(&slot - table.data()));
        slot.block.release();
      } else {
        Result<PooledBlock> block = pool.acquire();
        if (!block) {
          ++refused;
          continue;
        }
        const auto mark = static_cast<std::size_t>(&slot - table.data());
        std::memcpy(block->data(), &mark, sizeof mark);
        slot.block = *std::move(block);
      }
      if (i % 512 == 0) {
        const PoolStats stats = pool.stats();
        ASSERT_LE(stats.in_use, capacity);
        ASSERT_GE(stats.peak, stats.in_use);
        if (index == 0 && i % 4096 == 0) pool.shrink();
      }
    }
  });
  EXPECT_EQ(refused, 0u);
  std::size_t held = 0;
  for (const Slot& slot : table) held += slot.block ? 1 : 0;
  EXPECT_EQ(pool.stats().in_use, held);
  table.clear();
  EXPECT_EQ(pool.stats().in_use, 0u);
  EXPECT_EQ(pool.stats().acquisitions, pool.stats().releases);
}

TEST(FixedPoolThreadTest, NeverRefusesWhileABlockIsLeftSmall) {
  churn(64, 4, 16, 100000);
}
TEST(FixedPoolThreadTest, NeverRefusesWhileABlockIsLeftMtu) {
  churn(1500, 2, 100, 150000);
}
TEST(FixedPoolThreadTest, NeverRefusesWhileABlockIsLeftWithoutMembarrier) {
  churn(1500, 3, 30, 100000, false);
}
TEST(FixedPoolThreadTest, NeverRefusesWhileABlockIsLeftLarge) {
  churn(2 << 20, 3, 2, 30000);
}

// Two threads that steal from one another all the time: each step needs every block there is.
TEST(FixedPoolThreadTest, StealsBackAndForth) {
  for (const bool membarrier : {true, false}) {
    FixedPool pool = make(64, 100, membarrier);
    std::barrier turn(2);
    run_threads(2, [&](std::size_t index) {
      std::vector<PooledBlock> held;
      for (std::size_t round = 0; round < 200; ++round) {
        if (round % 2 == index) {
          while (Result<PooledBlock> block = pool.acquire()) held.push_back(*std::move(block));
          EXPECT_EQ(held.size(), 100u);
          held.clear();
        }
        turn.arrive_and_wait();
      }
    });
    EXPECT_EQ(pool.stats().peak, 100u);
    EXPECT_EQ(pool.stats().acquisitions, 20000u);
    EXPECT_EQ(pool.stats().releases, 20000u);
    EXPECT_EQ(pool.stats().exhaustions, 200u);
  }
}

#ifdef FRDPU_SANITIZED
constexpr int kTurns = 15000;
#else
constexpr int kTurns = 150000;  // a missing fence takes a while to show
#endif

// A block must never be with two threads at once, also where an owner pops what a thief wants.
TEST(FixedPoolThreadTest, NoBlockIsEverHandedOutTwice) {
  for (const bool membarrier : {true, false}) {
    FixedPool pool = make(64, 40, membarrier);
    std::atomic<int> clashes{0};
    run_threads(4, [&](std::size_t index) {
      std::mt19937_64 random(index);
      std::vector<PooledBlock> held;
      for (int i = 0; i < kTurns; ++i) {
        const std::size_t want = random() % 16;  // 4 x 15 is more than there is
        while (held.size() > want) {
          // Whoever else had it too would have written over it.
          std::size_t mark = 0;
          std::memcpy(&mark, held.back().data(), sizeof mark);
          if (mark != index) ++clashes;
          held.pop_back();
        }
        while (held.size() < want) {
          Result<PooledBlock> block = pool.acquire();
          if (!block) break;
          std::memcpy(block->data(), &index, sizeof index);
          held.push_back(*std::move(block));
        }
      }
    });
    EXPECT_EQ(clashes, 0);
    EXPECT_EQ(pool.stats().in_use, 0u);
    EXPECT_LE(pool.stats().peak, 40u);
  }
}

TEST(FixedPoolThreadTest, PoolMayGoWhileOtherThreadsRelease) {
  for (int round = 0; round < 100; ++round) {
    constexpr std::size_t kThreads = 3;
    std::vector<std::vector<PooledBlock>> shares(kThreads);
    std::barrier start(kThreads + 1);
    std::vector<std::jthread> threads;
    {
      FixedPool pool = make(256, 200);
      for (auto& share : shares) {
        for (int i = 0; i < 40; ++i) share.push_back(*pool.acquire());
      }
      for (auto& share : shares) {
        threads.emplace_back([&] {
          start.arrive_and_wait();
          for (PooledBlock& block : share) {
            block.bytes()[0] = std::byte{1};
            block.release();
          }
        });
      }
      start.arrive_and_wait();
    }
  }
}

// The pool ends while a thread is releasing block after block on its fast path.
TEST(FixedPoolThreadTest, PoolMayGoInTheMiddleOfARelease) {
  for (int round = 0; round < 100; ++round) {
    std::optional<FixedPool> pool = make(64, 4000);
    std::barrier ready(2);
    std::atomic<bool> under_way{false};
    std::jthread releaser([&] {
      std::vector<PooledBlock> held;
      for (int i = 0; i < 3000; ++i) held.push_back(*pool->acquire());
      ready.arrive_and_wait();
      while (!held.empty()) {
        held.pop_back();
        if (held.size() == 2900) under_way = true;
      }
    });
    ready.arrive_and_wait();
    for (int spins = 0; !under_way; ++spins) {
      if (spins > 1000) std::this_thread::yield();
    }
    pool.reset();
  }
}

}  // namespace
}  // namespace frdpu::core

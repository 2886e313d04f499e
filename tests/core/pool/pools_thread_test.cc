// Blocks, buffers and objects acquired on one thread and released on another, through every kind
// of pool: nothing is lost or handed out twice, and the statistics are exact in the end. For TSan.
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <mutex>
#include <thread>
#include <vector>

#include "core/pool/buffer_pool.h"
#include "core/pool/object_pool.h"
#include "core/pool/pool_manager.h"
#include "core/pool/ring_buffer_pool.h"

namespace frdpu::core {
namespace {

#ifdef FRDPU_SANITIZED
constexpr int kRounds = 1000;
#else
constexpr int kRounds = 4000;
#endif
constexpr int kThreads = 4;

/// Where threads leave what they acquired for whoever comes next.
template <class T>
class Exchange {
 public:
  /// Leaves one thing, takes what lay there.
  T swap(std::size_t at, T mine) {
    Place& place = places_[at % places_.size()];
    const std::lock_guard lock(place.mutex);
    std::swap(place.thing, mine);
    return mine;
  }
  void clear() {
    for (Place& place : places_) place.thing = T();
  }

 private:
  struct Place {
    std::mutex mutex;
    T thing;
  };
  std::array<Place, 7> places_;
};

/// Every thread acquires, marks, leaves it in the exchange, and releases what another one left.
template <class T, class Acquire, class Mark>
void pass_around(Acquire acquire, Mark mark) {
  Exchange<T> exchange;
  std::atomic<int> wrong{0};
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < kThreads; ++t) {
      threads.emplace_back([&, t] {
        for (int i = 0; i < kRounds; ++i) {
          auto taken = acquire(i);
          if (!taken) continue;
          // Whoever has it, has it alone: what one thread writes no other one changes.
          if (!mark(*taken, t)) ++wrong;
          T other = exchange.swap(static_cast<std::size_t>(i + t), *std::move(taken));
          if (other && !mark(other, t)) ++wrong;
        }
      });
    }
  }
  exchange.clear();
  EXPECT_EQ(wrong, 0);
}

bool mark_bytes(MutableBytes bytes, int thread) {
  bytes.front() = bytes.back() = static_cast<std::byte>(thread);
  std::this_thread::yield();
  return bytes.front() == static_cast<std::byte>(thread) && bytes.back() == bytes.front();
}

void expect_all_home(const PoolStats& pools, const PoolStats& heap) {
  EXPECT_EQ(pools.in_use, 0u);
  EXPECT_EQ(heap.in_use, 0u);
  EXPECT_EQ(pools.acquisitions, pools.releases);
  EXPECT_EQ(heap.acquisitions, heap.releases);
  EXPECT_LE(heap.peak, heap.blocks);
  EXPECT_GE(pools.acquisitions, std::uint64_t{kRounds});
}

// Fewer blocks than are wanted at a time, so that every step of the policy is taken.
constexpr DegradationPolicy kEverything{.next_pool = Fallback::allowed, .heap_blocks = 2};

TEST(PoolsThreadTest, BufferPoolTakesBuffersBackOnAnyThread) {
  BufferPool pool = *BufferPool::create(
      {.small = {0, 4}, .medium = {0, 4}, .large = {0, 2}, .policy = kEverything});
  pass_around<PooledBuffer>(
      [&](int i) {
        if (i % 64 == 0) pool.shrink();
        return i % 3 == 0 ? pool.get_medium_buffer() : pool.get_small_buffer();
      },
      [](PooledBuffer& buffer, int thread) {
        return buffer.resize(buffer.capacity()).has_value() && mark_bytes(buffer.bytes(), thread);
      });
  expect_all_home(pool.stats(), pool.heap_stats());
}

TEST(PoolsThreadTest, PoolManagerTakesBlocksBackOnAnyThread) {
  const FixedPool::Options classes[] = {{.name = "s", .block_bytes = 100, .max_blocks = 5},
                                        {.name = "l", .block_bytes = 3000, .max_blocks = 40}};
  PoolManager manager = *PoolManager::create(classes, kEverything);
  pass_around<PooledBlock>(
      [&](int i) { return manager.acquire(i % 2 == 0 ? 100 : 2000); },
      [](PooledBlock& block, int thread) { return mark_bytes(block.bytes(), thread); });
  expect_all_home(manager.total_stats(), manager.heap_stats());
}

TEST(PoolsThreadTest, RingBufferPoolTakesBlocksBackOnAnyThread) {
  const FixedPool::Options pools[] = {{.name = "a", .block_bytes = 1500, .max_blocks = 5},
                                      {.name = "b", .block_bytes = 1500, .max_blocks = 5}};
  RingBufferPool ring = *RingBufferPool::create(pools, kEverything);
  pass_around<PooledBlock>(
      [&](int) { return ring.acquire(); },
      [](PooledBlock& block, int thread) { return mark_bytes(block.bytes(), thread); });
  expect_all_home(ring.total_stats(), ring.heap_stats());
}

TEST(PoolsThreadTest, ObjectPoolTakesObjectsBackOnAnyThread) {
  struct Thing {
    explicit Thing(std::atomic<int>& counter) : living(counter) { ++living; }
    Thing(const Thing&) = delete;
    Thing& operator=(const Thing&) = delete;
    ~Thing() { --living; }
    std::atomic<int>& living;
    int mark = 0;
  };
  std::atomic<int> living{0};
  std::atomic<int> most{0};
  {
    auto pool = *ObjectPool<Thing>::create(
        {.max_objects = 10, .policy = {.next_pool = {}, .heap_blocks = 2}},
        [&] {
          auto made = std::make_unique<Thing>(living);
          int seen = most;
          while (living > seen && !most.compare_exchange_weak(seen, living)) {
          }
          return made;
        },
        [](Thing& thing) { thing.mark = 0; });
    pass_around<PooledObject<Thing>>(
        [&](int i) {
          if (i % 8 == 0) pool.prepare(3);
          if (i % 16 == 0) pool.shrink();
          return pool.acquire();
        },
        [](PooledObject<Thing>& thing, int thread) {
          thing->mark = thread;
          std::this_thread::yield();
          return thing->mark == thread;
        });
    const PoolStats stats = pool.stats();
    EXPECT_EQ(stats.in_use, 0u);
    EXPECT_EQ(stats.acquisitions, stats.releases);
    EXPECT_LE(stats.peak, 12u);
    EXPECT_GE(stats.acquisitions, std::uint64_t{kRounds});
  }
  EXPECT_EQ(living, 0);
  // The bound counts what exists, also while it is being made or prepared.
  EXPECT_LE(most, 12);
}

}  // namespace
}  // namespace frdpu::core

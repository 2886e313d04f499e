#include "core/pool/degradation.h"

#include <gtest/gtest.h>

#include <optional>
#include <vector>

#include "core/pool/heap_blocks.h"
#include "core/pool/pool_manager.h"
#include "core/pool/ring_buffer_pool.h"

namespace frdpu::core {
namespace {

TEST(HeapBlocksPoolTest, GivesBlocksLikeAPoolsUpToItsBound) {
  HeapBlocks heap = *HeapBlocks::create({.block_bytes = 100, .max_blocks = 2, .slack_bytes = 28});
  std::optional<PooledBlock> first = *heap.acquire();
  PooledBlock second = *heap.acquire();
  EXPECT_EQ(heap.acquire().error().code, Errc::pool_exhausted);
  EXPECT_EQ(first->size(), 100u);
  EXPECT_EQ(first->capacity(), 128u);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(first->data()) % 64, 0u);
  first->zero();
  first.reset();
  const PoolStats stats = heap.stats();
  EXPECT_EQ(stats.pool, "heap");
  EXPECT_EQ(stats.in_use, 1u);
  EXPECT_EQ(stats.available, 1u);
  EXPECT_EQ(stats.peak, 2u);
  EXPECT_EQ(stats.acquisitions, 2u);
  EXPECT_EQ(stats.releases, 1u);
  EXPECT_EQ(stats.exhaustions, 1u);
}

TEST(HeapBlocksPoolTest, BlocksMayOutliveIt) {
  PooledBlock block;
  {
    HeapBlocks heap = *HeapBlocks::create({.block_bytes = 100, .max_blocks = 2});
    block = *heap.acquire();
  }
  block.zero();
  EXPECT_EQ(block.size(), 100u);
}

TEST(HeapBlocksPoolTest, ABoundOfNoneGivesNone) {
  HeapBlocks heap = *HeapBlocks::create({.block_bytes = 100, .max_blocks = 0});
  EXPECT_EQ(heap.acquire().error().code, Errc::pool_exhausted);
  EXPECT_EQ(HeapBlocks::create({.block_bytes = 0, .max_blocks = 1}).error().code,
            Errc::invalid_size);
}

// Primary, fallback, heap, refusal: one table for the policy, whoever follows it.
TEST(DegradationPoolTest, GoesItsStepsInOrder) {
  struct Row {
    const char* name;
    DegradationPolicy policy;
    std::size_t from_first, from_second, from_heap;
  };
  const Row rows[] = {
      {"refuse at once", {Fallback::refused, 0}, 2, 0, 0},
      {"next pool", {Fallback::allowed, 0}, 2, 3, 0},
      {"heap", {Fallback::refused, 4}, 2, 0, 4},
      {"next pool, then heap", {Fallback::allowed, 4}, 2, 3, 4},
  };
  for (const Row& row : rows) {
    const FixedPool::Options rising[] = {{.name = "a", .block_bytes = 100, .max_blocks = 2},
                                         {.name = "b", .block_bytes = 1000, .max_blocks = 3}};
    PoolManager manager = *PoolManager::create(rising, row.policy);
    std::vector<PooledBlock> held;
    std::size_t wide = 0;
    while (Result<PooledBlock> block = manager.acquire(50)) {
      wide += block->size() == 1000 ? 1 : 0;
      held.push_back(*std::move(block));
    }
    EXPECT_EQ(manager.acquire(50).error().code, Errc::pool_exhausted) << row.name;
    EXPECT_FALSE(manager.has_available(50)) << row.name;
    EXPECT_EQ(held.size(), row.from_first + row.from_second + row.from_heap) << row.name;
    EXPECT_EQ(wide, row.from_second) << row.name;
    EXPECT_EQ(manager.pools()[0].stats().fallbacks, row.from_second + row.from_heap) << row.name;
    EXPECT_EQ(manager.pools()[1].stats().fallbacks, 0u) << row.name;
    EXPECT_EQ(manager.heap_stats().in_use, row.from_heap) << row.name;
    held.clear();
    EXPECT_EQ(manager.heap_stats().in_use, 0u) << row.name;
    EXPECT_EQ(manager.total_stats().in_use, 0u) << row.name;
    EXPECT_TRUE(manager.has_available(50)) << row.name;
  }
}

class RingBufferPoolTest : public testing::Test {
 protected:
  static RingBufferPool make(DegradationPolicy policy = {.next_pool = Fallback::allowed}) {
    const FixedPool::Options options[] = {{.name = "a", .block_bytes = 64, .max_blocks = 2},
                                          {.name = "b", .block_bytes = 64, .max_blocks = 4},
                                          {.name = "c", .block_bytes = 64, .max_blocks = 4}};
    return *RingBufferPool::create(options, policy);
  }
  static std::vector<std::size_t> in_use(const RingBufferPool& ring) {
    std::vector<std::size_t> counts;
    for (const FixedPool& pool : ring.pools()) counts.push_back(pool.stats().in_use);
    return counts;
  }
};

TEST_F(RingBufferPoolTest, TakesTurns) {
  RingBufferPool ring = make();
  std::vector<PooledBlock> held;
  for (int i = 0; i < 6; ++i) held.push_back(*ring.acquire());
  EXPECT_EQ(in_use(ring), (std::vector<std::size_t>{2, 2, 2}));
}

TEST_F(RingBufferPoolTest, PassesAnEmptyPoolsTurnOn) {
  RingBufferPool ring = make();
  std::vector<PooledBlock> held;
  for (int i = 0; i < 8; ++i) held.push_back(*ring.acquire());
  EXPECT_EQ(in_use(ring), (std::vector<std::size_t>{2, 4, 2}));
  EXPECT_EQ(ring.pools()[0].stats().fallbacks, 1u);
  while (Result<PooledBlock> block = ring.acquire()) held.push_back(*std::move(block));
  EXPECT_EQ(held.size(), 10u);
  EXPECT_FALSE(ring.has_available());
  EXPECT_EQ(ring.total_stats().in_use, 10u);
  held.clear();
  EXPECT_TRUE(ring.has_available());
}

TEST_F(RingBufferPoolTest, EndsOnTheHeapWhereThePolicySaysSo) {
  RingBufferPool ring = make({.next_pool = Fallback::allowed, .heap_blocks = 1});
  std::vector<PooledBlock> held;
  while (Result<PooledBlock> block = ring.acquire()) held.push_back(*std::move(block));
  EXPECT_EQ(held.size(), 11u);  // one of their size, whoever's turn it was
  EXPECT_EQ(ring.heap_stats().in_use, 1u);
  EXPECT_FALSE(ring.has_available());
}

TEST_F(RingBufferPoolTest, RefusesPoolsThatAreNotAlike) {
  const FixedPool::Options mixed[] = {{.block_bytes = 64, .max_blocks = 1},
                                      {.block_bytes = 65, .max_blocks = 1}};
  EXPECT_EQ(RingBufferPool::create(mixed).error().code, Errc::configuration);
  EXPECT_EQ(RingBufferPool::create({}).error().code, Errc::configuration);
}

TEST_F(RingBufferPoolTest, CanBeMovedWhileBlocksAreOut) {
  RingBufferPool ring = make();
  PooledBlock block = *ring.acquire();
  RingBufferPool moved = std::move(ring);
  EXPECT_EQ(moved.total_stats().in_use, 1u);
  block.release();
  EXPECT_EQ(moved.total_stats().in_use, 0u);
}

}  // namespace
}  // namespace frdpu::core

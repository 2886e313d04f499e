#include "core/pool/pool_manager.h"

#include <gtest/gtest.h>

#include <vector>

namespace frdpu::core {
namespace {

PoolManager make() {
  const FixedPool::Options classes[] = {
      {.name = "small", .block_bytes = 100, .max_blocks = 2},
      {.name = "medium", .block_bytes = 1000, .max_blocks = 1},
      {.name = "large", .block_bytes = 5000, .max_blocks = 3},
  };
  return *PoolManager::create(classes);
}

TEST(PoolManagerTest, TakesTheSmallestClassThatFits) {
  PoolManager manager = make();
  struct Row {
    std::size_t bytes;
    std::size_t expected;
  };
  for (const Row& row : {Row{1, 100},
                         {99, 100},
                         {100, 100},
                         {101, 1000},
                         {1000, 1000},
                         {1001, 5000},
                         {5000, 5000}}) {
    const Result<PooledBlock> block = manager.acquire(row.bytes);
    ASSERT_TRUE(block.has_value()) << row.bytes;
    EXPECT_EQ(block->size(), row.expected) << row.bytes;
  }
}

TEST(PoolManagerTest, RefusesSizesOutsideItsClasses) {
  PoolManager manager = make();
  for (const std::size_t bytes : {std::size_t{0}, std::size_t{5001}, ~std::size_t{0}}) {
    EXPECT_EQ(manager.acquire(bytes, Fallback::allowed).error().code, Errc::invalid_size);
    EXPECT_FALSE(manager.has_available(bytes, Fallback::allowed));
    EXPECT_EQ(manager.pool_for(bytes), nullptr);
  }
  EXPECT_EQ(manager.acquire(5001).error().limit, 5000u);
}

TEST(PoolManagerTest, FallsBackOnlyWhereAllowedAndCountsIt) {
  PoolManager manager = make();
  std::vector<PooledBlock> held;
  for (int i = 0; i < 2; ++i) held.push_back(*manager.acquire(10));
  EXPECT_FALSE(manager.has_available(10));
  EXPECT_TRUE(manager.has_available(10, Fallback::allowed));
  EXPECT_EQ(manager.acquire(10).error().code, Errc::pool_exhausted);

  held.push_back(*manager.acquire(10, Fallback::allowed));
  EXPECT_EQ(held.back().size(), 1000u);
  held.push_back(*manager.acquire(10, Fallback::allowed));
  EXPECT_EQ(held.back().size(), 5000u);  // medium is empty too
  EXPECT_EQ(manager.pools()[0].stats().fallbacks, 2u);
  EXPECT_EQ(manager.pools()[1].stats().fallbacks, 0u);
  EXPECT_EQ(manager.pools()[0].stats().exhaustions, 3u);

  held.push_back(*manager.acquire(5000));
  held.push_back(*manager.acquire(5000));
  EXPECT_EQ(manager.acquire(10, Fallback::allowed).error().code, Errc::pool_exhausted);
  EXPECT_EQ(manager.pools()[0].stats().fallbacks, 2u);
}

TEST(PoolManagerTest, SumsItsPools) {
  PoolManager manager = make();
  const Result<PooledBlock> a = manager.acquire(10);
  const Result<PooledBlock> b = manager.acquire(500);
  const PoolStats total = manager.total_stats();
  EXPECT_EQ(total.pool, "total");
  EXPECT_EQ(total.blocks, 6u);
  EXPECT_EQ(total.in_use, 2u);
  EXPECT_EQ(total.available, 4u);
  EXPECT_EQ(total.acquisitions, 2u);
  manager.reset_stats();
  EXPECT_EQ(manager.total_stats().acquisitions, 0u);
  EXPECT_EQ(manager.total_stats().in_use, 2u);
}

TEST(PoolManagerTest, BlocksMayOutliveIt) {
  std::vector<PooledBlock> held;
  {
    PoolManager manager = *PoolManager::create(
        std::vector<FixedPool::Options>{{.name = "only", .block_bytes = 100, .max_blocks = 1}},
        {.next_pool = Fallback::allowed, .heap_blocks = 1});
    held.push_back(*manager.acquire(100));
    held.push_back(*manager.acquire(100));  // from the heap
  }
  for (PooledBlock& block : held) block.zero();
}

TEST(PoolManagerTest, DefaultClassesAreThoseOfFrdPu) {
  PoolManager manager = *PoolManager::create();
  ASSERT_EQ(manager.pools().size(), 11u);
  std::size_t expected = 32;
  for (const FixedPool& pool : manager.pools()) {
    EXPECT_EQ(pool.block_bytes(), expected);
    expected *= 2;
  }
  EXPECT_EQ(manager.acquire(32768)->size(), 32768u);
  EXPECT_EQ(manager.acquire(32769).error().code, Errc::invalid_size);
}

TEST(PoolManagerTest, RefusesClassesThatDoNotRise) {
  EXPECT_EQ(PoolManager::create(std::span<const FixedPool::Options>()).error().code,
            Errc::configuration);
  const FixedPool::Options equal[] = {{.block_bytes = 64, .max_blocks = 1},
                                      {.block_bytes = 64, .max_blocks = 1}};
  EXPECT_EQ(PoolManager::create(equal).error().code, Errc::configuration);
  const FixedPool::Options broken[] = {{.block_bytes = 64, .max_blocks = 0}};
  EXPECT_EQ(PoolManager::create(broken).error().code, Errc::invalid_size);
}

}  // namespace
}  // namespace frdpu::core

#include "core/pool/pooled_block.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "core/pool/fixed_pool.h"

namespace frdpu::core {
namespace {

class PooledBlockPoolTest : public testing::Test {
 protected:
  FixedPool pool_ = *FixedPool::create({.name = "block", .block_bytes = 10, .max_blocks = 64});
};

TEST_F(PooledBlockPoolTest, ReadsAndWritesWithinItsBounds) {
  PooledBlock block = *pool_.acquire();
  block.zero();
  EXPECT_TRUE(block.write_bytes(3, as_bytes("abc")).has_value());
  std::array<std::byte, 5> read{};
  EXPECT_TRUE(block.read_bytes(2, read).has_value());
  EXPECT_EQ(as_text(read), std::string_view("\0abc\0", 5));
  EXPECT_EQ(as_text(*block.slice(3, 3)), "abc");
  EXPECT_TRUE(block.write_bytes(10, {}).has_value());
}

TEST_F(PooledBlockPoolTest, ChecksEveryRange) {
  PooledBlock block = *pool_.acquire();
  block.zero();
  constexpr std::size_t kMax = ~std::size_t{0};
  struct Row {
    std::size_t offset, length;
    bool fits;
  };
  for (const Row& row : {Row{0, 10, true},
                         {10, 0, true},
                         {9, 1, true},
                         {0, 11, false},
                         {10, 1, false},
                         {11, 0, false},
                         {kMax, 1, false},
                         {1, kMax, false},
                         {kMax, kMax, false}}) {
    const auto part = block.slice(row.offset, row.length);
    EXPECT_EQ(part.has_value(), row.fits) << row.offset << "+" << row.length;
    if (part) continue;
    EXPECT_EQ(part.error().code, Errc::invalid_size);
  }
  std::array<std::byte, 11> large{};
  EXPECT_EQ(block.write_bytes(0, large).error().code, Errc::invalid_size);
  EXPECT_EQ(block.read_bytes(0, large).error().code, Errc::invalid_size);
  EXPECT_EQ(std::ranges::count(block.bytes(), std::byte{0}), 10);
}

TEST_F(PooledBlockPoolTest, MovesAndReleasesOnce) {
  PooledBlock first = *pool_.acquire();
  std::byte* const at = first.data();
  PooledBlock second = std::move(first);
  EXPECT_FALSE(first);
  EXPECT_EQ(second.data(), at);
  PooledBlock third = *pool_.acquire();
  third = std::move(second);
  EXPECT_EQ(third.data(), at);
  EXPECT_EQ(pool_.stats().in_use, 1u);
  PooledBlock& self = third;
  third = std::move(self);
  EXPECT_TRUE(third);
  third.release();
  third.release();
  EXPECT_EQ(pool_.stats().in_use, 0u);
  EXPECT_EQ(pool_.stats().releases, 2u);
}

TEST_F(PooledBlockPoolTest, DetachesAndAttaches) {
  std::byte* const raw = pool_.acquire()->detach();
  EXPECT_EQ(pool_.stats().in_use, 1u);
  {
    const PooledBlock block = PooledBlock::attach(raw);
    EXPECT_EQ(block.data(), raw);
    EXPECT_EQ(block.size(), 10u);
  }
  EXPECT_EQ(pool_.stats().in_use, 0u);
}

TEST(FixedPoolFactoriesTest, HaveTheSizesOfFrdPu) {
  struct Row {
    Result<FixedPool> pool;
    std::size_t bytes, blocks;
  };
  Row rows[] = {{create_small_pool(), 64, 1000},
                {create_medium_pool(), 1024, 500},
                {create_large_pool(), 65536, 100},
                {create_mtu_pool(), 1500, 1000},
                {create_large_pool(7), 65536, 7}};
  for (const Row& row : rows) {
    ASSERT_TRUE(row.pool.has_value());
    EXPECT_EQ(row.pool->block_bytes(), row.bytes);
    EXPECT_EQ(row.pool->max_blocks(), row.blocks);
  }
  EXPECT_EQ(create_mtu_pool(0).error().code, Errc::invalid_size);
}

}  // namespace
}  // namespace frdpu::core

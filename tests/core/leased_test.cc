#include "core/leased.h"

#include <gtest/gtest.h>

#include <new>
#include <utility>

#include "core/pool/fixed_pool.h"

namespace frdpu::core {
namespace {

// Notes when it goes, and whether its block was still out then.
struct Thing {
  Thing(int& gone, FixedPool& pool) noexcept : gone_(gone), pool_(pool) {}
  Thing(const Thing&) = delete;
  Thing& operator=(const Thing&) = delete;
  ~Thing() {
    ++gone_;
    EXPECT_GE(pool_.stats().in_use, 1u);
  }
  int& gone_;
  FixedPool& pool_;
};

class LeasedTest : public ::testing::Test {
 protected:
  Leased<Thing> make() {
    PooledBlock block = *pool_.acquire();
    auto* thing = ::new (static_cast<void*>(block.data())) Thing(gone_, pool_);
    return {thing, std::move(block)};
  }

  FixedPool pool_ = *FixedPool::create({.name = "things", .block_bytes = 64, .max_blocks = 4});
  int gone_ = 0;
};

TEST_F(LeasedTest, DestroysTheObjectAndThenGivesTheBlockBack) {
  {
    const Leased<Thing> leased = make();
    EXPECT_TRUE(leased);
    EXPECT_EQ(&leased->gone_, &gone_);
    EXPECT_EQ(pool_.stats().in_use, 1u);
  }
  EXPECT_EQ(gone_, 1);
  EXPECT_EQ(pool_.stats().in_use, 0u);
}

TEST_F(LeasedTest, MovesAndResets) {
  Leased<Thing> one = make();
  Leased<Thing> two = std::move(one);
  EXPECT_EQ(gone_, 0);
  one = make();
  two = std::move(one);
  EXPECT_EQ(gone_, 1);
  EXPECT_EQ(pool_.stats().in_use, 1u);
  two.reset();
  two.reset();
  EXPECT_EQ(gone_, 2);
  EXPECT_FALSE(two);
  EXPECT_EQ(two.get(), nullptr);
  EXPECT_EQ(pool_.stats().in_use, 0u);
}

TEST_F(LeasedTest, HandsTheBlockOverForAnotherObject) {
  Leased<Thing> leased = make();
  const PooledBlock block = leased.take_block();
  EXPECT_EQ(gone_, 1);
  EXPECT_TRUE(block);
  EXPECT_FALSE(leased);
  EXPECT_EQ(pool_.stats().in_use, 1u);
}

}  // namespace
}  // namespace frdpu::core

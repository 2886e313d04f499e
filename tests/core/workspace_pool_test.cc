#include "core/workspace_pool.h"

#include <gtest/gtest.h>

#include <vector>

#include "core/codec_factory.h"
#include "tests/support/heap_counter.h"
#include "tests/support/test_data.h"

namespace frdpu::core {
namespace {

class WorkspacePoolsTest : public ::testing::Test {
 protected:
  WorkspacePoolsTest() : pools_(*WorkspacePools::create(300 * kMiB, 1u << 20)) {}

  std::size_t place_of(Coding coding, Direction direction, std::size_t bytes) {
    for (std::size_t i = 0; i < pools_.kinds().size(); ++i) {
      const WorkspaceKind& kind = pools_.kinds()[i];
      if (kind.coding == coding && kind.direction == direction && kind.block_bytes >= bytes) {
        return i;
      }
    }
    return SIZE_MAX;
  }

  WorkspacePools pools_;
};

TEST_F(WorkspacePoolsTest, LeasesTheSmallestClassThatFits) {
  for (std::size_t i = 0; i < pools_.kinds().size(); ++i) {
    const WorkspaceKind& kind = pools_.kinds()[i];
    const auto block =
        pools_.acquire(kind.coding.value_or(Coding::zstd), kind.direction, kind.block_bytes);
    ASSERT_TRUE(block.has_value()) << kind.name;
    EXPECT_EQ(block->size(), kind.block_bytes);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(block->data()) % 64, 0u);
    EXPECT_EQ(pools_.stats(i).in_use, 1u);
    EXPECT_EQ(pools_.stats(i).pool, kind.name);
  }
  for (std::size_t i = 0; i < pools_.kinds().size(); ++i) {
    EXPECT_EQ(pools_.stats(i).in_use, 0u);
    EXPECT_EQ(pools_.stats(i).acquisitions, pools_.stats(i).releases);
  }
  EXPECT_LE(pools_.footprint_bytes(), 300 * kMiB);
  EXPECT_EQ(pools_.max_window_bytes(), 1u << 20);
}

TEST_F(WorkspacePoolsTest, OneClassNeverHelpsAnother) {
  const std::size_t small = place_of(Coding::zstd, Direction::compress, 1);
  std::vector<PooledBlock> out;
  for (std::size_t n = 0; n < pools_.kinds()[small].blocks; ++n) {
    auto block = pools_.acquire(Coding::zstd, Direction::compress, 1);
    ASSERT_TRUE(block.has_value());
    out.push_back(std::move(*block));
  }
  const auto refused = pools_.acquire(Coding::zstd, Direction::compress, 1);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, Errc::pool_exhausted);
  EXPECT_EQ(pools_.stats(small).exhaustions, 1u);
  EXPECT_TRUE(
      pools_.acquire(Coding::zstd, Direction::compress, pools_.kinds()[small].block_bytes + 1)
          .has_value());
  out.pop_back();
  EXPECT_TRUE(pools_.acquire(Coding::zstd, Direction::compress, 1).has_value());
}

TEST_F(WorkspacePoolsTest, RefusesABudgetThatIsTooSmall) {
  const auto refused = WorkspacePools::create(kMiB, 1u << 20);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, Errc::configuration);
  EXPECT_GT(*refused.error().limit, kMiB);
}

TEST_F(WorkspacePoolsTest, SaysWhatTheLargestIs) {
  const auto refused = pools_.acquire(Coding::zstd, Direction::decompress, kGiB);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, Errc::configuration);
  EXPECT_EQ(refused.error().observed, kGiB);
  EXPECT_LT(*refused.error().limit, 4 * kMiB);
}

TEST_F(WorkspacePoolsTest, GivesIdleMemoryBack) {
  { ASSERT_TRUE(pools_.acquire(Coding::zstd, Direction::compress, 3 * kMiB).has_value()); }
  EXPECT_GT(pools_.shrink(), 0u);
  EXPECT_TRUE(pools_.acquire(Coding::zstd, Direction::compress, 3 * kMiB).has_value());
}

TEST_F(WorkspacePoolsTest, LeasingNeverTouchesTheHeapOnceWarm) {
  if (!test::heap_calls_are_counted()) GTEST_SKIP() << "a sanitizer's allocator is in place";
  for (int round = 0; round < 3; ++round) {
    const std::uint64_t before = test::heap_calls();
    for (const WorkspaceKind& kind : pools_.kinds()) {
      ASSERT_TRUE(
          pools_.acquire(kind.coding.value_or(Coding::zstd), kind.direction, kind.block_bytes)
              .has_value());
    }
    if (round != 0) {
      EXPECT_EQ(test::heap_calls(), before);
    }
  }
}

TEST_F(WorkspacePoolsTest, KnowsWhatHasRoomWhetherFreeOrNot) {
  WorkspacePools pools = *WorkspacePools::create(kGiB, 1u << 20);
  for (const CodingTraits& row : all_codings()) {
    for (const Direction direction : {Direction::compress, Direction::decompress}) {
      std::size_t largest = 0;
      for (const WorkspaceKind& kind : pools.kinds()) {
        const bool takes = !kind.coding || *kind.coding == row.coding;
        if (takes && kind.direction == direction) largest = std::max(largest, kind.block_bytes);
      }
      std::vector<PooledBlock> taken;
      while (auto block = pools.acquire(row.coding, direction, largest)) {
        taken.push_back(std::move(*block));
      }
      EXPECT_TRUE(pools.has_room_for(row.coding, direction, 0)) << row.name;
      EXPECT_TRUE(pools.has_room_for(row.coding, direction, largest)) << row.name;
      EXPECT_FALSE(pools.has_room_for(row.coding, direction, largest + 1)) << row.name;
      const auto refused = pools.acquire(row.coding, direction, largest + 1);
      ASSERT_FALSE(refused.has_value());
      EXPECT_EQ(refused.error().code, Errc::configuration);
    }
  }
}

}  // namespace
}  // namespace frdpu::core

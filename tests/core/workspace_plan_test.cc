#include "core/workspace_plan.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <set>
#include <vector>

#include "core/codec_factory.h"
#include "tests/support/test_data.h"

namespace frdpu::core {
namespace {

constexpr std::uint32_t kWindows = 8u << 20;

std::size_t sum_of(const std::vector<WorkspaceKind>& kinds) {
  std::size_t sum = 0;
  for (const WorkspaceKind& kind : kinds) sum += kind.footprint_bytes();
  return sum;
}

// For now: the codings that are built in.
constexpr Coding kCodings[] = {Coding::identity, Coding::lz4, Coding::zstd, Coding::gzip,
                               Coding::deflate};

// The kind that a request of this size would come from.
const WorkspaceKind* kind_for(const std::vector<WorkspaceKind>& kinds, Coding coding,
                              Direction direction, std::size_t bytes) {
  for (const WorkspaceKind& kind : kinds) {
    if (kind.coding.value_or(coding) == coding && kind.direction == direction &&
        kind.block_bytes >= bytes) {
      return &kind;
    }
  }
  return nullptr;
}

TEST(WorkspacePlanTest, PlansStayWithinTheBudgetAndUseMostOfIt) {
  for (const std::uint32_t window : {1u << 15, 1u << 20, kWindows, 1u << 24}) {
    for (const std::size_t budget : {128 * kMiB, 300 * kMiB, kGiB, 2 * kGiB, 16 * kGiB}) {
      const auto plan = plan_workspaces(budget, window);
      if (!plan) {
        EXPECT_EQ(plan.error().code, Errc::configuration);
        EXPECT_GT(*plan.error().limit, budget);
        continue;
      }
      EXPECT_LE(sum_of(*plan), budget);
      if (budget == kGiB * 2) {
        EXPECT_GT(sum_of(*plan), budget / 10 * 8) << window;
      }
    }
  }
}

TEST(WorkspacePlanTest, TheSamePlanEveryTime) {
  const auto one = plan_workspaces(kGiB, kWindows);
  const auto two = plan_workspaces(kGiB, kWindows);
  ASSERT_TRUE(one.has_value() && two.has_value());
  ASSERT_EQ(one->size(), two->size());
  for (std::size_t i = 0; i < one->size(); ++i) {
    EXPECT_EQ((*one)[i].name, (*two)[i].name);
    EXPECT_EQ((*one)[i].block_bytes, (*two)[i].block_bytes);
    EXPECT_EQ((*one)[i].blocks, (*two)[i].blocks);
  }
}

TEST(WorkspacePlanTest, KindsAreNamedOnceAndRiseInSize) {
  const auto plan = plan_workspaces(2 * kGiB, kWindows);
  ASSERT_TRUE(plan.has_value());
  std::set<std::string_view> names;
  for (std::size_t i = 0; i < plan->size(); ++i) {
    const WorkspaceKind& kind = (*plan)[i];
    EXPECT_TRUE(names.insert(kind.name).second) << kind.name;
    const std::string_view owner = kind.coding ? to_string(*kind.coding) : "compress";
    EXPECT_EQ(kind.name.substr(0, owner.size()), owner);
    EXPECT_EQ(kind.block_bytes % 64, 0u);
    EXPECT_GE(kind.blocks, 1u);
    if (i != 0 && (*plan)[i - 1].coding == kind.coding &&
        (*plan)[i - 1].direction == kind.direction) {
      EXPECT_GT(kind.block_bytes, (*plan)[i - 1].block_bytes) << kind.name;
    }
  }
}

TEST(WorkspacePlanTest, TheSmallestBudgetIsNamedAndWorks) {
  const auto refused = plan_workspaces(kMiB, kWindows);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, Errc::configuration);
  EXPECT_EQ(refused.error().observed, kMiB);
  const std::size_t smallest = *refused.error().limit;
  EXPECT_FALSE(plan_workspaces(smallest - 1, kWindows).has_value());
  const auto plan = plan_workspaces(smallest, kWindows);
  ASSERT_TRUE(plan.has_value());
  EXPECT_LE(sum_of(*plan), smallest);
}

// The smallest budget for these windows: all middle classes are gone.
std::size_t smallest_budget(std::uint32_t max_window) {
  return *plan_workspaces(1, max_window).error().limit;
}

TEST(WorkspacePlanTest, AMachineOf128MiBHasRoomForWindowsOfAMiB) {
  const auto plan = plan_workspaces(128 * kMiB, 1u << 20);
  ASSERT_TRUE(plan.has_value());
  EXPECT_LE(sum_of(*plan), 128 * kMiB);
}

TEST(WorkspacePlanTest, DropsLargeMiddleClassesOneByOne) {
  std::size_t classes = 0;
  for (std::size_t budget = smallest_budget(kWindows); budget < 2 * kGiB; budget += 16 * kMiB) {
    const auto plan = plan_workspaces(budget, kWindows);
    ASSERT_TRUE(plan.has_value());
    EXPECT_GE(plan->size(), classes) << budget;
    classes = plan->size();
    EXPECT_LE(sum_of(*plan), budget);
  }
  EXPECT_GE(classes, plan_workspaces(smallest_budget(kWindows), kWindows)->size() + 4);
}

TEST(WorkspacePlanTest, EveryLevelAndWindowFitsAKind) {
  for (const std::uint32_t max_window : {1u << 15, 1u << 20, kWindows, kWindows + 1}) {
    const auto plan = max_window > kWindows
                          ? plan_workspaces(smallest_budget(max_window), max_window)
                          : plan_workspaces(4 * kGiB, max_window);
    ASSERT_TRUE(plan.has_value());
    test::Random random(max_window);
    for (const Coding coding : kCodings) {
      const CodingTraits& of = traits(coding);
      for (int i = 0; i < 3000; ++i) {
        EncoderParams params{.coding = of.coding};
        params.level = static_cast<int>(random.between(of.levels.min, of.levels.max));
        const std::uint32_t top = std::min(of.window_bytes.max, max_window);
        if (top >= of.window_bytes.min && top != 0 && random.below(3) != 0) {
          params.window_bytes =
              static_cast<std::uint32_t>(random.between(of.window_bytes.min, top));
        }
        if (random.below(2) == 0) params.content_bytes = random.next() >> random.between(20, 63);
        params.whole = random.below(2) == 0;
        const auto bytes = encoder_workspace_bytes(with_window_cap(params, max_window));
        ASSERT_TRUE(bytes.has_value());
        EXPECT_NE(kind_for(*plan, of.coding, Direction::compress, *bytes), nullptr)
            << of.name << " level " << params.level << " window " << params.window_bytes << " size "
            << params.content_bytes.value_or(0) << " whole " << params.whole << ": " << *bytes;
      }
    }
  }
}

TEST(WorkspacePlanTest, EveryFrameWithinTheWindowFitsAKind) {
  const auto plan = plan_workspaces(4 * kGiB, kWindows);
  ASSERT_TRUE(plan.has_value());
  test::Random random(5);
  for (const Coding coding : kCodings) {
    const CodingTraits& of = traits(coding);
    for (int i = 0; i < 3000; ++i) {
      FrameHeader header{.coding = of.coding};
      header.window_bytes = random.below(3) == 0 ? kWindows : random.below(kWindows + 1);
      if (random.below(2) == 0) header.content_bytes = random.next();
      if (random.below(2) == 0) header.dictionary_id = 7;
      header.raw = header.legacy = random.below(2) == 0;
      header.independent_blocks = random.below(2) == 0;
      const std::size_t bytes = decoder_workspace_bytes(header);
      EXPECT_NE(kind_for(*plan, of.coding, Direction::decompress, bytes), nullptr)
          << of.name << " window " << *header.window_bytes << ": " << bytes;
    }
  }
}

TEST(WorkspacePlanTest, TwoGiBHoldManyOfTheSmallAndSeveralOfTheLargest) {
  const auto plan = plan_workspaces(2 * kGiB, kWindows);
  ASSERT_TRUE(plan.has_value());
  const auto blocks = [&](const EncoderParams& params) {
    return kind_for(*plan, params.coding, Direction::compress, *encoder_workspace_bytes(params))
        ->blocks;
  };
  for (const Coding coding : {Coding::lz4, Coding::zstd, Coding::gzip, Coding::deflate}) {
    const auto level = static_cast<int>(traits(coding).levels.default_value);
    EXPECT_GE(blocks({.coding = coding, .level = level, .content_bytes = 1400, .whole = true}), 80u)
        << to_string(coding);
  }
  EXPECT_GE(blocks({.coding = Coding::lz4, .level = 1}), 300u);
  EXPECT_GE(blocks({.coding = Coding::zstd, .level = 3}), 50u);
  EXPECT_GE(blocks({.coding = Coding::zstd, .level = 19, .window_bytes = kWindows}), 3u);
  for (const WorkspaceKind& kind : *plan) EXPECT_GE(kind.blocks, 3u) << kind.name;
}

}  // namespace
}  // namespace frdpu::core

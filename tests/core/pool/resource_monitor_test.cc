#include "core/pool/resource_monitor.h"

#include <gtest/gtest.h>

namespace frdpu::core {
namespace {

using namespace std::chrono_literals;
using Health = ResourceMonitor::Health;

class ResourceMonitorPoolTest : public testing::Test {
 protected:
  // One interval: so many acquisitions, refusals and helped-out ones, then a sample.
  void interval(std::uint64_t taken, std::uint64_t refused, std::uint64_t helped = 0,
                std::size_t available = 1) {
    now_ += 500ms;
    stats_.acquisitions += taken;
    stats_.exhaustions += refused;
    stats_.fallbacks += helped;
    stats_.available = available;
    monitor_.sample(0, stats_, now_);
  }

  ResourceMonitor monitor_ = *ResourceMonitor::create(2, {});
  PoolStats stats_{.blocks = 10, .available = 10};
  ResourceMonitor::Clock::time_point now_{};
};

TEST_F(ResourceMonitorPoolTest, RatesWhatFailedInTheLastInterval) {
  interval(75, 25);
  EXPECT_DOUBLE_EQ(monitor_.failure_rate(0), 0.25);
  EXPECT_DOUBLE_EQ(monitor_.failure_rate(1), 0.0);
  interval(0, 0);
  EXPECT_DOUBLE_EQ(monitor_.failure_rate(0), 0.0);
  interval(0, 5, 5);  // another pool helped each time: nobody was refused
  EXPECT_DOUBLE_EQ(monitor_.failure_rate(0), 0.0);
  EXPECT_EQ(monitor_.health(0), Health::degraded);
}

TEST_F(ResourceMonitorPoolTest, DegradesFailsAndRecovers) {
  interval(100, 0);
  EXPECT_EQ(monitor_.health(), Health::healthy);
  interval(99, 1);
  EXPECT_EQ(monitor_.health(), Health::degraded);
  EXPECT_FALSE(monitor_.should_shed());
  interval(80, 20);
  EXPECT_EQ(monitor_.health(), Health::failing);
  EXPECT_TRUE(monitor_.should_shed());
  // Between the two ratios it neither fails anew nor recovers.
  for (int i = 0; i < 10; ++i) interval(95, 5);
  EXPECT_TRUE(monitor_.should_shed());
  interval(100, 0);  // half a second
  EXPECT_TRUE(monitor_.should_shed());
  interval(100, 0);  // a second
  EXPECT_FALSE(monitor_.should_shed());
  EXPECT_EQ(monitor_.health(), Health::healthy);
}

TEST_F(ResourceMonitorPoolTest, IsNotReadyAfterAGraceWithNothingLeft) {
  interval(10, 0, 0, 0);
  for (int i = 0; i < 10; ++i) interval(0, 0, 0, 0);  // 5 s since the first
  EXPECT_TRUE(monitor_.ready());
  interval(0, 0, 0, 0);
  EXPECT_FALSE(monitor_.ready());
  interval(0, 0, 0, 1);
  EXPECT_TRUE(monitor_.ready());
  interval(0, 0, 0, 0);
  EXPECT_TRUE(monitor_.ready());  // the grace starts anew
}

TEST_F(ResourceMonitorPoolTest, TakesTheWorstOfItsPools) {
  interval(100, 0);
  PoolStats other{.blocks = 1, .acquisitions = 1, .exhaustions = 9};
  monitor_.sample(1, other, now_);
  EXPECT_EQ(monitor_.health(0), Health::healthy);
  EXPECT_EQ(monitor_.health(), Health::failing);
}

TEST_F(ResourceMonitorPoolTest, SurvivesAResetOfTheStatistics) {
  interval(1000, 500);
  stats_ = {.blocks = 10, .available = 10};
  interval(90, 10);
  EXPECT_DOUBLE_EQ(monitor_.failure_rate(0), 0.1);
}

TEST_F(ResourceMonitorPoolTest, RefusesOptionsThatCannotWork) {
  EXPECT_EQ(ResourceMonitor::create(~std::size_t{0}, {}).error().code, Errc::configuration);
  const auto refused = [](std::size_t pools, const ResourceMonitor::Options& options) {
    const auto monitor = ResourceMonitor::create(pools, options);
    return !monitor && monitor.error().code == Errc::configuration;
  };
  EXPECT_TRUE(refused(0, {}));
  EXPECT_TRUE(refused(1, {.shed_above = 1.5}));
  EXPECT_TRUE(refused(1, {.shed_above = 0.1, .recover_below = 0.2}));
  EXPECT_TRUE(refused(1, {.recover_below = -0.1}));
  EXPECT_TRUE(refused(1, {.recovery = -1s}));
  EXPECT_TRUE(refused(1, {.ready_grace = -1s}));
  EXPECT_FALSE(refused(1, {.shed_above = 0.0, .recover_below = 0.0}));
}

}  // namespace
}  // namespace frdpu::core

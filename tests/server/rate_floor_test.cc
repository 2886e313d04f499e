#include "server/rate_floor.h"

#include <gtest/gtest.h>

namespace frdpu::server {
namespace {

using namespace std::chrono_literals;

class RateFloorTest : public testing::Test {
 protected:
  // Lets time go by in which the peer is waited for, or not.
  void pass(RateFloor::Clock::duration time, bool waiting) {
    floor_.wait(waiting, now_);
    now_ += time;
  }
  std::optional<std::uint64_t> judge() { return floor_.judge(now_, 10s, 100); }

  RateFloor floor_;
  RateFloor::Clock::time_point now_{1h};
};

TEST_F(RateFloorTest, JudgesAWindowOnceItIsFull) {
  pass(9s, true);
  EXPECT_EQ(judge(), std::nullopt);
  floor_.moved(500);
  pass(1s, true);
  EXPECT_EQ(judge(), 50u);
}

TEST_F(RateFloorTest, PassesWhoIsFastEnough) {
  for (int i = 0; i < 20; ++i) {
    pass(1s, true);
    floor_.moved(100);
    EXPECT_EQ(judge(), std::nullopt) << i;
  }
}

TEST_F(RateFloorTest, AFastStartDoesNotExcuseASlowRest) {
  floor_.moved(1'000'000);
  pass(10s, true);
  EXPECT_EQ(judge(), std::nullopt);
  pass(10s, true);
  floor_.moved(10);
  EXPECT_EQ(judge(), 1u);
}

TEST_F(RateFloorTest, TimeThatThePeerWasNotWaitedForDoesNotCount) {
  for (int i = 0; i < 10; ++i) {
    pass(900ms, true);
    floor_.moved(90);
    pass(1h, false);
    EXPECT_EQ(judge(), std::nullopt) << i;
  }
  pass(1s, true);
  EXPECT_EQ(judge(), 90u);
}

TEST_F(RateFloorTest, StartsAnewAfterAReset) {
  pass(9s, true);
  floor_.reset();
  pass(9s, true);
  EXPECT_EQ(judge(), std::nullopt);
}

}  // namespace
}  // namespace frdpu::server

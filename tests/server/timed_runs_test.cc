#include "server/timed_runs.h"

#include <gtest/gtest.h>

#include <vector>

namespace frdpu::server {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::nanoseconds;

// Work that takes exactly as long as it is told to.
class Work {
 public:
  explicit Work(std::vector<nanoseconds> took) : took_(std::move(took)) {}

  core::Result<void> pass() {
    now_ += took_[passes_++ % took_.size()];
    return {};
  }
  core::Result<TimedRuns> time(nanoseconds least) {
    return time_runs([this] { return pass(); }, least, [this] { return now_; });
  }
  [[nodiscard]] std::size_t passes() const { return passes_; }
  [[nodiscard]] nanoseconds now() const { return now_; }

 private:
  std::vector<nanoseconds> took_;
  std::size_t passes_ = 0;
  nanoseconds now_{1000};
};

TEST(TimedRunsTest, LongPassesAreRunsOfTheirOwnUntilTheTimeIsOver) {
  Work work({milliseconds(10)});
  const auto timed = work.time(milliseconds(45));
  ASSERT_TRUE(timed);
  EXPECT_DOUBLE_EQ(timed->median_seconds, 0.010);
  EXPECT_EQ(timed->runs, 5u);
  EXPECT_EQ(work.passes(), 5u);
}

TEST(TimedRunsTest, ThereIsOnePassAtLeast) {
  Work work({milliseconds(3)});
  const auto timed = work.time(nanoseconds(0));
  ASSERT_TRUE(timed);
  EXPECT_DOUBLE_EQ(timed->median_seconds, 0.003);
  EXPECT_EQ(timed->runs, 1u);
}

TEST(TimedRunsTest, TheMedianLeavesOutliersAlone) {
  Work odd({milliseconds(10), milliseconds(900), milliseconds(12)});
  EXPECT_DOUBLE_EQ(odd.time(milliseconds(915))->median_seconds, 0.012);
  Work even({milliseconds(10), milliseconds(12), milliseconds(14), milliseconds(900)});
  EXPECT_DOUBLE_EQ(even.time(milliseconds(40))->median_seconds, 0.013);
}

TEST(TimedRunsTest, ShortPassesAreTimedManyAtOnce) {
  Work work({microseconds(10)});
  const auto timed = work.time(milliseconds(100));
  ASSERT_TRUE(timed);
  EXPECT_NEAR(timed->median_seconds, 10e-6, 1e-12);
  // 1 to 256 passes are shorter than 5 ms and dropped, 5.11 ms together; 19 runs of 512 follow.
  EXPECT_EQ(timed->runs, 19u);
  EXPECT_EQ(work.passes(), 511u + 19 * 512);
}

TEST(TimedRunsTest, WhatIsTimedMayFail) {
  int passes = 0;
  const auto timed = time_runs(
      [&]() -> core::Result<void> {
        if (++passes == 3) return core::fail(core::Errc::corrupt_input);
        return {};
      },
      milliseconds(100), [&] { return nanoseconds(passes); });
  ASSERT_FALSE(timed);
  EXPECT_EQ(timed.error().code, core::Errc::corrupt_input);
  EXPECT_EQ(passes, 3);
}

}  // namespace
}  // namespace frdpu::server

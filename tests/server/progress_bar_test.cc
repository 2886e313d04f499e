#include "server/progress_bar.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace frdpu::server {
namespace {

using std::chrono::milliseconds;
using ::testing::HasSubstr;

constexpr std::uint64_t kMiB = 1 << 20;
const ProgressBar::Clock::time_point kStart{std::chrono::hours(5)};

TEST(ProgressBarTest, ShortWorkIsLeftAlone) {
  ProgressBar bar("file", 32 * kMiB - 1, 80, kStart);
  EXPECT_EQ(bar.update(32 * kMiB - 1, kStart + milliseconds(400)), "");
  EXPECT_EQ(bar.clear(), "");
}

TEST(ProgressBarTest, LongWorkIsShownFromTheStartToTheEnd) {
  ProgressBar bar("big.tar", 64 * kMiB, 80, kStart);
  EXPECT_EQ(bar.update(0, kStart), "\rbig.tar  [....................]    0 %  0 B\x1b[K");
  EXPECT_EQ(bar.update(32 * kMiB, kStart + milliseconds(1000)),
            "\rbig.tar  [##########..........]   50 %  32.0 MiB  32.0 MiB/s\x1b[K");
  EXPECT_EQ(bar.update(64 * kMiB, kStart + milliseconds(1001)),
            "\rbig.tar  [####################]  100 %  64.0 MiB  63.9 MiB/s\x1b[K");
  EXPECT_EQ(bar.clear(), "\r\x1b[K");
  EXPECT_EQ(bar.clear(), "");
}

TEST(ProgressBarTest, ItIsRedrawnTenTimesASecond) {
  ProgressBar bar("file", 64 * kMiB, 80, kStart);
  EXPECT_NE(bar.update(1, kStart), "");
  EXPECT_EQ(bar.update(2, kStart + milliseconds(99)), "");
  EXPECT_NE(bar.update(3, kStart + milliseconds(100)), "");
}

TEST(ProgressBarTest, WithoutASizeItShowsHowMuchAfterHalfASecond) {
  ProgressBar bar("standard input", std::nullopt, 80, kStart);
  EXPECT_EQ(bar.update(500 * kMiB, kStart + milliseconds(499)), "");
  EXPECT_EQ(bar.update(500 * kMiB, kStart + milliseconds(500)),
            "\rstandard input  500.0 MiB  1000.0 MiB/s\x1b[K");
}

TEST(ProgressBarTest, AFileThatGrowsStaysAtAHundred) {
  ProgressBar bar("file", 64 * kMiB, 80, kStart);
  EXPECT_THAT(bar.update(90 * kMiB, kStart), HasSubstr("[####################]  100 %"));
}

TEST(ProgressBarTest, NamesCannotBreakTheLine) {
  ProgressBar bar("a\x1b[2J\nb" + std::string(100, 'x'), 64 * kMiB, 40, kStart);
  const std::string line = bar.update(1, kStart);
  EXPECT_THAT(line, ::testing::StartsWith("\ra?[2J?bxxx"));
  EXPECT_EQ(line.size(), 1 + 39 + 3u);
}

TEST(ProgressBarTest, BytesAreWrittenForPeople) {
  EXPECT_EQ(human_bytes(0), "0 B");
  EXPECT_EQ(human_bytes(1023), "1023 B");
  EXPECT_EQ(human_bytes(1536), "1.5 KiB");
  EXPECT_EQ(human_bytes(1073741824), "1.0 GiB");
  EXPECT_EQ(human_bytes(5e15), "4547.5 TiB");
}

}  // namespace
}  // namespace frdpu::server

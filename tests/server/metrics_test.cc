#include "server/metrics.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <numeric>
#include <thread>
#include <vector>

namespace frdpu::server {
namespace {

using core::Coding;
using core::Direction;
using core::Errc;
using proto::Method;
using proto::Route;
using std::chrono::microseconds;
using std::chrono::nanoseconds;
using std::chrono::seconds;

std::size_t status_at(unsigned status) {
  for (std::size_t i = 0; i < kStatuses.size(); ++i) {
    if (kStatuses[i] == status) return i;
  }
  return kStatuses.size();
}

TEST(MetricsTest, ARequestCountsOnceInEachOfItsSeries) {
  Metrics metrics(1);
  MetricsShard& shard = metrics.shard(0);
  shard.request_started(Route::compress);
  EXPECT_EQ(metrics.total(metric_cell::in_flight(Route::compress)), 1u);
  shard.request_finished(Route::compress, Method::post, 200, microseconds(700));

  EXPECT_EQ(metrics.total(metric_cell::in_flight(Route::compress)), 0u);
  EXPECT_EQ(metrics.total(metric_cell::requests(Route::compress, Method::post, status_at(200))),
            1u);
  EXPECT_EQ(metrics.total(metric_cell::duration_sum(Route::compress)), 700'000u);
  const auto totals = metrics.totals();
  // Request, bucket and sum: nothing else moved.
  EXPECT_EQ(std::accumulate(totals.begin(), totals.end(), std::uint64_t{0}), 700'002u);
}

TEST(MetricsTest, DurationsFallIntoTheBucketWhoseBoundTheyReach) {
  struct Row {
    nanoseconds duration;
    std::size_t bucket;
  };
  for (const Row& row : {Row{nanoseconds(0), 0}, Row{microseconds(100), 0},
                         Row{nanoseconds(100'001), 1}, Row{microseconds(500), 2},
                         Row{seconds(10), 15}, Row{seconds(11), 16}, Row{nanoseconds(-5), 0}}) {
    SCOPED_TRACE(row.duration.count());
    Metrics metrics(1);
    metrics.shard(0).request_finished(Route::limits, Method::get, 200, row.duration);
    for (std::size_t bucket = 0; bucket < metric_cell::kBuckets; ++bucket) {
      EXPECT_EQ(metrics.total(metric_cell::duration_bucket(Route::limits, bucket)),
                bucket == row.bucket ? 1u : 0u);
    }
  }
}

TEST(MetricsTest, AStatusThatNobodyPlannedForStillCounts) {
  Metrics metrics(1);
  metrics.shard(0).request_finished(Route::other, Method::other, 418, nanoseconds(1));
  EXPECT_EQ(metrics.total(metric_cell::requests(Route::other, Method::other, kStatuses.size() - 1)),
            1u);
}

TEST(MetricsTest, CodecWorkIsKeptByCodingAndDirection) {
  Metrics metrics(2);
  metrics.shard(0).codec_worked(Coding::br, Direction::decompress, 10, 200, nanoseconds(3000));
  metrics.shard(1).codec_worked(Coding::br, Direction::decompress, 1, 2, nanoseconds(3));
  metrics.shard(1).codec_worked(Coding::br, Direction::compress, 7, 7, nanoseconds(7));
  const auto total = [&](CodecCount count) {
    return metrics.total(metric_cell::codec(Coding::br, Direction::decompress, count));
  };
  EXPECT_EQ(total(CodecCount::input_bytes), 11u);
  EXPECT_EQ(total(CodecCount::output_bytes), 202u);
  EXPECT_EQ(total(CodecCount::cpu_nanoseconds), 3003u);
}

TEST(MetricsTest, OnlyLimitsCountAsLimitHits) {
  Metrics metrics(1);
  for (const Errc code : kLimitCodes) metrics.shard(0).limit_hit(code);
  metrics.shard(0).limit_hit(Errc::corrupt_input);
  metrics.shard(0).limit_hit(Errc::invalid_level);
  for (std::size_t i = 0; i < kLimitCodes.size(); ++i) {
    EXPECT_EQ(metrics.total(metric_cell::kLimits + i), 1u) << core::to_string(kLimitCodes[i]);
  }
  const auto totals = metrics.totals();
  EXPECT_EQ(std::accumulate(totals.begin(), totals.end(), std::uint64_t{0}), kLimitCodes.size());
}

TEST(MetricsTest, CodesOfOneNameShareTheirSeries) {
  Metrics metrics(1);
  for (const Errc code :
       {Errc::body_too_large, Errc::dictionaries_too_large, Errc::fixed_limit_exceeded}) {
    metrics.shard(0).limit_hit(code);
  }
  const auto place = std::ranges::find(kLimitCodes, Errc::body_too_large) - kLimitCodes.begin();
  EXPECT_EQ(metrics.total(metric_cell::kLimits + static_cast<std::size_t>(place)), 3u);
}

TEST(MetricsTest, GaugesMayRiseInOneShardAndFallInAnother) {
  Metrics metrics(2);
  metrics.shard(0).connection_entered(ConnectionState::idle);
  metrics.shard(1).connection_left(ConnectionState::idle);
  metrics.shard(1).connection_entered(ConnectionState::active);
  EXPECT_EQ(metrics.total(metric_cell::connections(ConnectionState::idle)), 0u);
  EXPECT_EQ(metrics.total(metric_cell::connections(ConnectionState::active)), 1u);
  metrics.shard(0).request_started(Route::probe);
  metrics.shard(0).request_abandoned(Route::probe);
  EXPECT_EQ(metrics.total(metric_cell::in_flight(Route::probe)), 0u);
}

TEST(MetricsTest, NoTwoSeriesShareACell) {
  std::vector<int> uses(metric_cell::kCount, 0);
  for (std::size_t r = 0; r < metric_cell::kRoutes; ++r) {
    const auto route = static_cast<Route>(r);
    for (std::size_t m = 0; m < metric_cell::kMethods; ++m) {
      for (std::size_t s = 0; s < kStatuses.size(); ++s) {
        ++uses[metric_cell::requests(route, static_cast<Method>(m), s)];
      }
    }
    for (std::size_t b = 0; b < metric_cell::kBuckets; ++b) {
      ++uses[metric_cell::duration_bucket(route, b)];
    }
    ++uses[metric_cell::duration_sum(route)];
    ++uses[metric_cell::in_flight(route)];
  }
  for (std::size_t c = 0; c < core::kCodingCount; ++c) {
    for (const Direction direction : {Direction::compress, Direction::decompress}) {
      for (const CodecCount count :
           {CodecCount::input_bytes, CodecCount::output_bytes, CodecCount::cpu_nanoseconds}) {
        ++uses[metric_cell::codec(static_cast<Coding>(c), direction, count)];
      }
    }
  }
  for (std::size_t i = 0; i < kLimitCodes.size(); ++i) ++uses[metric_cell::kLimits + i];
  ++uses[metric_cell::kWriteTimeouts];
  ++uses[metric_cell::kRequestLimits];
  ++uses[metric_cell::connections(ConnectionState::active)];
  ++uses[metric_cell::connections(ConnectionState::idle)];
  for (std::size_t cell = 0; cell < uses.size(); ++cell) EXPECT_EQ(uses[cell], 1) << cell;
}

TEST(MetricsThreadTest, ScrapesWhileThreadsCountLoseNothing) {
  constexpr std::size_t kThreads = 4;
  constexpr std::uint64_t kRequests = 20'000;
  Metrics metrics(kThreads);
  std::atomic<std::size_t> running{kThreads};
  std::vector<std::jthread> threads;
  for (std::size_t i = 0; i < kThreads; ++i) {
    threads.emplace_back([&metrics, &running, i] {
      MetricsShard& shard = metrics.shard(i);
      for (std::uint64_t n = 0; n < kRequests; ++n) {
        shard.request_started(Route::compress);
        shard.request_finished(Route::compress, Method::post, 200, nanoseconds(10));
      }
      running.fetch_sub(1, std::memory_order_release);
    });
  }
  std::uint64_t before = 0;
  while (running.load(std::memory_order_acquire) != 0) {
    const auto totals = metrics.totals();
    const std::uint64_t now =
        totals[metric_cell::requests(Route::compress, Method::post, status_at(200))];
    EXPECT_GE(now, before);
    before = now;
  }
  EXPECT_EQ(metrics.total(metric_cell::requests(Route::compress, Method::post, status_at(200))),
            kThreads * kRequests);
  EXPECT_EQ(metrics.total(metric_cell::in_flight(Route::compress)), 0u);
}

}  // namespace
}  // namespace frdpu::server

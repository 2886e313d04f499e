#include "server/timed_runs.h"

#include <algorithm>
#include <cstdint>
#include <vector>

namespace frdpu::server {
namespace {

constexpr std::chrono::milliseconds kShortestRun{5};

// Requires: some. Of an even number the mean of the two in the middle.
double median(std::vector<double>& values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::ranges::nth_element(values, middle);
  if (values.size() % 2 == 1) return *middle;
  return (*middle + *std::max_element(values.begin(), middle)) / 2;
}

}  // namespace

core::Result<TimedRuns> time_runs(const std::function<core::Result<void>()>& pass,
                                  std::chrono::nanoseconds least, const TimeSource& now) {
  std::vector<double> passes_took;  // seconds a pass, one for each run
  std::chrono::nanoseconds spent{0};
  std::uint64_t passes = 1;
  do {
    const auto start = now();
    for (std::uint64_t i = 0; i < passes; ++i) {
      if (auto done = pass(); !done) return std::unexpected(done.error());
    }
    const auto took = now() - start;
    spent += took;
    if (took < kShortestRun && spent < least) {
      passes *= 2;
      continue;
    }
    passes_took.push_back(std::chrono::duration<double>(took).count() /
                          static_cast<double>(passes));
  } while (spent < least);
  return TimedRuns{median(passes_took), passes_took.size()};
}

}  // namespace frdpu::server

#pragma once

#include <chrono>
#include <cstddef>
#include <functional>

#include "core/error.h"

/// How long something takes that is too short for one look at the clock.
namespace frdpu::server {

struct TimedRuns {
  double median_seconds = 0;  ///< of one pass
  std::size_t runs = 0;       ///< that the median is of
};

/// The time so far, from a start that does not matter.
using TimeSource = std::function<std::chrono::nanoseconds()>;

/// Calls `pass` again and again until `least` has gone by, at least once. Passes are timed in runs
/// of as many as take 5 ms, so that the clock's own cost does not count; shorter runs, with which
/// that number is found, are dropped unless the time was over with them.
/// Returns: the median over the runs. Errors: the first one of `pass`.
[[nodiscard]] core::Result<TimedRuns> time_runs(const std::function<core::Result<void>()>& pass,
                                                std::chrono::nanoseconds least,
                                                const TimeSource& now);

}  // namespace frdpu::server

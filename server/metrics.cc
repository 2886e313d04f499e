#include "server/metrics.h"

#include <algorithm>

namespace frdpu::server {
namespace {

// The table's last entry stands for every status that it does not name.
std::size_t status_index(unsigned status) noexcept {
  for (std::size_t i = 0; i + 1 < kStatuses.size(); ++i) {
    if (kStatuses[i] == status) return i;
  }
  return kStatuses.size() - 1;
}

std::size_t bucket_of(std::chrono::nanoseconds duration) noexcept {
  const double seconds = std::chrono::duration<double>(duration).count();
  const auto* bound = std::ranges::lower_bound(kDurationBounds, seconds);
  return static_cast<std::size_t>(bound - kDurationBounds.begin());
}

std::uint64_t count_of(std::chrono::nanoseconds time) noexcept {
  return static_cast<std::uint64_t>(std::max<std::chrono::nanoseconds::rep>(time.count(), 0));
}

}  // namespace

void MetricsShard::request_finished(proto::Route route, proto::Method method, unsigned status,
                                    std::chrono::nanoseconds duration) noexcept {
  subtract(metric_cell::in_flight(route));
  add(metric_cell::requests(route, method, status_index(status)), 1);
  add(metric_cell::duration_bucket(route, bucket_of(duration)), 1);
  add(metric_cell::duration_sum(route), count_of(duration));
}

void MetricsShard::codec_worked(core::Coding coding, core::Direction direction,
                                std::uint64_t input_bytes, std::uint64_t output_bytes,
                                std::chrono::nanoseconds cpu_time) noexcept {
  add(metric_cell::codec(coding, direction, CodecCount::input_bytes), input_bytes);
  add(metric_cell::codec(coding, direction, CodecCount::output_bytes), output_bytes);
  add(metric_cell::codec(coding, direction, CodecCount::cpu_nanoseconds), count_of(cpu_time));
}

void MetricsShard::limit_hit(core::Errc code) noexcept {
  // By name: codes that share one share its series.
  const auto* found = std::ranges::find(kLimitCodes, core::to_string(code),
                                        [](core::Errc known) { return core::to_string(known); });
  if (found == kLimitCodes.end()) return;
  add(metric_cell::kLimits + static_cast<std::size_t>(found - kLimitCodes.begin()), 1);
}

Metrics::Metrics(std::size_t shards)
    : shards_(std::make_unique<MetricsShard[]>(shards)), count_(shards) {}

std::vector<std::uint64_t> Metrics::totals() const {
  std::vector<std::uint64_t> sums(metric_cell::kCount, 0);
  for (std::size_t i = 0; i < count_; ++i) {
    for (std::size_t cell = 0; cell < sums.size(); ++cell) sums[cell] += shards_[i].cell(cell);
  }
  return sums;
}

std::uint64_t Metrics::total(std::size_t cell) const noexcept {
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < count_; ++i) sum += shards_[i].cell(cell);
  return sum;
}

}  // namespace frdpu::server

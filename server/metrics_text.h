#pragma once

#include <prometheus/collectable.h>
#include <prometheus/metric_family.h>

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "core/pool/pool_stats.h"
#include "server/metrics.h"

/// All metrics of API.md as Prometheus reads them. Only a scrape pays for them: it sums the shards
/// and asks the pools; no request takes a lock for it.
namespace frdpu::server {

/// Content-Type of what `metrics_text` returns.
inline constexpr std::string_view kMetricsType = "text/plain; version=0.0.4; charset=utf-8";

/// Returns every pool's numbers, now.
using PoolStatsSource = std::function<std::vector<core::PoolStats>()>;

/// The metrics as prometheus-cpp takes them, so that a Registry or Exposer could serve them too.
/// Ownership: `metrics` must outlive it. Threads: any.
class MetricsCollectable final : public prometheus::Collectable {
 public:
  MetricsCollectable(const Metrics& metrics, PoolStatsSource pools)
      : metrics_(metrics), pools_(std::move(pools)) {}

  /// Collects every family, also those without a series yet. Cost: allocates; about 1 ms.
  [[nodiscard]] std::vector<prometheus::MetricFamily> Collect() const override;

 private:
  const Metrics& metrics_;
  PoolStatsSource pools_;
};

/// Renders what the source collects in the text format, version 0.0.4.
[[nodiscard]] std::string metrics_text(const prometheus::Collectable& source);

}  // namespace frdpu::server

#pragma once

#include <prometheus/collectable.h>
#include <prometheus/metric_family.h>

#include <functional>
#include <vector>

#include "core/pool/pool_stats.h"
#include "server/metrics.h"

/// All metrics of API.md with their names, labels and units. Only a scrape pays for them: it sums
/// the shards and asks the pools; no request takes a lock for it.
namespace frdpu::server {

/// Returns every pool's numbers, now.
using PoolStatsSource = std::function<std::vector<core::PoolStats>()>;

/// The metrics as prometheus-cpp takes them, so that a Registry or Exposer could serve them too.
/// Ownership: `metrics` must outlive it. Threads: any.
class MetricsCollectable final : public prometheus::Collectable {
 public:
  MetricsCollectable(const Metrics& metrics, PoolStatsSource pools)
      : metrics_(metrics), pools_(std::move(pools)) {}

  /// Collects every family, also those without a series yet. Cost: allocates; 0.2 ms.
  [[nodiscard]] std::vector<prometheus::MetricFamily> Collect() const override;

 private:
  const Metrics& metrics_;
  PoolStatsSource pools_;
};

}  // namespace frdpu::server

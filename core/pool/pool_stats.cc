#include "core/pool/pool_stats.h"

#include <algorithm>
#include <ostream>

namespace frdpu::core {

double PoolStats::utilization() const noexcept {
  return blocks == 0 ? 0.0
                     : std::min(1.0, static_cast<double>(in_use) / static_cast<double>(blocks));
}

PoolStats& PoolStats::operator+=(const PoolStats& other) noexcept {
  if (block_bytes != other.block_bytes) block_bytes = 0;
  blocks += other.blocks;
  in_use += other.in_use;
  available += other.available;
  peak += other.peak;
  acquisitions += other.acquisitions;
  releases += other.releases;
  exhaustions += other.exhaustions;
  fallbacks += other.fallbacks;
  return *this;
}

std::ostream& operator<<(std::ostream& out, const PoolStats& stats) {
  return out << "pool=" << stats.pool << " block_bytes=" << stats.block_bytes
             << " blocks=" << stats.blocks << " in_use=" << stats.in_use
             << " available=" << stats.available << " peak=" << stats.peak
             << " acquisitions=" << stats.acquisitions << " releases=" << stats.releases
             << " exhaustions=" << stats.exhaustions << " fallbacks=" << stats.fallbacks
             << " utilization=" << stats.utilization();
}

}  // namespace frdpu::core

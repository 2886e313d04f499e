#include "core/pool/resource_monitor.h"

#include <algorithm>
#include <cassert>
#include <new>
#include <utility>

namespace frdpu::core {
namespace {

// What was counted since `before`; all of it when the counter was reset in between.
std::uint64_t advance(std::uint64_t& before, std::uint64_t now) noexcept {
  const std::uint64_t last = std::exchange(before, now);
  return now >= last ? now - last : now;
}

}  // namespace

Result<ResourceMonitor> ResourceMonitor::create(std::size_t pools, const Options& options) {
  if (pools == 0) return fail(Errc::configuration, "a monitor of no pools");
  const bool ordered = options.recover_below >= 0.0 &&
                       options.recover_below <= options.shed_above && options.shed_above <= 1.0;
  if (!ordered) return fail(Errc::configuration, "failure ratios must rise from 0 to 1");
  if (options.recovery < Clock::duration::zero() || options.ready_grace < Clock::duration::zero()) {
    return fail(Errc::configuration, "a time is negative");
  }
  try {
    return ResourceMonitor(pools, options);
  } catch (const std::bad_alloc&) {
    return fail(Errc::configuration, "no memory for so many pools");
  }
}

void ResourceMonitor::sample(std::size_t pool, const PoolStats& stats,
                             Clock::time_point now) noexcept {
  assert(pool < pools_);
  Record& record = records_[pool];
  const std::uint64_t taken = advance(record.acquisitions, stats.acquisitions);
  const std::uint64_t refused = advance(record.exhaustions, stats.exhaustions);
  const std::uint64_t helped = advance(record.fallbacks, stats.fallbacks);
  // A refusal that ended in help was no failure for whoever asked.
  const std::uint64_t failed = refused - std::min(refused, helped);
  const std::uint64_t asked = taken + refused;
  const double rate = asked == 0 ? 0.0 : static_cast<double>(failed) / static_cast<double>(asked);
  record.failure_rate.store(rate, std::memory_order_relaxed);

  Health health = record.health.load(std::memory_order_relaxed);
  if (rate > options_.shed_above) {
    health = Health::failing;
    record.last_bad = now;
  } else if (health == Health::failing) {
    if (rate > options_.recover_below) record.last_bad = now;
    if (now - record.last_bad >= options_.recovery) health = Health::healthy;
  }
  if (health != Health::failing) {
    health = failed > 0 || helped > 0 ? Health::degraded : Health::healthy;
  }
  record.health.store(health, std::memory_order_relaxed);

  const bool empty = stats.available == 0;
  if (empty && !record.was_empty) record.empty_since = now;
  record.was_empty = empty;
  record.ready.store(!empty || now - record.empty_since <= options_.ready_grace,
                     std::memory_order_relaxed);
}

double ResourceMonitor::failure_rate(std::size_t pool) const noexcept {
  return records_[pool].failure_rate.load(std::memory_order_relaxed);
}

ResourceMonitor::Health ResourceMonitor::health(std::size_t pool) const noexcept {
  return records_[pool].health.load(std::memory_order_relaxed);
}

ResourceMonitor::Health ResourceMonitor::health() const noexcept {
  Health worst = Health::healthy;
  for (std::size_t pool = 0; pool < pools_; ++pool) worst = std::max(worst, health(pool));
  return worst;
}

bool ResourceMonitor::ready() const noexcept {
  for (std::size_t pool = 0; pool < pools_; ++pool) {
    if (!records_[pool].ready.load(std::memory_order_relaxed)) return false;
  }
  return true;
}

}  // namespace frdpu::core

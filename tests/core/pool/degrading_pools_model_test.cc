// Random operations on pools that follow a policy, against a model that is a few numbers.
#include <gtest/gtest.h>

#include <array>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "core/pool/pool_manager.h"
#include "core/pool/ring_buffer_pool.h"

namespace frdpu::core {
namespace {

constexpr std::size_t kPools = 3;

/// What a chain of pools with a policy must do, by its description alone.
class Model {
 public:
  Model(std::array<std::size_t, kPools> most, DegradationPolicy policy, bool ring)
      : most_(most), policy_(policy), ring_(ring) {}

  /// Returns: the pool that gives a block, kPools + i for the heap's i-th size, or nothing.
  std::optional<std::size_t> acquire(std::size_t first, Fallback next_pool) {
    const std::size_t last = !bool(next_pool) ? first + 1 : ring_ ? first + kPools : kPools;
    for (std::size_t turn = first; turn < last; ++turn) {
      const std::size_t pool = turn % kPools;
      if (out_[pool] == most_[pool]) {
        ++stats[pool].exhaustions;
        continue;
      }
      ++out_[pool];
      ++stats[pool].acquisitions;
      if (pool != first) ++stats[first].fallbacks;
      return pool;
    }
    const std::size_t heap = kPools + (ring_ ? 0 : first);
    if (policy_.heap_blocks == 0 || out_[heap] == policy_.heap_blocks) return std::nullopt;
    ++out_[heap];
    ++stats[first].fallbacks;
    return heap;
  }

  void release(std::size_t from) {
    --out_[from];
    if (from < kPools) ++stats[from].releases;
  }

  [[nodiscard]] bool has_available(std::size_t first, Fallback next_pool) const {
    Model copy = *this;
    return copy.acquire(first, next_pool).has_value();
  }

  [[nodiscard]] std::size_t on_heap() const {
    return out_[kPools] + out_[kPools + 1] + out_[kPools + 2];
  }

  void expect(std::span<const FixedPool> pools) const {
    for (std::size_t i = 0; i < kPools; ++i) {
      const PoolStats real = pools[i].stats();
      ASSERT_EQ(real.in_use, out_[i]);
      ASSERT_EQ(real.acquisitions, stats[i].acquisitions);
      ASSERT_EQ(real.releases, stats[i].releases);
      ASSERT_EQ(real.exhaustions, stats[i].exhaustions);
      ASSERT_EQ(real.fallbacks, stats[i].fallbacks);
    }
  }

  std::array<PoolStats, kPools> stats{};

 private:
  std::array<std::size_t, kPools> most_;
  DegradationPolicy policy_;
  bool ring_;
  std::array<std::size_t, 2 * kPools> out_{};
};

struct Held {
  PooledBlock block;
  std::size_t from;
  std::byte mark;
};

void hold(std::vector<Held>& held, Result<PooledBlock> block, std::optional<std::size_t> expected,
          std::mt19937_64& random) {
  ASSERT_EQ(block.has_value(), expected.has_value());
  if (!block) {
    ASSERT_EQ(block.error().code, Errc::pool_exhausted);
    return;
  }
  const auto mark = std::byte(random());
  block->data()[0] = block->data()[block->size() - 1] = mark;
  held.push_back({*std::move(block), *expected, mark});
}

void release_one(std::vector<Held>& held, Model& model, std::mt19937_64& random) {
  if (held.empty()) return;
  std::swap(held[random() % held.size()], held.back());
  const Held& last = held.back();
  ASSERT_EQ(last.block.data()[0], last.mark);
  ASSERT_EQ(last.block.data()[last.block.size() - 1], last.mark);
  model.release(last.from);
  held.pop_back();
}

const DegradationPolicy kPolicies[] = {
    {}, {Fallback::allowed, 0}, {Fallback::refused, 3}, {Fallback::allowed, 5}};

TEST(DegradingPoolsModelTest, PoolManagerAgreesWithAPlainModel) {
  const std::uint64_t seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  constexpr std::array<std::size_t, kPools> kBytes = {100, 1500, 9000};
  for (const DegradationPolicy& policy : kPolicies) {
    std::array<std::size_t, kPools> most{};
    std::array<FixedPool::Options, kPools> classes;
    for (std::size_t i = 0; i < kPools; ++i) {
      most[i] = 1 + random() % 20;
      classes[i] = {.name = "class", .block_bytes = kBytes[i], .max_blocks = most[i]};
    }
    PoolManager manager = *PoolManager::create(classes, policy);
    Model model(most, policy, false);
    std::vector<Held> held;
    for (int step = 0; step < 4000; ++step) {
      const std::size_t bytes = 1 + random() % kBytes.back();
      const std::size_t first = bytes <= kBytes[0] ? 0 : bytes <= kBytes[1] ? 1 : 2;
      const auto next_pool = random() % 4 == 0 ? Fallback(random() % 2) : policy.next_pool;
      ASSERT_EQ(manager.has_available(bytes, next_pool), model.has_available(first, next_pool));
      if (random() % 100 < (step / 500 % 2 == 0 ? 60u : 35u)) {
        const auto expected = model.acquire(first, next_pool);
        ASSERT_NO_FATAL_FAILURE(hold(held, manager.acquire(bytes, next_pool), expected, random));
        if (expected) {
          ASSERT_EQ(held.back().block.size(), kBytes[*expected % kPools]);
        }
      } else {
        ASSERT_NO_FATAL_FAILURE(release_one(held, model, random));
      }
      ASSERT_NO_FATAL_FAILURE(model.expect(manager.pools()));
      ASSERT_EQ(manager.heap_stats().in_use, model.on_heap());
      ASSERT_EQ(manager.total_stats().in_use + model.on_heap(), held.size());
    }
  }
}

TEST(DegradingPoolsModelTest, RingBufferPoolAgreesWithAPlainModel) {
  const std::uint64_t seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  for (const DegradationPolicy& policy : kPolicies) {
    std::array<std::size_t, kPools> most{};
    std::array<FixedPool::Options, kPools> pools;
    for (std::size_t i = 0; i < kPools; ++i) {
      most[i] = 1 + random() % 20;
      pools[i] = {.name = "turn", .block_bytes = 700, .max_blocks = most[i]};
    }
    RingBufferPool ring = *RingBufferPool::create(pools, policy);
    Model model(most, policy, true);
    std::vector<Held> held;
    std::size_t turn = 0;
    for (int step = 0; step < 4000; ++step) {
      ASSERT_EQ(ring.has_available(), model.has_available(0, Fallback::allowed));
      if (random() % 100 < (step / 500 % 2 == 0 ? 60u : 35u)) {
        const auto expected = model.acquire(turn++ % kPools, policy.next_pool);
        ASSERT_NO_FATAL_FAILURE(hold(held, ring.acquire(), expected, random));
      } else {
        ASSERT_NO_FATAL_FAILURE(release_one(held, model, random));
      }
      ASSERT_NO_FATAL_FAILURE(model.expect(ring.pools()));
      ASSERT_EQ(ring.heap_stats().in_use, model.on_heap());
    }
  }
}

}  // namespace
}  // namespace frdpu::core

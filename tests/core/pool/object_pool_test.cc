#include "core/pool/object_pool.h"

#include <gtest/gtest.h>

#include <atomic>
#include <random>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace frdpu::core {
namespace {

struct Entity {
  int value = 0;
  static inline std::atomic<int> living{0};
  Entity() { ++living; }
  Entity(const Entity&) = delete;
  Entity& operator=(const Entity&) = delete;
  ~Entity() { --living; }
};

ObjectPool<Entity> make(std::size_t max, DegradationPolicy policy = {}) {
  return *ObjectPool<Entity>::create(
      {.name = "entities", .max_objects = max, .policy = policy},
      [] { return std::make_unique<Entity>(); }, [](Entity& entity) { entity.value = 0; });
}

TEST(ObjectPoolTest, BoundCountsWhatIsOut) {
  // FRD-PU bounded only the list of those that wait: with all of them out it made more and more.
  ObjectPool<Entity> pool = make(3);
  std::vector<PooledObject<Entity>> held;
  for (int i = 0; i < 3; ++i) held.push_back(*pool.acquire());
  EXPECT_EQ(Entity::living, 3);
  EXPECT_FALSE(pool.has_available());
  const auto refused = pool.acquire();
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, Errc::pool_exhausted);
  EXPECT_EQ(refused.error().limit, 3u);
  held.pop_back();
  EXPECT_TRUE(pool.has_available());
  EXPECT_TRUE(pool.acquire().has_value());
  EXPECT_EQ(Entity::living, 3);
  const PoolStats stats = pool.stats();
  EXPECT_EQ(stats.pool, "entities");
  EXPECT_EQ(stats.block_bytes, sizeof(Entity));
  EXPECT_EQ(stats.in_use, 2u);
  EXPECT_EQ(stats.available, 1u);
  EXPECT_EQ(stats.peak, 3u);
  EXPECT_EQ(stats.acquisitions, 4u);
  EXPECT_EQ(stats.releases, 2u);
  EXPECT_EQ(stats.exhaustions, 1u);
}

TEST(ObjectPoolTest, ResetsWhatComesHome) {
  ObjectPool<Entity> pool = make(1);
  const Entity* first = nullptr;
  {
    PooledObject<Entity> entity = *pool.acquire();
    entity->value = 7;
    first = entity.get();
  }
  const PooledObject<Entity> again = *pool.acquire();
  EXPECT_EQ(again.get(), first);
  EXPECT_EQ((*again).value, 0);
}

TEST(ObjectPoolTest, DropsWhatCannotBeReset) {
  auto pool = *ObjectPool<Entity>::create(
      {.max_objects = 2}, [] { return std::make_unique<Entity>(); },
      [](Entity& entity) { return entity.value == 0; });
  {
    const auto good = *pool.acquire();
    const auto broken = *pool.acquire();
    broken->value = 1;
  }
  EXPECT_EQ(Entity::living, 1);
  EXPECT_EQ(pool.stats().releases, 2u);
  const auto a = *pool.acquire();
  const auto b = *pool.acquire();
  EXPECT_EQ(Entity::living, 2);
}

TEST(ObjectPoolTest, TakesFactoriesOfValuesAndDefaults) {
  auto values = *ObjectPool<std::string>::create(
      {.max_objects = 1}, [] { return std::string("made"); },
      [](std::string& text) { text.clear(); });
  EXPECT_EQ(**values.acquire(), "made");
  EXPECT_EQ(**values.acquire(), "");
  auto plain = *ObjectPool<std::vector<int>>::create({.max_objects = 1});
  EXPECT_TRUE((*plain.acquire())->empty());
  EXPECT_EQ(ObjectPool<std::string>::create({.max_objects = 0}).error().code, Errc::invalid_size);
}

TEST(ObjectPoolTest, AFailingFactoryLeavesItsPlaceFree) {
  int calls = 0;
  auto pool = *ObjectPool<Entity>::create(
      {.max_objects = 1},
      [&]() -> std::unique_ptr<Entity> {
        ++calls;
        if (calls == 1) return nullptr;
        if (calls == 2) throw std::runtime_error("no");
        return std::make_unique<Entity>();
      },
      [](Entity&) {});
  EXPECT_EQ(pool.acquire().error().code, Errc::pool_exhausted);
  EXPECT_THROW(static_cast<void>(pool.acquire()), std::runtime_error);
  EXPECT_EQ(pool.stats().in_use, 0u);
  EXPECT_EQ(pool.stats().acquisitions, 0u);
  EXPECT_EQ(pool.stats().peak, 0u);
  EXPECT_EQ(pool.stats().exhaustions, 2u);
  EXPECT_TRUE(pool.acquire().has_value());
}

TEST(ObjectPoolTest, GoesBeyondItsMaximumOnlyAsThePolicyAllows) {
  ObjectPool<Entity> pool = make(2, {.heap_blocks = 1});
  std::vector<PooledObject<Entity>> held;
  for (int i = 0; i < 3; ++i) held.push_back(*pool.acquire());
  EXPECT_EQ(pool.acquire().error().code, Errc::pool_exhausted);
  EXPECT_EQ(pool.stats().fallbacks, 1u);
  EXPECT_EQ(pool.stats().exhaustions, 2u);
  EXPECT_EQ(pool.stats().available, 0u);
  EXPECT_EQ(pool.stats().utilization(), 1.0);
  held.clear();
  EXPECT_EQ(Entity::living, 2);  // the surplus one is gone
}

TEST(ObjectPoolTest, CountsAFailingSurplusOnce) {
  bool works = true;
  auto pool = *ObjectPool<Entity>::create(
      // The largest number means no bound, and must not wrap.
      {.max_objects = 1, .policy = {.next_pool = {}, .heap_blocks = ~std::size_t{0}}},
      [&] { return works ? std::make_unique<Entity>() : nullptr; }, [](Entity&) {});
  const auto first = *pool.acquire();
  EXPECT_TRUE(pool.has_available());
  works = false;
  EXPECT_EQ(pool.acquire().error().code, Errc::pool_exhausted);
  EXPECT_EQ(pool.stats().exhaustions, 1u);
  EXPECT_EQ(pool.stats().fallbacks, 0u);
  works = true;
  EXPECT_TRUE(pool.acquire().has_value());
  EXPECT_EQ(pool.stats().exhaustions, 2u);
  EXPECT_EQ(pool.stats().fallbacks, 1u);
}

TEST(ObjectPoolTest, PreparesAndShrinks) {
  ObjectPool<Entity> pool = make(4);
  EXPECT_EQ(pool.prepare(3), 3u);
  EXPECT_EQ(pool.prepare(3), 0u);
  EXPECT_EQ(Entity::living, 3);
  EXPECT_EQ(pool.stats().in_use, 0u);
  const auto one = *pool.acquire();
  EXPECT_EQ(pool.prepare(9), 1u);  // the bound holds
  EXPECT_EQ(pool.shrink(), 3u);
  EXPECT_EQ(Entity::living, 1);
  EXPECT_EQ(pool.stats().in_use, 1u);
}

TEST(ObjectPoolTest, ObjectsMayOutliveThePool) {
  PooledObject<Entity> entity;
  {
    ObjectPool<Entity> pool = make(2);
    entity = *pool.acquire();
    const auto other = *pool.acquire();
  }
  EXPECT_EQ(Entity::living, 1);
  entity->value = 3;
  PooledObject<Entity> moved = std::move(entity);
  EXPECT_FALSE(entity);
  moved.release();
  EXPECT_EQ(Entity::living, 0);
}

TEST(ObjectPoolTest, AgreesWithAPlainModelUnderRandomOperations) {
  const std::uint64_t seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  ObjectPool<Entity> pool = make(10);
  std::vector<PooledObject<Entity>> held;
  std::size_t peak = 0;
  for (int step = 0; step < 10000; ++step) {
    if (random() % 2 == 0) {
      auto entity = pool.acquire();
      ASSERT_EQ(entity.has_value(), held.size() < 10);
      if (!entity) continue;
      ASSERT_EQ((*entity)->value, 0);
      (*entity)->value = step + 1;
      held.push_back(*std::move(entity));
      peak = std::max(peak, held.size());
    } else if (!held.empty()) {
      std::swap(held[random() % held.size()], held.back());
      held.pop_back();
    } else {
      pool.shrink();
    }
    ASSERT_EQ(pool.stats().in_use, held.size());
    ASSERT_EQ(pool.stats().peak, peak);
    ASSERT_LE(Entity::living, 10);
  }
}

TEST(ObjectPoolThreadTest, NeverMakesMoreThanItsMaximum) {
  ObjectPool<Entity> pool = make(3);
  std::atomic<int> worst{0};
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&] {
        for (int i = 0; i < 20000; ++i) {
          auto entity = pool.acquire();
          if (entity) (*entity)->value = i;
          if (Entity::living > 3) worst = Entity::living.load();
          if (i % 100 == 0) pool.shrink();
        }
      });
    }
  }
  EXPECT_EQ(worst, 0);
  EXPECT_EQ(pool.stats().in_use, 0u);
  EXPECT_EQ(pool.stats().acquisitions, pool.stats().releases);
}

}  // namespace
}  // namespace frdpu::core

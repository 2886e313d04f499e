#include "core/pool/fixed_pool.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <random>
#include <set>
#include <sstream>
#include <string>
#include <vector>

namespace frdpu::core {
namespace {

FixedPool make(std::size_t block_bytes, std::size_t max_blocks, std::size_t min_blocks = 0,
               std::size_t slack_bytes = 0) {
  Result<FixedPool> pool = FixedPool::create({.name = "test",
                                              .block_bytes = block_bytes,
                                              .min_blocks = min_blocks,
                                              .max_blocks = max_blocks,
                                              .slack_bytes = slack_bytes});
  EXPECT_TRUE(pool.has_value());
  return *std::move(pool);
}

std::vector<PooledBlock> take_all(FixedPool& pool) {
  std::vector<PooledBlock> blocks;
  while (Result<PooledBlock> block = pool.acquire()) blocks.push_back(*std::move(block));
  return blocks;
}

TEST(FixedPoolTest, RefusesSizesThatCannotBe) {
  constexpr std::size_t kMax = std::numeric_limits<std::size_t>::max();
  struct Row {
    const char* name;
    FixedPool::Options options;
    Errc expected;
  };
  const Row rows[] = {
      {"zero bytes", {.block_bytes = 0, .max_blocks = 1}, Errc::invalid_size},
      {"zero blocks", {.block_bytes = 1, .max_blocks = 0}, Errc::invalid_size},
      // FRD-PU multiplied these two, wrapped to 32, and handed out memory that was not there.
      {"product wraps",
       {.block_bytes = (std::size_t{1} << 62) + 8, .max_blocks = 4},
       Errc::invalid_size},
      {"product wraps the other way",
       {.block_bytes = 4, .max_blocks = (std::size_t{1} << 62) + 8},
       Errc::invalid_size},
      {"both large",
       {.block_bytes = std::size_t{1} << 33, .max_blocks = std::size_t{1} << 33},
       Errc::invalid_size},
      {"header wraps", {.block_bytes = kMax, .max_blocks = 1}, Errc::invalid_size},
      {"slack wraps",
       {.block_bytes = 64, .max_blocks = 1, .slack_bytes = kMax},
       Errc::invalid_size},
      {"minimum above maximum",
       {.block_bytes = 64, .min_blocks = 2, .max_blocks = 1},
       Errc::configuration},
  };
  for (const Row& row : rows) {
    const Result<FixedPool> pool = FixedPool::create(row.options);
    ASSERT_FALSE(pool.has_value()) << row.name;
    EXPECT_EQ(pool.error().code, row.expected) << row.name;
    EXPECT_EQ(FixedPool::footprint_bytes(row.options), kMax) << row.name;
  }
}

TEST(FixedPoolTest, HandsOutExactlyTheMaximumForManyShapes) {
  for (const std::size_t bytes : {1u, 63u, 64u, 65u, 1500u, 4032u, 65536u, 3u << 20}) {
    for (const std::size_t count : {1u, 2u, 7u, 8u, 9u, 64u, 65u, 1000u}) {
      if (bytes * count > (64u << 20)) continue;
      FixedPool pool = make(bytes, count, count / 2);
      std::vector<PooledBlock> blocks = take_all(pool);
      ASSERT_EQ(blocks.size(), count) << bytes;
      EXPECT_EQ(pool.acquire().error().code, Errc::pool_exhausted);
      EXPECT_EQ(pool.acquire().error().limit, count);
      EXPECT_FALSE(pool.has_available());
      std::set<const std::byte*> seen;
      for (PooledBlock& block : blocks) {
        EXPECT_EQ(reinterpret_cast<std::uintptr_t>(block.data()) % 64, 0u);
        EXPECT_EQ(block.size(), bytes);
        std::fill_n(block.data(), bytes, std::byte{0xA5});
        seen.insert(block.data());
      }
      EXPECT_EQ(seen.size(), count);
      // No two overlap.
      for (auto at = seen.begin(), next = std::next(at); next != seen.end(); ++at, ++next) {
        EXPECT_GE(*next - *at, static_cast<std::ptrdiff_t>(bytes + 64));
      }
      blocks.clear();
      EXPECT_TRUE(pool.has_available());
      EXPECT_EQ(take_all(pool).size(), count);
    }
  }
}

TEST(FixedPoolTest, CountsExactly) {
  for (const std::size_t max_blocks : {4u, 100u, 1000u}) {  // without and with magazines
    FixedPool pool = make(1500, max_blocks);
    std::vector<PooledBlock> blocks;
    for (int i = 0; i < 3; ++i) blocks.push_back(*pool.acquire());
    blocks.clear();
    blocks.push_back(*pool.acquire());
    PoolStats stats = pool.stats();
    EXPECT_EQ(stats.pool, "test");
    EXPECT_EQ(stats.block_bytes, 1500u);
    EXPECT_EQ(stats.blocks, max_blocks);
    EXPECT_EQ(stats.in_use, 1u);
    EXPECT_EQ(stats.available, max_blocks - 1);
    EXPECT_EQ(stats.peak, 3u);
    EXPECT_EQ(stats.acquisitions, 4u);
    EXPECT_EQ(stats.releases, 3u);
    EXPECT_EQ(stats.exhaustions, 0u);

    std::vector<PooledBlock> rest = take_all(pool);
    EXPECT_EQ(pool.stats().peak, max_blocks);
    EXPECT_EQ(pool.stats().exhaustions, 1u);
    EXPECT_DOUBLE_EQ(pool.stats().utilization(), 1.0);
    rest.clear();
    pool.count_fallback();
    EXPECT_EQ(pool.stats().fallbacks, 1u);

    pool.reset_stats();
    stats = pool.stats();
    EXPECT_EQ(stats.in_use, 1u);
    EXPECT_EQ(stats.peak, 1u);
    EXPECT_EQ(stats.acquisitions + stats.releases + stats.exhaustions + stats.fallbacks, 0u);
    blocks.clear();
    EXPECT_EQ(pool.stats().releases, 1u);
    EXPECT_EQ(pool.stats().in_use, 0u);
  }
}

TEST(FixedPoolTest, SparesBlocksForThoseWhoTakeThemWithoutCare) {
  FixedPool pool = make(64, 8);
  std::vector<PooledBlock> careful;
  while (Result<PooledBlock> block = pool.acquire_sparing(2)) careful.push_back(*std::move(block));
  EXPECT_EQ(careful.size(), 6u);
  EXPECT_EQ(pool.acquire_sparing(2).error().code, Errc::pool_exhausted);
  EXPECT_EQ(pool.acquire_sparing(2).error().limit, 8u);
  EXPECT_EQ(pool.stats().exhaustions, 3u);
  EXPECT_EQ(pool.stats().in_use, 6u);
  EXPECT_TRUE(pool.acquire_sparing(1).has_value());  // and back at once
  EXPECT_EQ(take_all(pool).size(), 2u);
  careful.pop_back();
  EXPECT_FALSE(pool.acquire_sparing(3).has_value());
  EXPECT_TRUE(pool.acquire_sparing(2).has_value());
  EXPECT_FALSE(make(64, 8).acquire_sparing(std::numeric_limits<std::size_t>::max()).has_value());
}

TEST(FixedPoolTest, PrintsItsStatistics) {
  FixedPool pool = make(64, 4);
  const Result<PooledBlock> block = pool.acquire();
  std::ostringstream text;
  text << pool.stats();
  EXPECT_EQ(text.str(),
            "pool=test block_bytes=64 blocks=4 in_use=1 available=3 peak=1 acquisitions=1 "
            "releases=0 exhaustions=0 fallbacks=0 utilization=0.25");
}

TEST(FixedPoolTest, FindsForeignBlocks) {
  FixedPool pool = make(1500, 1000);
  FixedPool other = make(1500, 1000);
  PooledBlock block = *pool.acquire();
  PooledBlock theirs = *other.acquire();
  std::byte local{};
  struct Row {
    const char* name;
    std::byte* pointer;
  };
  const Row rows[] = {{"null", nullptr},
                      {"stack", &local},
                      {"another pool's", theirs.data()},
                      {"one byte in", block.data() + 1},
                      {"the annotation", block.annotation()},
                      {"the header", block.data() - 64},
                      {"behind the region", block.data() + (std::ptrdiff_t{1} << 30)}};
  for (const Row& row : rows) {
    const Result<void> result = pool.give_back(row.pointer);
    ASSERT_FALSE(result.has_value()) << row.name;
    EXPECT_EQ(result.error().code, Errc::foreign_block) << row.name;
  }
  EXPECT_EQ(pool.stats().releases, 0u);
  EXPECT_EQ(other.stats().in_use, 1u);
}

TEST(FixedPoolTest, FindsASecondRelease) {
  for (const std::size_t max_blocks : {4u, 1000u}) {
    FixedPool pool = make(64, max_blocks);
    std::byte* const raw = (*pool.acquire()).detach();
    EXPECT_EQ(pool.stats().in_use, 1u);
    EXPECT_TRUE(pool.give_back(raw).has_value());
    EXPECT_EQ(pool.give_back(raw).error().code, Errc::double_release);
    EXPECT_EQ(pool.stats().releases, 1u);
    EXPECT_EQ(pool.stats().in_use, 0u);

    // A handle whose block went home behind its back does no harm.
    PooledBlock block = *pool.acquire();
    EXPECT_TRUE(pool.give_back(block.data()).has_value());
    block.release();
    EXPECT_EQ(pool.stats().releases, 2u);
    EXPECT_EQ(take_all(pool).size(), max_blocks);
  }
}

TEST(FixedPoolTest, KeepsMemoryUntilTheLastBlockIsHome) {
  for (const std::size_t max_blocks : {3u, 100u}) {
    std::vector<PooledBlock> blocks;
    {
      FixedPool pool = make(1500, max_blocks);
      blocks = take_all(pool);
      blocks.resize(blocks.size() - 1);
    }
    for (PooledBlock& block : blocks) {
      EXPECT_EQ(block.size(), 1500u);
      block.zero();
    }
    while (!blocks.empty()) {
      blocks.pop_back();
      if (!blocks.empty()) blocks.front().zero();
    }
  }
}

TEST(FixedPoolTest, KeepsSlackAndAnnotationApart) {
  FixedPool pool = make(100, 64, 0, 28);
  std::vector<PooledBlock> blocks = take_all(pool);
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    EXPECT_EQ(blocks[i].capacity(), 128u);
    std::fill_n(blocks[i].data(), 128, std::byte(i));
    std::fill_n(blocks[i].annotation(), PooledBlock::kAnnotationBytes, std::byte(i + 1));
  }
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    EXPECT_EQ(std::count(blocks[i].data(), blocks[i].data() + 128, std::byte(i)), 128);
    EXPECT_EQ(std::count(blocks[i].annotation(),
                         blocks[i].annotation() + PooledBlock::kAnnotationBytes, std::byte(i + 1)),
              32);
  }
}

TEST(FixedPoolTest, FootprintCoversEveryBlockWithItsHeader) {
  const FixedPool::Options options{
      .block_bytes = 64 * kKiB, .max_blocks = 1000, .slack_bytes = 512};
  const std::size_t bytes = FixedPool::footprint_bytes(options);
  EXPECT_GE(bytes, 1000 * (64 * kKiB + 512 + 64));
  EXPECT_LE(bytes, 1000 * (64 * kKiB + 512 + 64) * 102 / 100);
}

TEST(FixedPoolTest, AgreesWithAPlainModelUnderRandomOperations) {
  const std::uint64_t seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  for (int round = 0; round < 20; ++round) {
    const std::size_t max_blocks = 1 + random() % 300;
    const std::size_t block_bytes = 1 + random() % 5000;
    FixedPool pool = make(block_bytes, max_blocks, random() % (max_blocks + 1));
    struct Held {
      PooledBlock block;
      std::byte mark;
    };
    std::vector<Held> held;
    PoolStats model;
    for (int step = 0; step < 3000; ++step) {
      const auto choice = random() % 100;
      // Phases that fill and phases that empty, so that both ends are met.
      if (choice < (step / 500 % 2 == 0 ? 60u : 35u)) {
        Result<PooledBlock> block = pool.acquire();
        ASSERT_EQ(block.has_value(), held.size() < max_blocks);
        if (!block) {
          ++model.exhaustions;
          continue;
        }
        ++model.acquisitions;
        const auto mark = std::byte(random());
        block->data()[0] = block->data()[block_bytes - 1] = mark;
        held.push_back({*std::move(block), mark});
        model.peak = std::max(model.peak, held.size());
      } else if (choice < 96) {
        if (held.empty()) continue;
        std::swap(held[random() % held.size()], held.back());
        ASSERT_EQ(held.back().block.data()[0], held.back().mark);
        ASSERT_EQ(held.back().block.data()[block_bytes - 1], held.back().mark);
        std::byte* const raw = held.back().block.data();
        if (choice % 2 == 0) {
          held.back().block.release();
        } else {
          ASSERT_TRUE(pool.give_back(held.back().block.detach()).has_value());
        }
        held.pop_back();
        ++model.releases;
        ASSERT_EQ(pool.give_back(raw).error().code, Errc::double_release);
      } else if (choice < 98) {
        pool.shrink();
      }
      const PoolStats stats = pool.stats();
      ASSERT_EQ(stats.in_use, held.size());
      ASSERT_EQ(stats.available, max_blocks - held.size());
      ASSERT_EQ(stats.peak, model.peak);
      ASSERT_EQ(stats.acquisitions, model.acquisitions);
      ASSERT_EQ(stats.releases, model.releases);
      ASSERT_EQ(stats.exhaustions, model.exhaustions);
    }
  }
}

}  // namespace
}  // namespace frdpu::core

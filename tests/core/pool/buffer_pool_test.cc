#include "core/pool/buffer_pool.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <utility>
#include <vector>

namespace frdpu::core {
namespace {

BufferPool make(BufferPool::Options options = {}) {
  return *BufferPool::create(options);
}

TEST(PooledBufferPoolTest, HasALengthApartFromItsCapacity) {
  BufferPool pool = make();
  PooledBuffer buffer = *pool.get_small_buffer();
  EXPECT_EQ(buffer.len(), 0u);
  EXPECT_TRUE(buffer.empty());
  EXPECT_EQ(buffer.capacity(), 1024u);
  EXPECT_EQ(buffer.room().size(), 1024u);
  EXPECT_TRUE(buffer.append(as_bytes("hello")).has_value());
  EXPECT_TRUE(buffer.append(as_bytes(" world")).has_value());
  EXPECT_EQ(as_text(buffer.bytes()), "hello world");
  EXPECT_TRUE(buffer.resize(5).has_value());
  EXPECT_EQ(as_text(buffer.bytes()), "hello");
  EXPECT_TRUE(buffer.resize(11).has_value());  // nothing was wiped
  EXPECT_EQ(as_text(buffer.bytes()), "hello world");
  buffer.clear();
  EXPECT_EQ(buffer.len(), 0u);
  EXPECT_EQ(buffer.capacity(), 1024u);
}

TEST(PooledBufferPoolTest, ChecksLengthsAgainstItsCapacity) {
  BufferPool pool = make();
  PooledBuffer buffer = *pool.get_small_buffer();
  EXPECT_TRUE(buffer.resize(1024).has_value());
  const Result<void> resized = buffer.resize(1025);
  ASSERT_FALSE(resized.has_value());
  EXPECT_EQ(resized.error().code, Errc::invalid_size);
  EXPECT_EQ(resized.error().limit, 1024u);
  EXPECT_EQ(buffer.len(), 1024u);
  EXPECT_EQ(buffer.append(as_bytes("x")).error().code, Errc::invalid_size);
  EXPECT_EQ(buffer.resize(~std::size_t{0}).error().code, Errc::invalid_size);

  PooledBuffer empty;
  EXPECT_FALSE(empty);
  EXPECT_EQ(empty.capacity(), 0u);
  EXPECT_TRUE(empty.bytes().empty());
  EXPECT_EQ(empty.resize(1).error().code, Errc::invalid_size);
}

TEST(PooledBufferPoolTest, MovesAndOutlivesItsPool) {
  PooledBuffer buffer;
  {
    BufferPool pool = make();
    PooledBuffer first = *pool.get_medium_buffer();
    EXPECT_TRUE(first.append(as_bytes("kept")).has_value());
    buffer = std::move(first);
    EXPECT_EQ(first.len(), 0u);
    EXPECT_FALSE(first);
  }
  EXPECT_EQ(as_text(buffer.bytes()), "kept");
  buffer.release();
  EXPECT_EQ(buffer.len(), 0u);
}

// FRD-PU kept a list of free buffers for each exact size that anyone asked for; a client that
// named many sizes filled memory with lists. Here a size only ever chooses a class.
TEST(BufferPoolTest, ClassesNeverComeFromSizesThatAClientNames) {
  BufferPool pool = make();
  std::mt19937_64 random(1);
  for (int i = 0; i < 20000; ++i) {
    const std::size_t bytes = random() % (kMiB + 1);
    const Result<PooledBuffer> buffer = pool.get_buffer(bytes);
    ASSERT_TRUE(buffer.has_value());
    const std::size_t capacity = buffer->capacity();
    ASSERT_TRUE(capacity == kKiB || capacity == 64 * kKiB || capacity == kMiB);
    ASSERT_GE(capacity, bytes);
    ASSERT_EQ(buffer->len(), 0u);
  }
  EXPECT_EQ(pool.stats().peak, 3u);  // one of each class, used again and again
  for (const std::size_t bytes : {kMiB + 1, std::size_t{1} << 40, ~std::size_t{0}}) {
    EXPECT_EQ(pool.get_buffer(bytes).error().code, Errc::invalid_size);
  }
  EXPECT_EQ(pool.get_buffer(0)->capacity(), kKiB);
}

TEST(BufferPoolTest, GrowsUnderPressureToItsBound) {
  BufferPool pool = make({.small = {0, 3}, .medium = {0, 2}, .large = {0, 1}});
  std::vector<PooledBuffer> held;
  for (int i = 0; i < 3; ++i) held.push_back(*pool.get_small_buffer());
  EXPECT_EQ(pool.get_small_buffer().error().code, Errc::pool_exhausted);
  held.push_back(*pool.get_large_buffer());
  EXPECT_EQ(pool.get_large_buffer().error().code, Errc::pool_exhausted);
  EXPECT_EQ(pool.stats(0).exhaustions, 1u);
  EXPECT_EQ(pool.stats().in_use, 4u);
  EXPECT_EQ(pool.stats().blocks, 6u);
}

TEST(BufferPoolTest, ShrinksWhenIdle) {
  BufferPool pool = make({.small = {1, 64}, .medium = {0, 64}, .large = {0, 8}});
  std::vector<PooledBuffer> held;
  for (int i = 0; i < 8; ++i) held.push_back(*pool.get_large_buffer());
  held.push_back(*pool.get_small_buffer());
  EXPECT_EQ(pool.maintain(), 0u);
  held.clear();
  held.push_back(*pool.get_small_buffer());
  // The small class was asked since the last call, the others were not.
  EXPECT_GE(pool.maintain(), 8 * kMiB);
  held.clear();
  EXPECT_EQ(pool.maintain(), 0u);  // idle, but its slab is the minimum
  EXPECT_EQ(pool.shrink(), 0u);
  EXPECT_GT(pool.clear(), 0u);
  EXPECT_TRUE(pool.get_large_buffer().has_value());
}

TEST(BufferPoolTest, GrowsABufferWithItsBytes) {
  BufferPool pool = make({.small = {0, 2}, .medium = {0, 1}, .large = {0, 1}});
  PooledBuffer buffer = *pool.get_small_buffer();
  EXPECT_TRUE(buffer.append(as_bytes("abc")).has_value());
  EXPECT_TRUE(pool.grow(buffer, 1024).has_value());
  EXPECT_EQ(buffer.capacity(), kKiB);
  EXPECT_TRUE(pool.grow(buffer, 1025).has_value());
  EXPECT_EQ(buffer.capacity(), 64 * kKiB);
  EXPECT_EQ(as_text(buffer.bytes()), "abc");
  EXPECT_EQ(pool.stats(0).in_use, 0u);
  EXPECT_EQ(pool.grow(buffer, kMiB + 1).error().code, Errc::invalid_size);
  PooledBuffer large = *pool.get_large_buffer();
  EXPECT_EQ(pool.grow(buffer, kMiB).error().code, Errc::pool_exhausted);
  EXPECT_EQ(as_text(buffer.bytes()), "abc");
  PooledBuffer fresh;
  EXPECT_TRUE(pool.grow(fresh, 10).has_value());
  EXPECT_EQ(fresh.capacity(), kKiB);
}

TEST(BufferPoolTest, FollowsTheSharedPolicy) {
  BufferPool pool = make({.small = {0, 1},
                          .medium = {0, 1},
                          .large = {0, 1},
                          .policy = {.next_pool = Fallback::allowed, .heap_blocks = 1}});
  std::vector<PooledBuffer> held;
  std::vector<std::size_t> capacities;
  while (Result<PooledBuffer> buffer = pool.get_small_buffer()) {
    capacities.push_back(buffer->capacity());
    held.push_back(*std::move(buffer));
  }
  EXPECT_EQ(capacities, (std::vector<std::size_t>{kKiB, 64 * kKiB, kMiB, kKiB}));
  EXPECT_EQ(pool.heap_stats().in_use, 1u);
  EXPECT_EQ(pool.stats(0).fallbacks, 3u);
}

TEST(BufferPoolTest, TheGlobalPoolServes) {
  const std::size_t before = global_buffer_pool().stats().in_use;
  const PooledBuffer small = *get_small_buffer();
  const PooledBuffer medium = *get_medium_buffer();
  const PooledBuffer large = *get_large_buffer();
  const PooledBuffer any = *get_buffer(2000);
  EXPECT_EQ(small.capacity(), kKiB);
  EXPECT_EQ(medium.capacity(), 64 * kKiB);
  EXPECT_EQ(large.capacity(), kMiB);
  EXPECT_EQ(any.capacity(), 64 * kKiB);
  EXPECT_EQ(global_buffer_pool().stats().in_use, before + 4);
}

TEST(BufferPoolTest, AgreesWithAPlainModelUnderRandomOperations) {
  const std::uint64_t seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  BufferPool pool = make({.small = {0, 20}, .medium = {0, 10}, .large = {0, 3}});
  std::vector<std::pair<PooledBuffer, std::string>> held;
  for (int step = 0; step < 5000; ++step) {
    const std::size_t at = held.empty() ? 0 : random() % held.size();
    switch (random() % 6) {
      case 0:
      case 1:
        if (Result<PooledBuffer> buffer = pool.get_buffer(random() % 3000)) {
          held.emplace_back(*std::move(buffer), "");
        }
        break;
      case 2:
        if (!held.empty()) held.erase(held.begin() + static_cast<std::ptrdiff_t>(at));
        break;
      case 3:
        if (!held.empty()) {
          const std::string text(random() % 200, static_cast<char>('a' + random() % 26));
          auto& [buffer, model] = held[at];
          const bool fits = model.size() + text.size() <= buffer.capacity();
          ASSERT_EQ(buffer.append(as_bytes(text)).has_value(), fits);
          if (fits) model += text;
        }
        break;
      case 4:
        if (!held.empty()) {
          auto& [buffer, model] = held[at];
          const std::size_t length = random() % (model.size() + 1);
          ASSERT_TRUE(buffer.resize(length).has_value());
          model.resize(length);
        }
        break;
      default:
        if (!held.empty()) static_cast<void>(pool.grow(held[at].first, random() % 100000));
        if (random() % 16 == 0) pool.maintain();
    }
    for (const auto& [buffer, model] : held) ASSERT_EQ(as_text(buffer.bytes()), model);
    ASSERT_EQ(pool.stats().in_use, held.size());
  }
}

}  // namespace
}  // namespace frdpu::core

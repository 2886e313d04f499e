#include "core/region_heap.h"

#include <gtest/gtest.h>

#include <cstring>
#include <vector>

#include "tests/support/codec_driver.h"

namespace frdpu::core {
namespace {

using test::AlignedRegion;

TEST(RegionHeapTest, HandsOutAlignedBytesThatDoNotOverlap) {
  const AlignedRegion region(4096);
  RegionHeap heap(region.bytes());
  auto* const a = static_cast<std::byte*>(heap.allocate(100));
  auto* const b = static_cast<std::byte*>(heap.allocate(1));
  auto* const c = static_cast<std::byte*>(heap.allocate(200));
  ASSERT_TRUE(a != nullptr && b != nullptr && c != nullptr);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(b) % 16, 0u);
  EXPECT_GE(b, a + 100);
  EXPECT_GE(c, b + 1);
  EXPECT_LE(c + 200, region.bytes().data() + region.bytes().size());
}

TEST(RegionHeapTest, TakesTheLastByteAndNoMore) {
  const AlignedRegion region(1024);
  RegionHeap heap(region.bytes());
  EXPECT_EQ(heap.allocate(1024 - RegionHeap::kHeaderBytes + 1), nullptr);
  EXPECT_EQ(heap.allocate(SIZE_MAX), nullptr);
  EXPECT_EQ(heap.allocate(SIZE_MAX - 8), nullptr);
  void* const all = heap.allocate(1024 - RegionHeap::kHeaderBytes);
  ASSERT_NE(all, nullptr);
  EXPECT_EQ(heap.used_bytes(), 1024u);
  EXPECT_EQ(heap.allocate(1), nullptr);
  heap.deallocate(all);
  EXPECT_EQ(heap.used_bytes(), 0u);
}

TEST(RegionHeapTest, JoinsFreedNeighbours) {
  const AlignedRegion region(1024);
  RegionHeap heap(region.bytes());
  void* const a = heap.allocate(200);
  void* const b = heap.allocate(200);
  void* const c = heap.allocate(200);
  heap.deallocate(a);
  heap.deallocate(c);
  heap.deallocate(nullptr);
  heap.deallocate(b);
  EXPECT_NE(heap.allocate(1024 - RegionHeap::kHeaderBytes), nullptr);
}

TEST(RegionHeapTest, UsesTheFirstGapThatFits) {
  const AlignedRegion region(4096);
  RegionHeap heap(region.bytes());
  void* const a = heap.allocate(500);
  void* const b = heap.allocate(100);
  heap.deallocate(a);
  EXPECT_GT(heap.allocate(600), b);
  EXPECT_EQ(heap.allocate(400), a);
  EXPECT_LT(heap.high_water_bytes(), 1500u);
}

TEST(RegionHeapTest, AnEmptyHeapHoldsNothing) {
  RegionHeap heap;
  EXPECT_EQ(heap.allocate(1), nullptr);
  heap.clear();
  EXPECT_EQ(heap.capacity(), 0u);
}

TEST(RegionHeapTest, BehavesLikeAModel) {
  struct Held {
    std::byte* address;
    std::size_t bytes;
    int pattern;
  };
  const AlignedRegion region(64 * kKiB);
  RegionHeap heap(region.bytes());
  test::Random random(99);
  std::vector<Held> held;
  std::size_t refused = 0;
  for (int round = 0; round < 20000; ++round) {
    if (random.below(2) == 0) {
      const std::size_t bytes = random.below(random.below(8) == 0 ? 20000 : 900);
      auto* const address = static_cast<std::byte*>(heap.allocate(bytes));
      if (address == nullptr) {
        ++refused;
        continue;
      }
      const int pattern = static_cast<int>(random.below(256));
      std::memset(address, pattern, bytes);
      held.push_back({address, bytes, pattern});
    } else if (!held.empty()) {
      const std::size_t i = random.below(held.size());
      for (std::size_t at = 0; at < held[i].bytes; ++at) {
        ASSERT_EQ(held[i].address[at], static_cast<std::byte>(held[i].pattern))
            << "round " << round;
      }
      heap.deallocate(held[i].address);
      held[i] = held.back();
      held.pop_back();
    }
    if (round % 5000 == 4999) {
      heap.clear();
      held.clear();
    }
  }
  EXPECT_GT(refused, 10u) << "the heap was never full";
  for (const Held& one : held) heap.deallocate(one.address);
  EXPECT_EQ(heap.used_bytes(), 0u);
  EXPECT_NE(heap.allocate(64 * kKiB - RegionHeap::kHeaderBytes), nullptr);
}

}  // namespace
}  // namespace frdpu::core

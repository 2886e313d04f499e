// What pools ask of the system, and what happens when it refuses.
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdio>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "core/pool/buffer_pool.h"
#include "core/pool/fixed_pool.h"
#include "core/pool/object_pool.h"
#include "core/pool/ring_buffer_pool.h"
#include "tests/core/pool/failing_slab_source.h"
#include "tests/support/heap_counter.h"

namespace frdpu::core {
namespace {

// Resident pages of a range, asked of the kernel.
std::size_t resident_bytes(const std::byte* begin, std::size_t bytes) {
  const std::size_t page = page_bytes();
  const auto first = reinterpret_cast<std::uintptr_t>(begin) / page * page;
  std::vector<unsigned char> pages((bytes + page - 1) / page);
  if (::mincore(reinterpret_cast<void*>(first), pages.size() * page, pages.data()) != 0) return 0;
  std::size_t resident = 0;
  for (const unsigned char flags : pages) resident += (flags & 1u) * page;
  return resident;
}

TEST(PoolMemoryTest, UntouchedBlocksCostNothing) {
  // 8 GiB of 64 KiB blocks; 1,000 of them out, one byte of each touched by the header alone.
  FixedPool pool = *FixedPool::create({.name = "huge",
                                       .block_bytes = 64 * kKiB,
                                       .min_blocks = 60000,
                                       .max_blocks = 120000,
                                       .slack_bytes = 512});
  std::vector<PooledBlock> blocks;
  for (int i = 0; i < 1000; ++i) blocks.push_back(*pool.acquire());
  std::size_t resident = 0;
  for (const PooledBlock& block : blocks) resident += resident_bytes(block.data(), block.size());
  // The header's page, and where it ends a page early the next one: nothing of the payload.
  EXPECT_LE(resident, 2 * 1000 * page_bytes());
}

TEST(PoolMemoryTest, CodecSizedBlocksWork) {
  FixedPool pool =
      *FixedPool::create({.name = "zstd-19", .block_bytes = 90 * kMiB, .max_blocks = 3});
  PooledBlock first = *pool.acquire();
  first.data()[0] = first.data()[90 * kMiB - 1] = std::byte{1};
  EXPECT_LE(resident_bytes(first.data(), first.size()), 5 * kMiB);  // or two huge pages
  // Nothing is hoarded: another thread finds what this one gave back.
  PooledBlock second = *pool.acquire();
  PooledBlock third = *pool.acquire();
  EXPECT_FALSE(pool.has_available());
  first.release();
  std::jthread([&] { EXPECT_TRUE(pool.acquire().has_value()); }).join();
}

TEST(PoolMemoryTest, ShrinkGivesIdleSlabsBackAboveTheMinimum) {
  FailingSlabSource source;
  FixedPool pool = *FixedPool::create(
      {.name = "shrinks", .block_bytes = 64 * kKiB, .min_blocks = 20, .max_blocks = 200}, source);
  std::vector<PooledBlock> blocks;
  for (int i = 0; i < 200; ++i) {
    blocks.push_back(*pool.acquire());
    blocks.back().zero();
  }
  EXPECT_EQ(pool.shrink(), 0u);  // nothing is idle
  std::byte* const low = blocks[5].data();
  std::byte* const high = blocks[150].data();
  blocks.erase(blocks.begin() + 1, blocks.end());
  const std::size_t shrunk = pool.shrink();
  EXPECT_EQ(shrunk, source.discarded());
  EXPECT_GE(shrunk, 150 * 64 * kKiB);
  EXPECT_LE(shrunk, 185 * 66 * kKiB);
  EXPECT_EQ(resident_bytes(high, 64 * kKiB), 0u);
  EXPECT_GE(resident_bytes(low, 64 * kKiB), 64 * kKiB);
  EXPECT_EQ(pool.shrink(), 0u);
  // A block of a slab that went back is still known to be home.
  EXPECT_EQ(pool.give_back(high).error().code, Errc::double_release);
  while (blocks.size() < 200) blocks.push_back(*pool.acquire());
  EXPECT_EQ(pool.acquire().error().code, Errc::pool_exhausted);
  blocks.clear();
  EXPECT_GT(pool.shrink(0), shrunk);
}

TEST(PoolMemoryTest, AThreadsMagazineDoesNotKeepSlabsFromShrinking) {
  FixedPool pool = *FixedPool::create({.name = "x", .block_bytes = 64 * kKiB, .max_blocks = 200});
  { const Result<PooledBlock> block = pool.acquire(); }
  EXPECT_GT(pool.shrink(), 0u);
  EXPECT_TRUE(pool.acquire().has_value());
}

// Everything a user may do, with the n-th request to the system refused: errors, no crash, no
// leak, and all memory back at the end.
template <class Body>
void refuse_each(Body body) {
  for (long granted = 0;; ++granted) {
    ASSERT_LT(granted, 500) << "never passed";
    FailingSlabSource source(granted);
    body(source);
    EXPECT_EQ(source.out(), 0) << granted;
    if (!source.refused_any()) break;
  }
}

TEST(PoolMemoryTest, FixedPoolSurvivesEachRefusal) {
  for (const std::size_t block_bytes : {std::size_t{64}, 64 * kKiB, 2 * kMiB}) {
    bool passed = false;
    refuse_each([&](FailingSlabSource& source) {
      Result<FixedPool> pool = FixedPool::create(
          {.name = "n-th", .block_bytes = block_bytes, .min_blocks = 4, .max_blocks = 40}, source);
      if (!pool) {
        EXPECT_EQ(pool.error().code, Errc::configuration);
        return;
      }
      std::vector<PooledBlock> blocks;
      while (Result<PooledBlock> block = pool->acquire()) {
        block->data()[0] = block->data()[block_bytes - 1] = std::byte{1};
        blocks.push_back(*std::move(block));
      }
      // The minimum is there whatever the system says later.
      EXPECT_GE(blocks.size(), 4u);
      passed = blocks.size() == 40;
      EXPECT_EQ(pool->stats().in_use, blocks.size());
      EXPECT_EQ(pool->stats().exhaustions, 1u);
      std::jthread([&] { blocks.resize(blocks.size() / 2); }).join();
      EXPECT_EQ(pool->stats().in_use, blocks.size());
      pool->shrink();
      // Once the system is generous again, so is the pool.
      source.grant(FailingSlabSource::kNever);
      while (blocks.size() < 40) {
        Result<PooledBlock> block = pool->acquire();
        ASSERT_TRUE(block.has_value());
        blocks.push_back(*std::move(block));
      }
      source.grant(passed ? 1 : -1);
    });
    EXPECT_TRUE(passed);
  }
}

TEST(PoolMemoryTest, PoolsOfPoolsSurviveEachRefusal) {
  refuse_each([](FailingSlabSource& source) {
    Result<BufferPool> pool = BufferPool::create(
        {.small = {1, 8}, .medium = {0, 8}, .large = {0, 2}, .policy = {Fallback::allowed, 2}},
        source);
    if (!pool) {
      EXPECT_EQ(pool.error().code, Errc::configuration);
      return;
    }
    std::vector<PooledBuffer> buffers;
    while (Result<PooledBuffer> buffer = pool->get_buffer(100)) {
      EXPECT_TRUE(buffer->resize(100).has_value());
      buffers.push_back(*std::move(buffer));
    }
    EXPECT_LE(buffers.size(), 20u);
    EXPECT_EQ(pool->stats().in_use + pool->heap_stats().in_use, buffers.size());
  });
  refuse_each([](FailingSlabSource& source) {
    const FixedPool::Options options[] = {{.name = "a", .block_bytes = 1500, .max_blocks = 3},
                                          {.name = "b", .block_bytes = 1500, .max_blocks = 3}};
    Result<RingBufferPool> ring =
        RingBufferPool::create(options, {.next_pool = Fallback::allowed}, source);
    if (!ring) return;
    std::vector<PooledBlock> blocks;
    while (Result<PooledBlock> block = ring->acquire()) blocks.push_back(*std::move(block));
    EXPECT_EQ(ring->total_stats().in_use, blocks.size());
  });
}

TEST(PoolMemoryTest, AcquiringNeverTouchesTheHeapOnceWarm) {
  if (!test::heap_calls_are_counted()) GTEST_SKIP() << "a sanitizer's allocator is in place";
  FixedPool pool = *FixedPool::create({.name = "warm", .block_bytes = 1500, .max_blocks = 4096});
  BufferPool buffers = *BufferPool::create({});
  auto objects = *ObjectPool<int>::create({.max_objects = 8});
  std::vector<PooledBlock> held(4000);
  for (int round = 0; round < 3; ++round) {
    const std::uint64_t before = test::heap_calls();
    for (PooledBlock& block : held) block = *pool.acquire();
    EXPECT_TRUE(buffers.get_large_buffer().has_value());
    EXPECT_TRUE(objects.acquire().has_value());
    for (PooledBlock& block : held) block.release();
    if (round > 0) {
      EXPECT_EQ(test::heap_calls(), before);
    }
  }
}

// Initial-exec thread-local storage would keep the library from being loaded by dlopen.
TEST(PoolMemoryTest, TheLibraryUsesNoInitialExecThreadLocalStorage) {
  const std::string archive = FRDPU_BINARY_DIR "/core/libfrdpu_core.a";
  if (::access(archive.c_str(), R_OK) != 0) GTEST_SKIP() << "no static library at hand";
  const std::string command = "objdump -r '" + archive + "' 2>&1";
  FILE* const pipe = ::popen(command.c_str(), "r");
  ASSERT_NE(pipe, nullptr);
  std::size_t relocations = 0;
  std::vector<std::string> initial_exec;
  char line[1024];
  while (std::fgets(line, sizeof line, pipe) != nullptr) {
    const std::string_view text = line;
    relocations += text.find(" R_") != text.npos ? 1 : 0;
    for (const char* kind : {"GOTTPOFF", "TPOFF32", "TPOFF64", "TLSIE"}) {
      // DTPOFF belongs to the dynamic models.
      if (text.find(kind) != text.npos && text.find("DTPOFF") == text.npos) {
        initial_exec.emplace_back(text);
      }
    }
  }
  if (::pclose(pipe) != 0) GTEST_SKIP() << "no objdump at hand";
  EXPECT_GT(relocations, 0u);
  EXPECT_EQ(initial_exec, std::vector<std::string>());
}

}  // namespace
}  // namespace frdpu::core

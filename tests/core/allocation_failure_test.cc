// The n-th allocation of a scenario fails, and all after it, for each n until the scenario passes:
// pools answer with an error, the engine with std::bad_alloc; nothing leaks, and what was there
// before goes on working. What the system refuses pools is in pool/pool_memory_test.cc.
#include <gtest/gtest.h>

#include <array>
#include <functional>
#include <new>
#include <optional>

#include "core/engine/adaptive_compressor.h"
#include "core/engine/compression_engine.h"
#include "core/pool/buffer_pool.h"
#include "core/pool/object_pool.h"
#include "core/pool/resource_monitor.h"
#include "core/pool/ring_buffer_pool.h"
#include "core/workspace_pool.h"
#include "tests/support/heap_counter.h"
#include "tests/support/test_data.h"

namespace frdpu::core {
namespace {

/// How a scenario ended: without an error, or with which.
using Ending = std::optional<Errc>;
constexpr Ending kPassed = std::nullopt;

template <class T>
Ending ending_of(const Result<T>& result) {
  return result ? kPassed : Ending(result.error().code);
}

struct Scenario {
  const char* name;
  std::function<Ending()> run;
  std::optional<Errc> expected;  ///< the error that is answered; none: std::bad_alloc
};

void refuse_each(const Scenario& scenario) {
  SCOPED_TRACE(scenario.name);
  ASSERT_EQ(scenario.run(), kPassed);  // also registers the thread, once for all
  for (std::uint64_t granted = 0;; ++granted) {
    ASSERT_LT(granted, 2000u) << "never passed";
    const std::int64_t before = test::heap_balance();
    Ending ending;
    bool threw = false;
    bool refused = false;
    {
      const test::HeapRefusal refusal(granted);
      try {
        ending = scenario.run();
      } catch (const std::bad_alloc&) {
        threw = true;
      }
      refused = refusal.refused_any();
    }
    ASSERT_EQ(test::heap_balance(), before) << granted;
    if (!refused) {
      EXPECT_EQ(ending, kPassed);
      EXPECT_GT(granted, 0u) << "there was nothing to refuse";
      return;
    }
    // What can be done without, such as a magazine, may be refused without consequence.
    EXPECT_EQ(threw, threw && !scenario.expected) << granted;
    if (ending) {
      EXPECT_EQ(ending, scenario.expected) << granted;
    }
    EXPECT_EQ(scenario.run(), kPassed) << "not after " << granted;
  }
}

Ending make_and_drain_pool() {
  auto pool = FixedPool::create({.name = "n", .block_bytes = 1500, .max_blocks = 200});
  if (!pool) return pool.error().code;
  std::array<PooledBlock, 200> blocks;
  for (PooledBlock& block : blocks) {
    auto taken = pool->acquire();
    if (!taken) return taken.error().code;
    block = *std::move(taken);
  }
  return kPassed;
}

TEST(AllocationFailureTest, SettingUpPoolsAnswersWithAnError) {
  if (!test::heap_calls_are_counted()) GTEST_SKIP() << "a sanitizer's allocator is in place";
  const FixedPool::Options twins[] = {{.name = "a", .block_bytes = 100, .max_blocks = 10},
                                      {.name = "b", .block_bytes = 100, .max_blocks = 10}};
  const Scenario scenarios[] = {
      {"FixedPool", &make_and_drain_pool, Errc::configuration},
      {"PoolManager",
       [] {
         return ending_of(PoolManager::create(100, {Fallback::allowed, 3}));
       },
       Errc::configuration},
      {"RingBufferPool",
       [&] {
         return ending_of(RingBufferPool::create(twins, {Fallback::allowed, 3}));
       },
       Errc::configuration},
      {"BufferPool",
       [] {
         return ending_of(BufferPool::create({.policy = {{}, 3}}));
       },
       Errc::configuration},
      {"ResourceMonitor", [] { return ending_of(ResourceMonitor::create(3, {})); },
       Errc::configuration},
      {"ObjectPool",
       [] {
         // Longer than a string holds within itself.
         return ending_of(ObjectPool<int>::create(
             {.name = "a name that is too long for a small string", .max_objects = 3}));
       },
       Errc::configuration},
      {"WorkspacePools", [] { return ending_of(WorkspacePools::create(kGiB, 8 * kMiB)); },
       Errc::configuration},
  };
  for (const Scenario& scenario : scenarios) refuse_each(scenario);
}

TEST(AllocationFailureTest, TakingFromPoolsIsRefusedAndCounted) {
  if (!test::heap_calls_are_counted()) GTEST_SKIP() << "a sanitizer's allocator is in place";
  struct Large {
    std::array<std::byte, 4096> bytes;
  };
  const Scenario scenarios[] = {
      {"heap blocks",
       []() -> Ending {
         static auto pool = *BufferPool::create({.small = {0, 1},
                                                 .medium = {0, 1},
                                                 .large = {0, 1},
                                                 .policy = {.next_pool = {}, .heap_blocks = 4}});
         std::array<PooledBuffer, 4> buffers;
         for (PooledBuffer& buffer : buffers) {
           auto taken = pool.get_small_buffer();
           if (!taken) return taken.error().code;
           buffer = *std::move(taken);
         }
         return kPassed;
       },
       Errc::pool_exhausted},
      {"objects",
       []() -> Ending {
         auto pool = ObjectPool<Large>::create(
             {.max_objects = 4}, [] { return std::unique_ptr<Large>(new (std::nothrow) Large); },
             [](Large&) {});
         if (!pool) return Errc::pool_exhausted;  // tested above
         std::array<PooledObject<Large>, 4> objects;
         for (auto& object : objects) {
           auto taken = pool->acquire();
           if (!taken) {
             const PoolStats stats = pool->stats();
             const bool exact = stats.in_use == stats.acquisitions && stats.exhaustions == 1;
             return exact ? taken.error().code : Errc::internal_error;
           }
           object = *std::move(taken);
         }
         return kPassed;
       },
       Errc::pool_exhausted},
  };
  for (const Scenario& scenario : scenarios) refuse_each(scenario);
}

TEST(AllocationFailureTest, TheEngineThrowsAndGoesOn) {
  if (!test::heap_calls_are_counted()) GTEST_SKIP() << "a sanitizer's allocator is in place";
  const test::Buffer text = test::text_like(100'000);
  CompressionEngine engine;
  AdaptiveCompressor adaptive;
  const Scenario scenarios[] = {
      {"one-shot",
       [&]() -> Ending {
         CompressionEngine fresh;
         const auto frame = fresh.compress(text);
         if (!frame) return frame.error().code;
         const auto back = engine.decompress(*frame);
         return back && *back == text ? ending_of(back) : Errc::internal_error;
       },
       {}},
      {"stream",
       [&]() -> Ending {
         auto stream = engine.start_compression();
         if (!stream) return stream.error().code;
         std::vector<std::byte> frame;
         if (auto written = stream->write(text, frame); !written) return written.error().code;
         if (auto done = stream->finish(frame); !done) return done.error().code;
         return engine.decompress(frame) == text ? kPassed : Errc::internal_error;
       },
       {}},
      {"best of windows", [&] { return ending_of(adaptive.compress_best(text)); }, {}},
      {"estimate",
       [&] {
         CompressionEngine fresh;
         return ending_of(fresh.estimate_compression_ratio(text));
       },
       {}},
  };
  for (const Scenario& scenario : scenarios) refuse_each(scenario);
}

}  // namespace
}  // namespace frdpu::core

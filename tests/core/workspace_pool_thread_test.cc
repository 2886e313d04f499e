#include <gtest/gtest.h>

#include <thread>
#include <vector>

#include "core/body_decoder.h"
#include "core/codec_factory.h"
#include "tests/support/codec_driver.h"

namespace frdpu::core {
namespace {

// Threads encode and decode with workspaces that the others prepared.
TEST(WorkspacePoolsThreadTest, PreparedWorkspacesMoveBetweenThreads) {
  // Enough of each kind for four threads: untouched ones cost nothing.
  WorkspacePools pools = *WorkspacePools::create(kGiB, 32768);
  constexpr Coding kCodings[] = {Coding::zstd, Coding::gzip, Coding::lz4};
  const auto work = [&](std::uint64_t seed) {
    test::Random random(seed);
    for (int i = 0; i < 40; ++i) {
      const Coding coding = kCodings[random.below(std::size(kCodings))];
      const test::Buffer input = test::mixed_bytes(random.below(5000), random.next());
      const auto level = static_cast<int>(random.between(1, 5));
      auto encoder = make_encoder({.coding = coding, .level = level}, pools);
      ASSERT_TRUE(encoder.has_value()) << encoder.error().detail;
      // Given up by a thread other than the one that began it, now and then.
      if (random.below(8) == 0) {
        std::thread([given = std::move(*encoder)] {}).join();
        continue;
      }
      const auto frame = test::drive(**encoder, input, {.input_bytes = 700});
      ASSERT_TRUE(frame.has_value()) << frame.error().detail;
      BodyDecoder decoder(coding, {}, pools);
      const auto back = test::drive(decoder, frame->output, {.input_bytes = 300});
      ASSERT_TRUE(back.has_value()) << back.error().detail;
      EXPECT_EQ(back->output, input);
    }
  };
  std::vector<std::jthread> threads;
  for (std::uint64_t seed = 1; seed <= 4; ++seed) threads.emplace_back(work, seed);
  threads.clear();
  for (std::size_t i = 0; i < pools.kinds().size(); ++i) {
    EXPECT_EQ(pools.stats(i).in_use, 0u) << pools.kinds()[i].name;
    EXPECT_EQ(pools.stats(i).acquisitions, pools.stats(i).releases) << pools.kinds()[i].name;
  }
}

}  // namespace
}  // namespace frdpu::core

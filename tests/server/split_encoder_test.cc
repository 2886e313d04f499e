#include "server/split_encoder.h"

#include <gtest/gtest.h>

#include <latch>
#include <vector>

#include "core/body_decoder.h"
#include "tests/support/codec_driver.h"
#include "tests/support/test_data.h"

namespace frdpu::server {
namespace {

using core::Coding;
using core::Errc;
using core::StreamState;

constexpr std::size_t kPiece = 96 * core::kKiB;  // not a whole number of blocks

// Memory as a service has it, as much of it as a test wants.
struct Memory {
  explicit Memory(std::size_t blocks = 256, std::size_t workspace_bytes = 256 * core::kMiB)
      : pool(*core::FixedPool::create({.name = "64k",
                                       .block_bytes = core::k64kBlockBytes,
                                       .max_blocks = blocks,
                                       .slack_bytes = core::k64kSlackBytes})),
        workspaces(*core::WorkspacePools::create(workspace_bytes, 8 << 20)) {}

  void fill(core::BlockChain& chain, core::Bytes bytes) {
    while (!bytes.empty()) {
      auto block = *pool.acquire();
      const auto part = bytes.first(std::min(bytes.size(), block.size()));
      std::ranges::copy(part, block.data());
      bytes = bytes.subspan(part.size());
      chain.push_back(std::move(block), 0, part.size());
    }
  }

  core::FixedPool pool;
  core::WorkspacePools workspaces;
};

test::Buffer drain(core::BlockChain& chain) {
  test::Buffer all;
  while (!chain.empty()) {
    const core::Bytes front = chain.front();
    all.insert(all.end(), front.begin(), front.end());
    chain.consume(front.size());
  }
  return all;
}

// Runs rounds over a body that is there as a whole.
core::Result<test::Buffer> encode(SplitEncoder& encoder, core::BlockChain& in) {
  core::BlockChain out;
  for (;;) {
    const auto state = encoder.run(in, true, out);
    if (!state) return std::unexpected(state.error());
    if (*state == StreamState::done) return drain(out);
    if (*state == StreamState::need_input) return core::fail(Errc::internal_error, "no end");
  }
}

// What follows each other must be one body. The public tools judge in roundtrip_test.py.
test::Buffer decode(Coding coding, const test::Buffer& encoded, Memory& memory) {
  core::BodyDecoder decoder(coding, {}, memory.workspaces, nullptr);
  const auto driven = test::drive(decoder, encoded);
  return driven ? driven->output : test::Buffer{};
}

struct Case {
  Coding coding;
  int level;
};

class SplitEncoderTest : public testing::TestWithParam<Case> {
 protected:
  [[nodiscard]] core::EncoderParams params() const {
    return {.coding = GetParam().coding, .level = GetParam().level};
  }
};

INSTANTIATE_TEST_SUITE_P(Codings, SplitEncoderTest,
                         testing::Values(Case{Coding::lz4, 1}, Case{Coding::zstd, 3},
                                         Case{Coding::gzip, 6}, Case{Coding::gzip, 1}),
                         [](const auto& test) {
                           return std::string(core::to_string(test.param.coding)) +
                                  std::to_string(test.param.level);
                         });

TEST_P(SplitEncoderTest, IsTheSameHoweverManyHelp) {
  const test::Buffer body = test::text_like(10 * kPiece + 1);
  test::Buffer alone;
  for (const std::size_t threads : {1u, 2u, 5u}) {
    SCOPED_TRACE(threads);
    Memory memory;
    WorkerPool workers(threads, 100);
    SplitEncoder encoder;
    encoder.open(params(), kPiece, workers, memory.workspaces, memory.pool);
    core::BlockChain in;
    memory.fill(in, body);
    const auto result = encode(encoder, in);
    ASSERT_TRUE(result) << result.error().detail;
    EXPECT_EQ(encoder.consumed_bytes(), body.size());
    EXPECT_EQ(encoder.produced_bytes(), result->size());
    encoder.close();
    EXPECT_EQ(memory.pool.stats().in_use, 0u);
    if (alone.empty()) alone = *result;
    EXPECT_TRUE(*result == alone);
    EXPECT_TRUE(decode(GetParam().coding, *result, memory) == body);
  }
}

TEST_P(SplitEncoderTest, TakesEveryLength) {
  Memory memory;
  WorkerPool workers(2, 100);
  SplitEncoder encoder;
  for (const std::size_t size : {std::size_t{0}, std::size_t{1}, kPiece - 1, kPiece, kPiece + 1,
                                 4 * kPiece, 4 * kPiece + 1}) {
    SCOPED_TRACE(size);
    const test::Buffer body = test::text_like(size);
    encoder.open(params(), kPiece, workers, memory.workspaces, memory.pool);
    core::BlockChain in;
    memory.fill(in, body);
    const auto result = encode(encoder, in);
    ASSERT_TRUE(result);
    encoder.close();
    EXPECT_TRUE(decode(GetParam().coding, *result, memory) == body);
  }
}

TEST_P(SplitEncoderTest, GoesOnWhereMemoryWasMissing) {
  const test::Buffer body = test::random_bytes(4 * kPiece);
  Memory memory(24);
  WorkerPool workers(2, 100);
  SplitEncoder encoder;
  encoder.open(params(), kPiece, workers, memory.workspaces, memory.pool);
  core::BlockChain in;
  memory.fill(in, body);
  std::vector<core::PooledBlock> others;
  while (auto block = memory.pool.acquire()) others.push_back(std::move(*block));
  core::BlockChain out;
  test::Buffer all;
  std::size_t failures = 0;
  for (bool done = false; !done;) {
    const auto state = encoder.run(in, true, out);
    if (state) {
      done = *state == StreamState::done;
    } else {
      ASSERT_EQ(state.error().code, Errc::pool_exhausted);
      ++failures;
      ASSERT_FALSE(others.empty()) << "it wants more than there is";
      others.pop_back();
    }
    const test::Buffer more = drain(out);
    all.insert(all.end(), more.begin(), more.end());
  }
  EXPECT_GT(failures, 1u);
  encoder.close();
  EXPECT_TRUE(decode(GetParam().coding, all, memory) == body);
}

/// Runs one turn after the other: how much each does depends on how long it takes.
StreamState run_on(SplitEncoder& encoder, core::BlockChain& in, bool ended, core::BlockChain& out) {
  auto state = StreamState::output_full;
  while (state == StreamState::output_full) state = *encoder.run(in, ended, out);
  return state;
}

TEST(SplitEncoderRoundsTest, AsksForAWholeRoundFirst) {
  Memory memory;
  WorkerPool workers(2, 100);
  SplitEncoder encoder;
  encoder.open({.coding = Coding::lz4, .level = 1}, kPiece, workers, memory.workspaces,
               memory.pool);
  EXPECT_EQ(encoder.round_bytes(), 4 * kPiece);
  core::BlockChain in;
  core::BlockChain out;
  memory.fill(in, test::text_like(kPiece - 1));
  EXPECT_EQ(*encoder.run(in, false, out), StreamState::need_input);
  EXPECT_EQ(in.size(), kPiece - 1);
  EXPECT_TRUE(out.empty());
  memory.fill(in, test::text_like(kPiece + 1));
  EXPECT_EQ(run_on(encoder, in, false, out), StreamState::need_input);
  EXPECT_TRUE(in.empty());
  EXPECT_EQ(run_on(encoder, in, true, out), StreamState::done);
}

// Keeps a worker until it is told to go.
struct Busy final : Job {
  void run() noexcept override {
    started.count_down();
    let_go.wait();
  }
  std::latch started{1};
  std::latch let_go{1};
};

TEST(SplitEncoderRoundsTest, EndsItsTurnWhereOthersWait) {
  Memory memory(1024);
  WorkerPool workers(1, 100);
  Busy busy;
  Busy waiting;
  waiting.let_go.count_down();
  ASSERT_TRUE(workers.submit(busy));
  busy.started.wait();
  SplitEncoder encoder;
  encoder.open({.coding = Coding::zstd, .level = 15}, 2 * core::kMiB, workers, memory.workspaces,
               memory.pool);
  const test::Buffer body = test::text_like(3 * core::kMiB);  // many turns long
  core::BlockChain in;
  core::BlockChain out;
  memory.fill(in, body);
  ASSERT_TRUE(workers.submit(waiting));
  std::size_t turns = 1;
  for (; *encoder.run(in, true, out) == StreamState::output_full; ++turns) {
    EXPECT_TRUE(encoder.is_busy());
  }
  EXPECT_GT(turns, 2u);
  EXPECT_FALSE(encoder.is_busy());
  EXPECT_TRUE(decode(Coding::zstd, drain(out), memory) == body);
  busy.let_go.count_down();
}

// A piece that takes longer than all others must not make those who could help idle.
TEST(SplitEncoderRoundsTest, CutsNewPiecesOffWhileAnOldOneIsInWork) {
  Memory memory(1024);
  WorkerPool workers(1, 100);
  SplitEncoder encoder;
  encoder.open({.coding = Coding::zstd, .level = 12}, core::kMiB, workers, memory.workspaces,
               memory.pool);
  test::Buffer body(core::kMiB);  // done in no time
  const test::Buffer slow = test::text_like(3 * core::kMiB);
  body.insert(body.end(), slow.begin(), slow.end());
  core::BlockChain in;
  core::BlockChain out;
  memory.fill(in, body);
  bool was_cut_off_early = false;
  for (;;) {
    const std::size_t left = in.size();
    const bool was_busy = encoder.is_busy();
    const auto state = encoder.run(in, true, out);
    ASSERT_TRUE(state);
    was_cut_off_early |= was_busy && in.size() < left;
    if (*state == StreamState::done) break;
  }
  EXPECT_TRUE(was_cut_off_early);
  EXPECT_TRUE(decode(Coding::zstd, drain(out), memory) == body);
}

TEST(SplitEncoderRoundsTest, DoesNotWaitForWorkersThatHaveOtherWork) {
  Memory memory;
  WorkerPool workers(2, 100);  // of which one is busy, and this thread is no worker
  Busy busy;
  Busy second;
  ASSERT_TRUE(workers.submit(busy));
  ASSERT_TRUE(workers.submit(second));
  busy.started.wait();
  second.started.wait();
  SplitEncoder encoder;
  encoder.open({.coding = Coding::lz4, .level = 1}, kPiece, workers, memory.workspaces,
               memory.pool);
  core::BlockChain in;
  memory.fill(in, test::text_like(4 * kPiece));
  EXPECT_TRUE(encode(encoder, in));  // would hang
  EXPECT_EQ(workers.queued(), 0u);
  EXPECT_EQ(encoder.helpers_time().count(), 0);
  busy.let_go.count_down();
  second.let_go.count_down();
}

TEST(SplitEncoderRoundsTest, CountsTheTimeOfThoseWhoHelp) {
  Memory memory;
  WorkerPool workers(3, 100);
  SplitEncoder encoder;
  encoder.open({.coding = Coding::gzip, .level = 9}, kPiece, workers, memory.workspaces,
               memory.pool);
  // A helper may come late to one round, not to all.
  for (int round = 0; round < 100 && encoder.helpers_time().count() == 0; ++round) {
    core::BlockChain in;
    core::BlockChain out;
    memory.fill(in, test::text_like(6 * kPiece));
    ASSERT_TRUE(encoder.run(in, false, out));
  }
  EXPECT_GT(encoder.helpers_time().count(), 0);
}

}  // namespace
}  // namespace frdpu::server

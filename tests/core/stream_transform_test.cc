#include "core/stream_transform.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "core/body_decoder.h"
#include "core/codec_factory.h"
#include "tests/support/heap_counter.h"
#include "tests/support/oracles.h"

namespace frdpu::core {
namespace {

using test::Buffer;
using test::oracle_encode;
using test::operator+;

WorkspacePools& workspaces() {
  static WorkspacePools made = *WorkspacePools::create(kGiB, 1u << 20);
  return made;
}

FixedPool make_pool(std::size_t block_bytes, std::size_t blocks) {
  return *FixedPool::create({.name = "test", .block_bytes = block_bytes, .max_blocks = blocks});
}

// Puts bytes into a chain, in blocks of `pool` filled to at most `each`.
void fill(BlockChain& chain, FixedPool& pool, Bytes bytes, std::size_t each) {
  while (!bytes.empty()) {
    PooledBlock block = *pool.acquire();
    const std::size_t size = std::min({bytes.size(), each, block.size()});
    ASSERT_TRUE(block.write_bytes(0, bytes.first(size)).has_value());
    chain.push_back(std::move(block), 0, size);
    bytes = bytes.subspan(size);
  }
}

Buffer drain(BlockChain& chain) {
  Buffer out;
  while (!chain.empty()) {
    const Bytes front = chain.front();
    out.insert(out.end(), front.begin(), front.end());
    chain.consume(front.size());
  }
  return out;
}

struct Pace {
  std::size_t piece_bytes;    // input that arrives at a time
  std::size_t block_bytes;    // of the pool
  std::size_t max_out_bytes;  // a run
};

// Runs a transform over input that arrives in pieces, and takes its output away after each run.
Result<Buffer> drive(StreamTransform& stream, Bytes input, Pace pace, FixedPool& pool) {
  BlockChain in;
  BlockChain out;
  Buffer made;
  std::size_t fed = 0;
  for (;;) {
    const std::size_t piece = std::min(pace.piece_bytes, input.size() - fed);
    fill(in, pool, input.subspan(fed, piece), pace.block_bytes);
    fed += piece;
    for (;;) {
      const auto state = stream.run(in, fed == input.size(), out, pool, pace.max_out_bytes);
      if (!state) return std::unexpected(state.error());
      EXPECT_LE(out.size(), pace.max_out_bytes);
      made = made + drain(out);
      if (*state == StreamState::done) return made;
      if (*state == StreamState::need_input) {
        EXPECT_TRUE(in.empty());
        EXPECT_LT(fed, input.size());
        if (fed >= input.size()) return fail(Errc::internal_error, "test: wants more than all");
        break;
      }
    }
  }
}

constexpr Pace kPaces[] = {
    {1, 64, 64},          {1400, 1500, 64},       {1400, 1500, 4000}, {64, 64, 1000},
    {5000, 256, 300},     {100000, 65536, 65536}, {7, 1000, 100},     {SIZE_MAX, 65536, SIZE_MAX},
    {3000, 512, SIZE_MAX}};

TEST(StreamTransformTest, EncodesAtEveryPace) {
  const Buffer input = test::json_like(20000);
  for (const Pace pace : kPaces) {
    FixedPool pool = make_pool(pace.block_bytes, 2000);
    for (const Coding coding : {Coding::identity, Coding::zstd, Coding::lz4}) {
      const auto level = static_cast<int>(traits(coding).levels.default_value);
      auto encoder = make_encoder({.coding = coding, .level = level}, workspaces());
      StreamTransform stream;
      stream.add(**encoder);
      const auto made = drive(stream, input, pace, pool);
      ASSERT_TRUE(made.has_value()) << made.error().detail;
      EXPECT_EQ(test::oracle_decode(coding, *made), input) << to_string(coding);
      EXPECT_EQ(stream.consumed_bytes(), input.size());
      EXPECT_EQ(stream.produced_bytes(), made->size());
    }
    EXPECT_EQ(pool.stats().in_use, 0u);
  }
}

TEST(StreamTransformTest, DecodesTwoCodingsAndEncodesAThirdInOnePass) {
  const Buffer input = test::text_like(30000);
  const Buffer body = oracle_encode(Coding::lz4, oracle_encode(Coding::zstd, input));
  for (const Pace pace : kPaces) {
    FixedPool pool = make_pool(pace.block_bytes, 2000);
    BodyDecoder first(Coding::lz4, {}, workspaces());
    BodyDecoder second(Coding::zstd, {}, workspaces());
    auto encoder = make_encoder({.coding = Coding::zstd, .level = 1}, workspaces());
    StreamTransform stream;
    stream.add(first);
    stream.add(second);
    stream.add(**encoder);
    const auto made = drive(stream, body, pace, pool);
    ASSERT_TRUE(made.has_value()) << made.error().detail;
    EXPECT_EQ(test::oracle_decode(Coding::zstd, *made), input);
    EXPECT_EQ(pool.stats().in_use, 0u);
  }
}

TEST(StreamTransformTest, EmptyInputGivesAnEmptyFrame) {
  FixedPool pool = make_pool(1500, 10);
  auto encoder = make_encoder({.coding = Coding::zstd, .level = 3}, workspaces());
  StreamTransform stream;
  stream.add(**encoder);
  BlockChain in;
  BlockChain out;
  EXPECT_EQ(stream.run(in, false, out, pool, 1000), StreamState::need_input);
  EXPECT_EQ(pool.stats().in_use, 0u);
  EXPECT_EQ(stream.run(in, true, out, pool, 1000), StreamState::done);
  EXPECT_EQ(stream.run(in, true, out, pool, 1000), StreamState::done);
  EXPECT_EQ(test::oracle_decode(Coding::zstd, drain(out)), Buffer{});
}

TEST(StreamTransformTest, BoundsTheWorkBetweenStages) {
  const Buffer zeros = test::zeros(16 << 20);
  const Buffer bomb = oracle_encode(Coding::gzip, zeros, 9);
  BodyDecoder decoder(Coding::gzip, {}, workspaces(), nullptr);
  auto encoder = make_encoder({.coding = Coding::lz4, .level = 1}, workspaces());
  StreamTransform stream;
  stream.add(decoder);
  stream.add(**encoder);
  FixedPool pool = make_pool(65536, 16);
  BlockChain in;
  BlockChain out;
  fill(in, pool, bomb, 65536);
  constexpr std::size_t kMost = 256 * kKiB;
  Buffer made;
  std::uint64_t before = 0;
  for (std::size_t runs = 1;; ++runs) {
    const auto state = stream.run(in, true, out, pool, kMost);
    ASSERT_TRUE(state);
    EXPECT_LE(decoder.produced_bytes() - before, kMost + 65536);
    before = decoder.produced_bytes();
    made = made + drain(out);
    if (*state == StreamState::done) {
      EXPECT_GE(runs, zeros.size() / (kMost + 65536));
      break;
    }
    EXPECT_EQ(*state, StreamState::output_full);
  }
  EXPECT_TRUE(test::oracle_decode(Coding::lz4, made, zeros.size()) == zeros);
}

TEST(StreamTransformTest, HoldsNoBlockOfItsOwnWhileItWaits) {
  FixedPool pool = make_pool(1500, 10);
  BodyDecoder decoder(Coding::zstd, {}, workspaces());
  auto encoder = make_encoder({.coding = Coding::zstd, .level = 3}, workspaces());
  StreamTransform stream;
  stream.add(decoder);
  stream.add(**encoder);
  const Buffer body = oracle_encode(Coding::zstd, test::text_like(1000));
  BlockChain in;
  BlockChain out;
  fill(in, pool, Bytes(body).first(200), 1500);
  EXPECT_EQ(stream.run(in, false, out, pool, 1000), StreamState::need_input);
  EXPECT_EQ(pool.stats().in_use, out.blocks());
}

TEST(StreamTransformTest, PassesOnWhatAStageFinds) {
  FixedPool pool = make_pool(1500, 100);
  Buffer body = oracle_encode(Coding::zstd, test::text_like(3000));
  struct Row {
    Errc code;
    Buffer body;
  };
  Buffer flipped = body;
  flipped.back() ^= std::byte{1};
  const Row rows[] = {{Errc::checksum_mismatch, flipped},
                      {Errc::truncated_input, Buffer(body.begin(), body.end() - 1)},
                      {Errc::trailing_data, body + Buffer(1)},
                      {Errc::truncated_input, {}}};
  for (const Row& row : rows) {
    BodyDecoder decoder(Coding::zstd, {}, workspaces());
    auto encoder = make_encoder({.coding = Coding::zstd, .level = 3}, workspaces());
    StreamTransform stream;
    stream.add(decoder);
    stream.add(**encoder);
    const auto made = drive(stream, row.body, {100, 1500, 1000}, pool);
    ASSERT_FALSE(made.has_value());
    EXPECT_EQ(made.error().code, row.code);
  }
  EXPECT_EQ(pool.stats().in_use, 0u);
}

// The pool fails at every n-th acquisition in turn; the same run is tried again each time, and
// what comes out is what comes out without failures.
TEST(StreamTransformTest, AnExhaustedPoolMayBeTriedAgainAtEveryPoint) {
  const Buffer input = test::mixed_bytes(9000);
  const Buffer body = oracle_encode(Coding::lz4, input);
  for (std::size_t spare_blocks = 0; spare_blocks < 12; ++spare_blocks) {
    FixedPool input_pool = make_pool(512, 100);
    FixedPool pool = make_pool(512, 12);
    std::vector<PooledBlock> held;
    const auto leave = [&](std::size_t blocks) {
      held.clear();
      while (pool.stats().available > blocks) held.push_back(*pool.acquire());
    };
    leave(spare_blocks);
    BodyDecoder decoder(Coding::lz4, {}, workspaces());
    auto encoder = make_encoder({.coding = Coding::lz4, .level = 1}, workspaces());
    StreamTransform stream;
    stream.add(decoder);
    stream.add(**encoder);
    BlockChain in;
    BlockChain out;
    fill(in, input_pool, body, 512);
    Buffer made;
    std::size_t refusals = 0;
    for (;;) {
      const auto state = stream.run(in, true, out, pool, 100000);
      if (!state) {
        ASSERT_EQ(state.error().code, Errc::pool_exhausted);
        // Output is taken away only every other time: a retry with nothing changed is harmless.
        if (++refusals % 2 == 0) {
          made = made + drain(out);
          out.clear();
          leave(std::max<std::size_t>(spare_blocks, refusals > 20 ? 3 : 0));
        }
        ASSERT_LT(refusals, 1000u);
        continue;
      }
      made = made + drain(out);
      if (*state == StreamState::done) break;
    }
    if (spare_blocks < 3) {
      EXPECT_GT(refusals, 0u);
    }
    EXPECT_EQ(test::oracle_decode(Coding::lz4, made), input) << spare_blocks;
    out.clear();
    held.clear();
    EXPECT_EQ(pool.stats().in_use, 0u);
    EXPECT_EQ(input_pool.stats().in_use, 0u);
  }
}

TEST(StreamTransformTest, AnExhaustedWorkspaceMayBeTriedAgain) {
  WorkspacePools small = *WorkspacePools::create(128 * kMiB, 32768);
  const Buffer input = test::text_like(2000);
  const Buffer body = oracle_encode(Coding::lz4, input) + oracle_encode(Coding::lz4, input);
  std::vector<PooledBlock> held;
  for (const WorkspaceKind& kind : small.kinds()) {
    if (kind.coding != Coding::lz4 || kind.direction != Direction::decompress) continue;
    while (true) {
      auto block = small.acquire(Coding::lz4, kind.direction, kind.block_bytes);
      if (!block) break;
      held.push_back(std::move(*block));
    }
  }
  FixedPool pool = make_pool(1500, 100);
  BodyDecoder decoder(Coding::lz4, {}, small);
  StreamTransform stream;
  stream.add(decoder);
  BlockChain in;
  BlockChain out;
  fill(in, pool, body, 1500);
  const std::size_t size = in.size();
  for (int i = 0; i < 5; ++i) {
    const auto refused = stream.run(in, true, out, pool, 10000);
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(refused.error().code, Errc::pool_exhausted);
    EXPECT_EQ(in.size(), size);
    EXPECT_TRUE(out.empty());
  }
  held.clear();
  EXPECT_EQ(stream.run(in, true, out, pool, 10000), StreamState::done);
  EXPECT_EQ(drain(out), input + input);
}

// A transform that never moves must not hang the caller.
class Stuck final : public Transform {
 public:
  explicit Stuck(StepState state) : state_(state) {}
  Result<Progress> step(Bytes, MutableBytes, Flush) noexcept override {
    return Progress{0, 0, state_};
  }

 private:
  StepState state_;
};

TEST(StreamTransformTest, ATransformThatGetsNowhereIsAnError) {
  FixedPool pool = make_pool(1500, 10);
  for (const StepState state : {StepState::need_input, StepState::need_output}) {
    Stuck stuck(state);
    StreamTransform stream;
    stream.add(stuck);
    BlockChain in;
    BlockChain out;
    fill(in, pool, test::zeros(10), 1500);
    const auto run = stream.run(in, true, out, pool, 1000);
    ASSERT_FALSE(run.has_value());
    EXPECT_EQ(run.error().code, Errc::internal_error);
  }
}

TEST(StreamTransformTest, NeverTouchesTheHeapOnceWarm) {
  if (!test::heap_calls_are_counted()) GTEST_SKIP() << "a sanitizer's allocator is in place";
  FixedPool pool = make_pool(65536, 64);
  const Buffer body = oracle_encode(Coding::zstd, test::json_like(300000));
  for (int round = 0; round < 3; ++round) {
    const std::uint64_t before = test::heap_calls();
    BodyDecoder decoder(Coding::zstd, {}, workspaces());
    auto encoder = make_encoder({.coding = Coding::lz4, .level = 1}, workspaces());
    StreamTransform stream;
    stream.add(decoder);
    stream.add(**encoder);
    BlockChain in;
    BlockChain out;
    fill(in, pool, body, 65536);
    for (;;) {
      const auto state = stream.run(in, true, out, pool, 65536);
      ASSERT_TRUE(state.has_value());
      out.clear();
      if (*state == StreamState::done) break;
    }
    if (round != 0) {
      EXPECT_EQ(test::heap_calls(), before);
    }
  }
}

// Writes a byte a step, and pauses behind each.
class Pausing final : public Transform {
 public:
  Result<Progress> step(Bytes input, MutableBytes output, Flush flush) noexcept override {
    if (input.empty()) {
      return Progress{.state = flush == Flush::finish ? StepState::done : StepState::need_input};
    }
    output[0] = input[0];
    return Progress{1, 1, StepState::paused};
  }
};

TEST(StreamTransformTest, ARunEndsWhereAStagePauses) {
  FixedPool pool = make_pool(1024, 8);
  Pausing pausing;
  StreamTransform stream;
  stream.add(pausing);
  BlockChain in;
  BlockChain out;
  fill(in, pool, as_bytes("abc"), 1024);
  for (std::size_t run = 1; run <= 3; ++run) {
    const auto state = stream.run(in, true, out, pool, 4096);
    ASSERT_TRUE(state);
    EXPECT_EQ(*state, StreamState::output_full);
    EXPECT_EQ(out.size(), run);
  }
  const auto state = stream.run(in, true, out, pool, 4096);
  ASSERT_TRUE(state);
  EXPECT_EQ(*state, StreamState::done);
  EXPECT_EQ(drain(out), test::to_buffer("abc"));
}

}  // namespace
}  // namespace frdpu::core

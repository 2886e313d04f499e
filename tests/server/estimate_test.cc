#include "server/estimate.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "core/codec_factory.h"
#include "core/estimator.h"
#include "core/stream_transform.h"
#include "tests/support/body_helpers.h"
#include "tests/support/codec_driver.h"
#include "tests/support/oracles.h"

namespace frdpu::server {
namespace {

using core::Bytes;
using core::Coding;
using core::Errc;
using core::FixedPool;
using core::k64kBlockBytes;
using core::kKiB;
using core::kMiB;
using core::PooledBlock;
using core::body_test::expect_all_home;
using core::body_test::pools;
using nlohmann::json;
using test::Buffer;

constexpr Coding kCodings[] = {Coding::lz4, Coding::zstd, Coding::gzip, Coding::deflate,
                               Coding::br};

FixedPool make_blocks(std::size_t count) {
  return *FixedPool::create({.name = "64k",
                             .block_bytes = k64kBlockBytes,
                             .max_blocks = count,
                             .slack_bytes = core::k64kSlackBytes});
}

FixedPool& blocks() {
  static FixedPool made = make_blocks(64);
  return made;
}

// The answer; of an error, its name.
json estimate(Bytes body, test::Cut cut = {}) {
  Estimate estimate(pools(), blocks());
  const auto driven = test::drive(estimate, body, cut);
  if (!driven) return to_string(driven.error().code);
  EXPECT_EQ(driven->consumed, body.size());
  EXPECT_EQ(blocks().stats().in_use, 0u) << "blocks are kept behind the answer";
  expect_all_home();
  return json::parse(driven->output);
}

core::EncoderParams default_params(Coding coding, std::uint64_t content_bytes, bool whole) {
  return {.coding = coding,
          .level = static_cast<int>(core::traits(coding).levels.default_value),
          .window_bytes = 0,
          .content_bytes = content_bytes,
          .whole = whole,
          .dictionary = nullptr};
}

// What /v1/compress makes of a body with a length: bodies of up to 64 KiB in one step, others
// streamed; the input came in blocks of `block_bytes`.
Buffer compress(Coding coding, Bytes body, std::size_t block_bytes = k64kBlockBytes) {
  const bool whole = body.size() <= k64kBlockBytes;
  auto encoder = core::make_encoder(default_params(coding, body.size(), whole), pools());
  EXPECT_TRUE(encoder);
  if (whole) {
    Buffer out(core::encoder_bound(coding, body.size()));
    const auto step = (*encoder)->step(body, out, core::Flush::finish);
    EXPECT_TRUE(step && step->state == core::StepState::done);
    out.resize(step->produced);
    return out;
  }
  core::StreamTransform stream;
  stream.add(**encoder);
  FixedPool pool = make_blocks(4000);
  core::BlockChain in;
  core::BlockChain made;
  for (std::size_t at = 0; at < body.size(); at += block_bytes) {
    const Bytes piece = body.subspan(at, std::min(block_bytes, body.size() - at));
    PooledBlock block = *pool.acquire();
    EXPECT_TRUE(block.write_bytes(0, piece));
    in.push_back(std::move(block), 0, piece.size());
  }
  const auto state = stream.run(in, true, made, pool, SIZE_MAX);
  EXPECT_TRUE(state && *state == core::StreamState::done);
  Buffer out;
  while (!made.empty()) {
    out.insert(out.end(), made.front().begin(), made.front().end());
    made.consume(made.front().size());
  }
  return out;
}

// Checks all that is said of a body by what really comes out.
void expect_truth(const json& told, Bytes body) {
  const Bytes sample = body.first(std::min(body.size(), Estimate::kSampleBytes));
  const bool measured = sample.size() == body.size();
  ASSERT_TRUE(told.is_object()) << told;
  EXPECT_EQ(told.size(), 5u);
  EXPECT_EQ(told["input_bytes"], body.size());
  EXPECT_EQ(told["sampled_bytes"], sample.size());
  EXPECT_DOUBLE_EQ(told["entropy_bits_per_byte"].get<double>(),
                   core::entropy_bits_per_byte(sample));
  EXPECT_EQ(told["recommended"],
            to_string(core::choose_coding(sample, core::Aim::balanced, pools()).coding));
  ASSERT_EQ(told["codings"].size(), std::size(kCodings));
  for (std::size_t i = 0; i < std::size(kCodings); ++i) {
    const json& row = told["codings"][i];
    SCOPED_TRACE(row.dump());
    EXPECT_EQ(row.size(), 5u);
    EXPECT_EQ(row["coding"], to_string(kCodings[i]));
    EXPECT_EQ(row["level"], core::traits(kCodings[i]).levels.default_value);
    EXPECT_EQ(row["method"], measured ? "measured" : "sampled");
    const Buffer encoded = compress(kCodings[i], sample);
    EXPECT_EQ(test::oracle_decode(kCodings[i], encoded, sample.size() + 1),
              test::to_buffer(sample));
    const auto output = row["output_bytes"].get<std::uint64_t>();
    const double scale = static_cast<double>(body.size()) / static_cast<double>(sample.size());
    EXPECT_NEAR(static_cast<double>(output), static_cast<double>(encoded.size()) * scale,
                measured ? 0 : 1);
    EXPECT_DOUBLE_EQ(row["ratio"].get<double>(),
                     static_cast<double>(body.size()) / static_cast<double>(output));
  }
}

TEST(EstimateTest, SaysWhatCompressionMakesOfABody) {
  for (const std::size_t size :
       {std::size_t{1}, std::size_t{2}, std::size_t{100}, std::size_t{1400}, 16 * kKiB,
        64 * kKiB - 1, 64 * kKiB, 64 * kKiB + 1, 128 * kKiB, 200 * kKiB, kMiB - 1, kMiB, kMiB + 1,
        3 * kMiB}) {
    for (const test::Sample& sample :
         {test::Sample{"text", test::text_like(size)}, test::Sample{"json", test::json_like(size)},
          test::Sample{"noise", test::random_bytes(size)},
          test::Sample{"zeros", test::zeros(size)}}) {
      SCOPED_TRACE(testing::Message() << sample);
      expect_truth(estimate(sample.bytes), sample.bytes);
    }
  }
}

TEST(EstimateTest, SaysItOfTheCorpus) {
  for (const test::Sample& sample : test::corpus_samples(2 * kMiB)) {
    SCOPED_TRACE(testing::Message() << sample);
    expect_truth(estimate(sample.bytes), sample.bytes);
  }
}

// Where the blocks of a streamed body end changes nothing of what /v1/compress makes of it.
TEST(EstimateTest, TheSizeDoesNotDependOnHowTheBodyArrived) {
  for (const std::size_t size : {64 * kKiB + 1, 300 * kKiB, kMiB}) {
    const Buffer body = test::json_like(size);
    for (const Coding coding : kCodings) {
      SCOPED_TRACE(testing::Message() << to_string(coding) << ' ' << size);
      EXPECT_EQ(compress(coding, body, 1400).size(), compress(coding, body).size());
    }
  }
}

TEST(EstimateTest, DoesNotDependOnTheCuts) {
  for (const Buffer& body : {test::text_like(1), test::text_like(5000), test::json_like(70'000),
                             test::random_bytes(kMiB + 5)}) {
    const json whole = estimate(body);
    for (const std::size_t cut : test::kSeamSizes) {
      EXPECT_EQ(estimate(body, {.input_bytes = cut}), whole) << body.size() << " cut " << cut;
      if (body.size() < 10'000) {
        EXPECT_EQ(estimate(body, {.input_bytes = cut, .output_bytes = cut}), whole)
            << body.size() << " cut " << cut;
      }
    }
  }
}

TEST(EstimateTest, RecommendsIdentityWhereNothingCompresses) {
  EXPECT_EQ(estimate(test::random_bytes(100'000))["recommended"], "identity");
  EXPECT_EQ(estimate(test::text_like(100'000))["recommended"], "zstd");
  // As `auto` does, by the start alone.
  Buffer noise_first = test::random_bytes(20'000);
  noise_first.resize(500'000);
  EXPECT_EQ(estimate(noise_first)["recommended"], "identity");
}

TEST(EstimateTest, EntropyIsThatOfTheSample) {
  EXPECT_EQ(estimate(test::zeros(70'000))["entropy_bits_per_byte"], 0.0);
  Buffer two = test::zeros(128 * kKiB);
  std::fill(two.begin() + 64 * kKiB, two.end(), std::byte{1});  // a block each
  EXPECT_EQ(estimate(two)["entropy_bits_per_byte"], 1.0);
  EXPECT_GT(estimate(test::random_bytes(kMiB))["entropy_bits_per_byte"], 7.99);
  Buffer behind = test::zeros(2 * kMiB);
  std::fill(behind.begin() + kMiB, behind.end(), std::byte{1});
  EXPECT_EQ(estimate(behind)["entropy_bits_per_byte"], 0.0);
}

TEST(EstimateTest, AnEmptyBodyHasNoRatio) {
  EXPECT_EQ(estimate({}), "empty_input");
  Estimate estimate(pools(), blocks());
  ASSERT_TRUE(estimate.step({}, {}, core::Flush::none));
  const auto ended = estimate.step({}, {}, core::Flush::finish);
  ASSERT_FALSE(ended);
  EXPECT_EQ(ended.error().code, Errc::empty_input);
}

// Takes all blocks but `left` of a pool.
std::vector<PooledBlock> take_all_but(FixedPool& pool, std::size_t left) {
  std::vector<PooledBlock> taken;
  while (auto block = pool.acquire()) taken.push_back(std::move(*block));
  taken.resize(taken.size() - left);
  return taken;
}

TEST(EstimateTest, GoesOnWhereBlocksRanOut) {
  const Buffer body = test::text_like(300'000);
  const json expected = estimate(body);
  FixedPool few = make_blocks(7);
  for (std::size_t left = 0; left < 6; ++left) {
    SCOPED_TRACE(left);
    std::vector<PooledBlock> taken = take_all_but(few, left);
    Estimate estimate(pools(), few);
    Buffer room(2000);
    Bytes rest = body;
    if (left > 0) {
      const auto some = estimate.step(rest, room, core::Flush::finish);
      ASSERT_TRUE(some);
      EXPECT_EQ(some->consumed, std::min(left * k64kBlockBytes, body.size()));
      EXPECT_EQ(some->produced, 0u);
      EXPECT_EQ(some->state, core::StepState::need_output);
      rest = rest.subspan(some->consumed);
    }
    for (int again = 0; again < 3; ++again) {
      const auto refused = estimate.step(rest, room, core::Flush::finish);
      ASSERT_FALSE(refused);
      EXPECT_EQ(refused.error().code, Errc::pool_exhausted);
    }
    taken.clear();
    const auto done = estimate.step(rest, room, core::Flush::finish);
    ASSERT_TRUE(done);
    EXPECT_EQ(done->consumed, rest.size());
    EXPECT_EQ(done->state, core::StepState::done);
    room.resize(done->produced);
    EXPECT_EQ(json::parse(room), expected);
  }
  EXPECT_EQ(few.stats().in_use, 0u);
}

TEST(EstimateTest, LeavesTheLastBlocksToResults) {
  FixedPool pool = make_blocks(64);
  const std::vector<PooledBlock> taken = take_all_but(pool, 4);  // a sixteenth is not for bodies
  Estimate estimate(pools(), pool);
  const auto refused = estimate.step(test::text_like(1000), {}, core::Flush::none);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::pool_exhausted);
}

// Each coding's workspaces are all out in turn: what was done before is not done again.
TEST(EstimateTest, GoesOnWhereWorkspacesRanOut) {
  auto few = *core::WorkspacePools::create(256 * kMiB, 1u << 20);
  const Buffer body = test::text_like(100'000);
  const auto acquisitions = [&few] {
    std::uint64_t total = 0;
    for (std::size_t i = 0; i < few.kinds().size(); ++i) total += few.stats(i).acquisitions;
    return total;
  };
  const auto estimate_with = [&](std::optional<Coding> missing) {
    std::vector<PooledBlock> taken;
    while (missing) {
      const auto params = core::with_window_cap(default_params(*missing, body.size(), false),
                                                few.max_window_bytes());
      auto block =
          few.acquire(*missing, core::Direction::compress, *core::encoder_workspace_bytes(params));
      if (!block) break;
      taken.push_back(std::move(*block));
    }
    const std::uint64_t before = acquisitions();
    Estimate estimate(few, blocks());
    Buffer room(2000);
    Bytes rest = body;
    if (missing) {
      const auto nanoseconds_left = estimate.cost_estimate(body.size());
      const auto some = estimate.step(rest, room, core::Flush::finish);
      EXPECT_TRUE(some && some->consumed == body.size() && some->produced == 0);
      EXPECT_EQ(some->state, core::StepState::need_output);
      rest = {};
      for (int again = 0; again < 3; ++again) {
        const auto refused = estimate.step(rest, room, core::Flush::finish);
        EXPECT_EQ(refused ? Errc{} : refused.error().code, Errc::pool_exhausted);
      }
      EXPECT_LE(estimate.cost_estimate(0), nanoseconds_left);
      taken.clear();
    }
    const auto done = estimate.step(rest, room, core::Flush::finish);
    EXPECT_TRUE(done && done->state == core::StepState::done);
    room.resize(done->produced);
    return std::pair(json::parse(room), acquisitions() - before);
  };
  const auto [expected, once] = estimate_with(std::nullopt);
  EXPECT_EQ(once, std::size(kCodings) + 1);  // one each, and one for the recommendation
  for (const Coding coding : kCodings) {
    SCOPED_TRACE(to_string(coding));
    const auto [told, taken] = estimate_with(coding);
    EXPECT_EQ(told, expected);
    EXPECT_EQ(taken, once);
  }
  expect_all_home(few);
}

TEST(EstimateTest, StandsBehindATransportDecoder) {
  const Buffer body = test::text_like(500'000);
  const Buffer sent = test::oracle_encode(Coding::gzip, body);
  core::BodyDecoder decoder(Coding::gzip, {}, pools());
  Estimate estimate(pools(), blocks());
  core::StreamTransform stream;
  stream.add(decoder);
  stream.add(estimate);
  core::BlockChain in;
  core::BlockChain out;
  for (Bytes rest = sent; !rest.empty();) {
    PooledBlock block = *blocks().acquire();
    const std::size_t size = std::min(rest.size(), block.size());
    ASSERT_TRUE(block.write_bytes(0, rest.first(size)));
    in.push_back(std::move(block), 0, size);
    rest = rest.subspan(size);
  }
  for (int runs = 0; runs < 1000; ++runs) {
    const auto state = stream.run(in, true, out, blocks(), 256 * kKiB);
    ASSERT_TRUE(state) << state.error().detail;
    if (*state == core::StreamState::done) break;
  }
  expect_truth(json::parse(out.front()), body);
}

TEST(EstimateTest, CostsWhatAllCodingsCost) {
  Estimate estimate(pools(), blocks());
  using std::chrono::milliseconds;
  EXPECT_EQ(estimate.cost_estimate(0).count(), 0);
  EXPECT_GT(estimate.cost_estimate(1), std::chrono::microseconds(30));
  EXPECT_GT(estimate.cost_estimate(kMiB), milliseconds(20));
  EXPECT_LT(estimate.cost_estimate(UINT64_MAX), milliseconds(60));
  EXPECT_EQ(estimate.cost_estimate(UINT64_MAX), estimate.cost_estimate(kMiB));
  const Buffer body = test::text_like(kMiB);
  ASSERT_TRUE(estimate.step(body, {}, core::Flush::none));
  // All of it is still to be done, and more will not make it longer.
  EXPECT_GT(estimate.cost_estimate(0), milliseconds(20));
  EXPECT_EQ(estimate.cost_estimate(kMiB), estimate.cost_estimate(0));
  Buffer room(2000);
  ASSERT_TRUE(estimate.step({}, room, core::Flush::finish));
  EXPECT_EQ(estimate.cost_estimate(0).count(), 0);
}

}  // namespace
}  // namespace frdpu::server

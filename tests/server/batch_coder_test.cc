#include "server/batch_coder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/batch_items.h"
#include "tests/support/codec_driver.h"
#include "tests/support/faults.h"
#include "tests/support/oracles.h"
#include "tests/support/test_data.h"

namespace frdpu::server {
namespace {

using core::Coding;
using core::Errc;
using test::Buffer;
using test::framed;
using testing::HasSubstr;
using Item = test::BatchItem;

struct Memory {
  explicit Memory(std::size_t blocks = 256)
      : pool(*core::FixedPool::create({.name = "64k",
                                       .block_bytes = core::k64kBlockBytes,
                                       .max_blocks = blocks,
                                       .slack_bytes = core::k64kSlackBytes})),
        workspaces(*core::WorkspacePools::create(256 * core::kMiB, 8 << 20)) {}

  BatchCoder coder(const BatchCoder::Plan& plan) { return {plan, workspaces, pool}; }

  core::FixedPool pool;
  core::WorkspacePools workspaces;
};

BatchCoder::Plan encoding(Coding coding) {
  return {
      .encode = core::EncoderParams{
          .coding = coding, .level = static_cast<int>(core::traits(coding).levels.default_value)}};
}

std::vector<Item> run(Memory& memory, const BatchCoder::Plan& plan, core::Bytes frames,
                      test::Cut cut = {}) {
  BatchCoder coder = memory.coder(plan);
  const auto driven = test::drive(coder, frames, cut);
  EXPECT_TRUE(driven) << driven.error().detail;
  return driven ? test::unframed(driven->output) : std::vector<Item>{};
}

std::string problem_of(const Item& item) {
  EXPECT_TRUE(item.failed);
  return test::to_text(item.bytes);
}

// Sizes around every border: nothing, one block, what is cut by it, more than one.
const std::vector<Buffer>& samples() {
  static const std::vector<Buffer> made = [] {
    std::vector<Buffer> items;
    for (const std::size_t size : {0, 1, 100, 1'400, 20'000, 65'535, 65'536, 65'537, 200'000}) {
      items.push_back(test::text_like(size, size + 1));
      items.push_back(test::random_bytes(size / 3, size + 2));
    }
    return items;
  }();
  return made;
}

class ServerBatchCoderTest : public testing::TestWithParam<Coding> {};

INSTANTIATE_TEST_SUITE_P(Codings, ServerBatchCoderTest,
                         testing::Values(Coding::lz4, Coding::zstd, Coding::gzip, Coding::deflate,
                                         Coding::br, Coding::identity),
                         [](const auto& test) { return std::string(core::to_string(test.param)); });

TEST_P(ServerBatchCoderTest, GivesEachItemAFrameOfItsOwn) {
  Memory memory;
  const auto encoded = run(memory, encoding(GetParam()), framed(samples()));
  ASSERT_EQ(encoded.size(), samples().size());
  std::vector<Buffer> frames;
  for (std::size_t i = 0; i < encoded.size(); ++i) {
    SCOPED_TRACE(i);
    ASSERT_FALSE(encoded[i].failed);
    const auto back = test::oracle_decode(GetParam(), encoded[i].bytes, samples()[i].size() + 1);
    ASSERT_TRUE(back);
    EXPECT_TRUE(*back == samples()[i]);
    frames.push_back(encoded[i].bytes);
  }
  const auto decoded = run(memory, {.source = GetParam()}, framed(frames));
  ASSERT_EQ(decoded.size(), samples().size());
  for (std::size_t i = 0; i < decoded.size(); ++i) {
    EXPECT_TRUE((decoded[i] == Item{false, samples()[i]})) << i;
  }
  EXPECT_EQ(memory.pool.stats().in_use, 0u);
}

TEST_P(ServerBatchCoderTest, IsTheSameHoweverItIsCut) {
  Memory memory;
  const Buffer frames = framed(samples());
  const auto whole = run(memory, encoding(GetParam()), frames);
  std::vector<Buffer> encoded;
  for (const Item& item : whole) encoded.push_back(item.bytes);
  const Buffer answer = framed(encoded);
  for (const std::size_t input : {std::size_t{1'000}, std::size_t{65'536}, SIZE_MAX}) {
    for (const std::size_t output : {std::size_t{64}, std::size_t{5'000}, std::size_t{65'536}}) {
      SCOPED_TRACE(testing::Message() << input << ' ' << output);
      const test::Cut cut{.input_bytes = input, .output_bytes = output};
      EXPECT_TRUE(run(memory, encoding(GetParam()), frames, cut) == whole);
      const auto decoded = run(memory, {.source = GetParam()}, answer, cut);
      ASSERT_EQ(decoded.size(), samples().size());
      for (std::size_t i = 0; i < decoded.size(); ++i) {
        EXPECT_TRUE((decoded[i] == Item{false, samples()[i]})) << i;
      }
    }
  }
}

TEST(ServerBatchCoderPieceTest, TakesASmallBatchByteByByte) {
  Memory memory;
  const Buffer frames = framed({samples()[2], samples()[0], samples()[4]});
  const auto whole = run(memory, encoding(Coding::zstd), frames);
  EXPECT_TRUE(run(memory, encoding(Coding::zstd), frames, {.input_bytes = 1, .output_bytes = 64}) ==
              whole);
  EXPECT_EQ(whole.size(), 3u);
}

// Every acquisition that fails is tried again by whoever drives, with the same input: nothing is
// lost, nothing comes twice.
TEST(ServerBatchCoderMemoryTest, GoesOnWhereMemoryWasMissing) {
  Memory memory(7);  // such pools have no magazines: each acquisition can fail (faults.h)
  const std::vector<Buffer> items = {test::text_like(300), test::text_like(70'000),
                                     test::random_bytes(66'000), test::text_like(65'536), Buffer{}};
  const Buffer frames = framed(items);
  const auto drive = [&](const BatchCoder::Plan& plan, core::Bytes input, std::size_t piece,
                         std::uint64_t& misses) {
    BatchCoder coder = memory.coder(plan);
    Buffer made;
    Buffer room(piece);
    std::size_t fed = 0;
    for (;;) {
      const std::size_t end = std::min(input.size(), fed + piece);
      const auto step = coder.step(input.subspan(fed, end - fed), room,
                                   end == input.size() ? core::Flush::finish : core::Flush::none);
      if (!step) {
        EXPECT_EQ(step.error().code, Errc::pool_exhausted) << step.error().detail;
        if (++misses > 100) return Buffer{};
        continue;
      }
      fed += step->consumed;
      made.insert(made.end(), room.begin(),
                  room.begin() + static_cast<std::ptrdiff_t>(step->produced));
      if (step->state == core::StepState::done) return made;
    }
  };
  for (const Coding coding : {Coding::lz4, Coding::zstd, Coding::gzip, Coding::br}) {
    for (const std::size_t piece : {std::size_t{4'000}, std::size_t{65'536}}) {
      std::uint64_t none = 0;
      const Buffer encoded = drive(encoding(coding), frames, piece, none);
      const Buffer decoded = drive({.source = coding}, encoded, piece, none);
      EXPECT_TRUE(decoded == frames);
      ASSERT_EQ(none, 0u);
      for (const bool decodes : {false, true}) {
        for (std::uint64_t n = 1;; ++n) {
          SCOPED_TRACE(testing::Message() << core::to_string(coding) << piece << decodes << n);
          std::uint64_t misses = 0;
          test::pool_failure().arm(n);
          const Buffer made = decodes ? drive({.source = coding}, encoded, piece, misses)
                                      : drive(encoding(coding), frames, piece, misses);
          const bool fired = test::pool_failure().fired();
          test::pool_failure().disarm();
          ASSERT_TRUE(made == (decodes ? frames : encoded));
          ASSERT_EQ(memory.pool.stats().in_use, 0u);
          if (!fired) {
            EXPECT_GT(n, 3u) << "there was nothing to fail";
            break;
          }
        }
      }
    }
  }
}

// A step that has lasted long enough pauses, between items and within long ones, and whoever drives
// goes on as if nothing had happened.
TEST(ServerBatchCoderPaceTest, PausesAndGoesOn) {
  Memory memory;
  const Buffer frames = framed(samples());
  for (const Coding coding : {Coding::lz4, Coding::zstd, Coding::gzip}) {
    const auto in_pauses = [&](const BatchCoder::Plan& plan, core::Bytes input) {
      BatchCoder coder = memory.coder(plan);
      Buffer made;
      Buffer room(1 << 16);
      std::size_t pauses = 0;
      for (;;) {
        // Every other step has no time at all.
        coder.work_until(std::chrono::steady_clock::now() +
                         std::chrono::microseconds(pauses % 2 == 0 ? 0 : 20));
        const auto step = coder.step(input, room, core::Flush::finish);
        EXPECT_TRUE(step);
        if (!step) return std::pair(Buffer{}, pauses);
        input = input.subspan(step->consumed);
        made.insert(made.end(), room.begin(),
                    room.begin() + static_cast<std::ptrdiff_t>(step->produced));
        if (step->state == core::StepState::done) return std::pair(made, pauses);
        if (step->state == core::StepState::paused) ++pauses;
      }
    };
    const auto [encoded, pauses] = in_pauses(encoding(coding), frames);
    EXPECT_GT(pauses, 4u);
    EXPECT_TRUE(test::unframed(encoded) == run(memory, encoding(coding), frames));
    const auto [decoded, more] = in_pauses({.source = coding}, encoded);
    EXPECT_GT(more, 4u);
    EXPECT_TRUE(decoded == frames);
  }
  EXPECT_EQ(memory.pool.stats().in_use, 0u);
}

// An item that was begun in vain is begun anew, and counts once.
TEST(ServerBatchCoderMemoryTest, WhatIsDoneAgainCountsOnce) {
  Memory memory(1);
  const Buffer text = test::text_like(1'000);
  const Buffer frames = framed({test::oracle_encode(Coding::lz4, text)});
  BatchCoder coder = memory.coder({.limits = {.max_output_bytes = 1'000, .max_frames = 1}});
  Buffer room(100);  // too little for the item: it needs a block
  core::Bytes rest = frames;
  {
    const auto taken = memory.pool.acquire();
    for (int i = 0; i < 20; ++i) {
      const auto step = coder.step(rest, room, core::Flush::none);
      if (step) rest = rest.subspan(step->consumed);
    }
  }
  EXPECT_EQ(rest.size(), frames.size() - proto::kItemHeaderBytes);
  const auto driven = test::drive(coder, rest, {.output_bytes = room.size()});
  ASSERT_TRUE(driven) << driven.error().detail;
  const auto items = test::unframed(driven->output);
  ASSERT_EQ(items.size(), 1u);
  EXPECT_TRUE((items[0] == Item{false, text})) << test::to_text(items[0].bytes);
  EXPECT_EQ(coder.codec_bytes()[static_cast<std::size_t>(Coding::lz4)].input, rest.size());
}

TEST(ServerBatchCoderFailureTest, AFailedItemLeavesTheOthersAlone) {
  Memory memory;
  const Buffer good = test::oracle_encode(Coding::gzip, test::text_like(500));
  Buffer damaged = good;
  damaged[good.size() - 6] ^= std::byte{1};
  Buffer longer = good;
  longer.push_back(std::byte{7});
  const Buffer frames = framed({good,
                                damaged,
                                {},
                                Buffer(good.begin(), good.end() - 1),
                                longer,
                                test::to_buffer("none of them"),
                                good});
  for (const std::size_t cut : {std::size_t{1}, std::size_t{100}, SIZE_MAX}) {
    SCOPED_TRACE(cut);
    const auto items = run(memory, {}, frames, {.input_bytes = cut});
    ASSERT_EQ(items.size(), 7u);
    EXPECT_TRUE((items[0] == Item{false, test::text_like(500)}));
    EXPECT_THAT(problem_of(items[1]), HasSubstr(R"("code":"checksum_mismatch")"));
    EXPECT_THAT(problem_of(items[2]), HasSubstr(R"("code":"truncated_input")"));
    EXPECT_THAT(problem_of(items[3]), HasSubstr(R"("code":"truncated_input")"));
    EXPECT_THAT(problem_of(items[4]), HasSubstr(R"("code":"trailing_data")"));
    EXPECT_THAT(problem_of(items[5]), HasSubstr(R"("code":"unsupported_coding")"));
    EXPECT_TRUE(items[6] == items[0]);
  }
}

TEST(ServerBatchCoderFailureTest, ItemsMayBeSoLong) {
  Memory memory;
  const Buffer most(BatchCoder::kMaxItemBytes);
  const Buffer more(BatchCoder::kMaxItemBytes + 1);
  const Buffer small = test::text_like(100);
  const auto encoded = run(memory, encoding(Coding::zstd), framed({more, most, small}));
  ASSERT_EQ(encoded.size(), 3u);
  EXPECT_THAT(problem_of(encoded[0]), HasSubstr(R"("code":"body_too_large","limit":4194304)"));
  EXPECT_FALSE(encoded[1].failed);
  const Buffer bomb = test::oracle_encode(Coding::zstd, more);
  const auto decoded = run(memory, {}, framed({bomb, encoded[1].bytes, encoded[2].bytes}));
  ASSERT_EQ(decoded.size(), 3u);
  EXPECT_THAT(problem_of(decoded[0]), HasSubstr(R"("code":"output_limit_exceeded")"));
  EXPECT_TRUE((decoded[1] == Item{false, most}));
  EXPECT_TRUE((decoded[2] == Item{false, small}));
  EXPECT_EQ(memory.pool.stats().in_use, 0u);
}

TEST(ServerBatchCoderFailureTest, LimitsAreForAllItemsTogether) {
  Memory memory;
  const Buffer text = test::text_like(1'000);
  const Buffer frame = test::oracle_encode(Coding::lz4, text);
  const Buffer frames = framed({frame, frame, frame, frame});
  struct Case {
    core::DecodeLimits limits;
    std::size_t good;
    const char* code;
  };
  for (const Case& one : {Case{{.max_output_bytes = 2'000}, 2, "output_limit_exceeded"},
                          Case{{.max_output_bytes = 2'999}, 2, "output_limit_exceeded"},
                          Case{{.max_frames = 3}, 3, "frame_limit_exceeded"}}) {
    const auto items = run(memory, {.limits = one.limits}, frames);
    ASSERT_EQ(items.size(), 4u);
    for (std::size_t i = 0; i < items.size(); ++i) {
      SCOPED_TRACE(testing::Message() << one.code << i);
      if (i < one.good) {
        EXPECT_TRUE((items[i] == Item{false, text}));
      } else {
        EXPECT_THAT(problem_of(items[i]), HasSubstr(one.code));
      }
    }
  }
  // 16 MiB are free, and a bomb after the other comes behind them.
  const Buffer bomb = test::oracle_encode(Coding::zstd, Buffer(BatchCoder::kMaxItemBytes));
  const auto items =
      run(memory, {.limits = {.max_ratio = 10}}, framed(std::vector<Buffer>(6, bomb)));
  ASSERT_EQ(items.size(), 6u);
  EXPECT_FALSE(items[4].failed);
  EXPECT_THAT(problem_of(items[5]), HasSubstr("ratio_limit_exceeded"));
}

TEST(ServerBatchCoderFailureTest, BrokenFramingIsNoBatch) {
  Memory memory;
  for (const Buffer& broken :
       {test::bytes_of({1, 0, 0}), test::bytes_of({5, 0, 0, 0, 'x'}),
        test::bytes_of({0xFF, 0xFF, 0xFF, 0xFF}), test::bytes_of({0, 0, 0, 0, 9})}) {
    for (const std::size_t cut : {std::size_t{1}, SIZE_MAX}) {
      BatchCoder coder = memory.coder(encoding(Coding::lz4));
      const auto driven = test::drive(coder, broken, {.input_bytes = cut});
      ASSERT_FALSE(driven);
      EXPECT_EQ(driven.error().code, Errc::malformed_frames);
    }
  }
  EXPECT_TRUE(run(memory, encoding(Coding::lz4), {}).empty());
}

TEST(ServerBatchCoderCountTest, CountsWhatCodecsTookAndMade) {
  Memory memory;
  const Buffer text = test::text_like(1'000);
  const Buffer zstd = test::oracle_encode(Coding::zstd, text);
  const Buffer lz4 = test::oracle_encode(Coding::lz4, text);
  BatchCoder coder = memory.coder({});
  ASSERT_TRUE(test::drive(coder, framed({zstd, lz4, zstd, test::to_buffer("neither")})));
  const auto counts = coder.codec_bytes();
  const CodecBytes& of_zstd = counts[static_cast<std::size_t>(Coding::zstd)];
  const CodecBytes& of_lz4 = counts[static_cast<std::size_t>(Coding::lz4)];
  EXPECT_EQ(of_zstd.input, 2 * zstd.size());
  EXPECT_EQ(of_zstd.output, 2 * text.size());
  EXPECT_EQ(of_lz4.input, lz4.size());
  EXPECT_EQ(of_lz4.output, text.size());

  BatchCoder encoder = memory.coder(encoding(Coding::br));
  ASSERT_TRUE(test::drive(encoder, framed({text, {}, text})));
  EXPECT_EQ(encoder.codec_bytes()[static_cast<std::size_t>(Coding::br)].input, 2 * text.size());
}

}  // namespace
}  // namespace frdpu::server

#include "core/engine/block_encoder.h"

#include <random>
#include <utility>

#include "tests/core/engine/lz4_test_support.h"
#include "tests/support/heap_counter.h"

namespace frdpu::test {
namespace {

using core::lz4::BlockEncoder;
using core::lz4::BlockEncoderConfig;

/// What a block says, read by the format's description alone.
struct BlockFacts {
  std::size_t decoded = 0;
  std::size_t largest_offset = 0;
  std::size_t last_literals = 0;
  std::size_t last_match_start = 0;  ///< before the end of what it decodes to; 0 without a match
  std::size_t matches = 0;
};
BlockFacts facts_of(core::Bytes block) {
  BlockFacts facts;
  std::size_t at = 0;
  const auto next = [&] { return static_cast<std::size_t>(block[at++]); };
  const auto length = [&](std::size_t value) {
    if (value < 15) return value;
    for (std::size_t byte = 255; byte == 255;) value += byte = next();
    return value;
  };
  std::size_t match_start = 0;
  for (;;) {
    const std::size_t token = next();
    const std::size_t literals = length(token >> 4);
    at += literals;
    facts.decoded += literals;
    facts.last_literals = literals;
    if (at >= block.size()) break;
    const std::size_t low = next();
    facts.largest_offset = std::max(facts.largest_offset, low | next() << 8);
    match_start = facts.decoded;
    facts.decoded += length(token & 15) + 4;
    ++facts.matches;
  }
  EXPECT_EQ(at, block.size());
  facts.last_match_start = facts.matches == 0 ? 0 : facts.decoded - match_start;
  return facts;
}

/// Encodes one block that stands alone, into a room of exactly that size, from memory of exactly
/// the input's. Returns: nothing when the encoder gives it back as not worth it.
Buffer encode_block(int level, std::size_t window, core::Bytes input, std::size_t room) {
  const BlockEncoderConfig config{
      .level = level, .window = window, .reach = input.size(), .block_bytes = input.size()};
  const TestWorkspace tables(BlockEncoder::table_bytes(config));
  BlockEncoder encoder(config, tables.bytes().data());
  const Buffer in = to_buffer(input);
  Buffer out(room);
  const auto* const begin = reinterpret_cast<const std::uint8_t*>(in.data());
  auto* const to = reinterpret_cast<std::uint8_t*>(out.data());
  encoder.forget(begin);
  const std::size_t size = encoder.encode(
      {.floor = begin, .begin = begin, .end = begin + in.size(), .out = to, .out_end = to + room});
  EXPECT_LE(size, room);
  out.resize(size);
  return out;
}

/// liblz4 is the judge.
testing::AssertionResult decodes_to(const Buffer& block, core::Bytes expected) {
  Buffer out(expected.size() + 1);
  const int size = LZ4_decompress_safe(
      reinterpret_cast<const char*>(block.data()), reinterpret_cast<char*>(out.data()),
      static_cast<int>(block.size()), static_cast<int>(expected.size()));
  if (size < 0) return testing::AssertionFailure() << "liblz4 refuses it at " << -size;
  out.resize(static_cast<std::size_t>(size));
  return same_bytes(out, expected);
}

class BlockEncoderLevelTest : public testing::TestWithParam<int> {};
INSTANTIATE_TEST_SUITE_P(Levels, BlockEncoderLevelTest, testing::Range(1, 10));

TEST_P(BlockEncoderLevelTest, KeepsEveryWindow) {
  for (const std::size_t window : {256, 257, 1000, 4096, 32768, 65534, 65535}) {
    for (const Sample& sample : synthetic_samples(65'536)) {
      const Buffer block = encode_block(GetParam(), window, sample.bytes, 70'000);
      if (block.empty()) continue;
      ASSERT_TRUE(decodes_to(block, sample.bytes)) << sample << " window " << window;
      EXPECT_LE(facts_of(block).largest_offset, window) << sample;
    }
  }
}

TEST_P(BlockEncoderLevelTest, UsesTheWholeWindow) {
  // Random bytes twice: the only matches are at that distance.
  for (const std::size_t window : {256, 1000, 32768}) {
    Buffer input = random_bytes(window, 7);
    input.insert(input.end(), input.begin(), input.end());
    const Buffer block = encode_block(GetParam(), window, input, 2 * input.size());
    ASSERT_FALSE(block.empty()) << window;
    EXPECT_EQ(facts_of(block).largest_offset, window);
    EXPECT_LT(block.size(), window + window / 4 + 100);
    EXPECT_TRUE(encode_block(GetParam(), window - 1, input, 2 * input.size()).empty());
  }
}

TEST_P(BlockEncoderLevelTest, EndsBlocksAsTheFormatWants) {
  for (std::size_t size = 1; size < 100; ++size) {
    for (const Buffer& input : {zeros(size), repeated_unit(size, 5), text_like(size)}) {
      const Buffer block = encode_block(GetParam(), 65535, input, 200);
      if (block.empty()) continue;
      ASSERT_TRUE(decodes_to(block, input)) << size;
      const BlockFacts facts = facts_of(block);
      EXPECT_GE(facts.last_literals, 5u) << size;
      EXPECT_GE(facts.last_match_start, 12u) << size;
    }
  }
}

TEST_P(BlockEncoderLevelTest, WritesLengthsOfEveryClass) {
  // Lengths around those at which another byte of length begins, of literals and of matches.
  const std::size_t lengths[] = {4,   5,   14,  15,  16,  17,  18,  19,   20,   31,   32,  33,
                                 254, 268, 269, 270, 271, 272, 273, 274,  275,  300,  523, 524,
                                 525, 526, 527, 528, 529, 530, 780, 1000, 4000, 60000};
  for (const std::size_t literals : lengths) {
    for (const std::size_t match : lengths) {
      if (literals + match > 62'000) continue;
      // A run of literals, a copy of 4 to `match` bytes of the start, and literals again.
      Buffer input = random_bytes(std::max(literals, match), 3);
      const Buffer copy(input.begin(), input.begin() + static_cast<std::ptrdiff_t>(match));
      input.insert(input.end(), copy.begin(), copy.end());
      const Buffer tail = random_bytes(40, 4);
      input.insert(input.end(), tail.begin(), tail.end());
      const Buffer block = encode_block(GetParam(), 65535, input, input.size() + 1000);
      if (block.empty()) continue;
      ASSERT_TRUE(decodes_to(block, input)) << literals << " and " << match;
      if (match < 32 || literals > 1000) continue;  // not worth it, or passed by
      EXPECT_LT(block.size(), input.size()) << literals << " and " << match;
    }
  }
}

TEST_P(BlockEncoderLevelTest, WritesIntoEveryRoomUpToTheBound) {
  for (const Buffer& input : {json_like(300), mixed_bytes(300), zeros(300), random_bytes(300)}) {
    for (std::size_t room = 0; room <= core::lz4::block_bound(input.size()); ++room) {
      const Buffer block = encode_block(GetParam(), 65535, input, room);
      if (block.empty()) continue;
      ASSERT_TRUE(decodes_to(block, input)) << room;
    }
  }
}

TEST_P(BlockEncoderLevelTest, HandlesBlocksAroundTheLargest) {
  // FrameEncoderTest has 65,537, which is two blocks.
  for (const std::size_t size : {65'534, 65'535, 65'536}) {
    for (const Sample& sample : synthetic_samples(size)) {
      const Buffer block = encode_block(GetParam(), 65535, sample.bytes, size);
      if (block.empty()) continue;
      ASSERT_TRUE(decodes_to(block, sample.bytes)) << sample;
    }
  }
}

TEST(BlockEncoderTest, EachLevelIsSmallerThanTheOneBefore) {
  const auto total = [](int level, std::size_t size) {
    std::size_t all = 0;
    for (const std::uint64_t seed : {1, 2, 3, 4, 5, 6, 7, 8}) {
      for (const Buffer& input : {text_like(size, seed), json_like(size, seed)}) {
        const std::size_t encoded = encode_block(level, 65535, input, 70'000).size();
        all += encoded == 0 ? size : encoded;  // sent as it is
      }
    }
    return all;
  };
  for (int level = 2; level <= 9; ++level) {
    EXPECT_LT(total(level, 65'536), total(level - 1, 65'536)) << level;
    // In a packet the deep searches find all there is.
    EXPECT_LE(total(level, 1400), total(level - 1, 1400)) << level;
  }
}

/// Runs of up to `longest` of two bytes in turn, or of zeros with one random byte between them.
Buffer runs(std::size_t size, std::size_t longest, bool noisy) {
  std::mt19937_64 random(longest);
  Buffer made;
  while (made.size() < size) {
    made.insert(made.end(), 1 + random() % longest, std::byte{0});
    made.insert(made.end(), noisy ? 1 : 1 + random() % longest, std::byte(noisy ? random() : 1));
  }
  made.resize(size);
  return made;
}

TEST(BlockEncoderTest, OptimalParsingFindsWhatLiblz4Finds) {
  const std::pair<const char*, Buffer> rows[] = {
      {"text", text_like(65'536)},
      {"text in a packet", text_like(1400)},
      {"json", json_like(65'536)},
      {"two letters", runs(16'384, 3, false)},
      {"runs of two letters", runs(65'536, 50, false)},
      {"long runs of zeros", runs(65'536, 500, true)},
      {"short runs of zeros", runs(65'536, 40, true)},
      {"nothing but zeros", Buffer(65'536)},
  };
  for (const auto& [name, input] : rows) {
    Buffer theirs(static_cast<std::size_t>(LZ4_compressBound(static_cast<int>(input.size()))));
    const int size = LZ4_compress_HC(
        reinterpret_cast<const char*>(input.data()), reinterpret_cast<char*>(theirs.data()),
        static_cast<int>(input.size()), static_cast<int>(theirs.size()), LZ4HC_CLEVEL_MAX);
    ASSERT_GT(size, 0) << name;
    const Buffer block = encode_block(9, 65'535, input, 70'000);
    ASSERT_TRUE(decodes_to(block, input)) << name;
    EXPECT_LE(static_cast<double>(block.size()), size * 1.001 + 1) << name;
  }
}

TEST(BlockEncoderTest, NeitherEncodingNorDecodingAllocates) {
  const Buffer input = json_like(150'000);
  for (int level = 1; level <= 9; ++level) {
    core::EncoderParams params = lz4_params(level);
    const TestWorkspace workspace(core::lz4_encoder_workspace_bytes(params));
    Buffer frame(core::lz4_bound(input.size()));
    Buffer back(input.size());
    const std::uint64_t before = heap_calls();
    core::Encoder* const encoder = *core::place_lz4_encoder(params, workspace.bytes());
    const auto encoded = encoder->step(input, frame, core::Flush::finish);
    std::destroy_at(encoder);
    EXPECT_EQ(heap_calls() - before, 0u) << level;
    ASSERT_TRUE(encoded && encoded->state == core::StepState::done);
    frame.resize(encoded->produced);

    const auto header = core::parse_lz4_frame_header(frame, true);
    const TestWorkspace decoding((*header)->workspace_bytes);
    const std::uint64_t between = heap_calls();
    core::Decoder* const decoder = *core::place_lz4_decoder(**header, nullptr, decoding.bytes());
    const auto decoded = decoder->step(frame, back, core::Flush::finish);
    std::destroy_at(decoder);
    EXPECT_EQ(heap_calls() - between, 0u) << level;
    ASSERT_TRUE(decoded && decoded->state == core::StepState::done);
    EXPECT_TRUE(same_bytes(back, input));
  }
}

}  // namespace
}  // namespace frdpu::test

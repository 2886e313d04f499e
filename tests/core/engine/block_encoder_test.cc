#include "core/engine/block_encoder.h"

#include <random>
#include <utility>

#include "tests/core/engine/block_facts.h"
#include "tests/core/engine/lz4_test_support.h"

namespace frdpu::test {
namespace {

using core::lz4::BlockEncoder;
using core::lz4::BlockEncoderConfig;

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

/// Whether any encoder should make less of it.
bool compresses(const Sample& sample, std::size_t window) {
  return sample.name != "random" && window >= 1000;
}

class BlockEncoderLevelTest : public testing::TestWithParam<int> {};
INSTANTIATE_TEST_SUITE_P(Levels, BlockEncoderLevelTest, testing::Range(1, 10));

TEST_P(BlockEncoderLevelTest, KeepsEveryWindow) {
  for (const std::size_t window : {256, 257, 1000, 4096, 32768, 65534, 65535}) {
    for (const Sample& sample : synthetic_samples(65'536)) {
      const Buffer block = encode_block(GetParam(), window, sample.bytes, 70'000);
      if (block.empty()) {
        EXPECT_FALSE(compresses(sample, window)) << sample << " window " << window;
        continue;
      }
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
      EXPECT_TRUE(!block.empty() || size < 40 || input == text_like(size)) << size;
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
  const std::size_t run_lengths[] = {0,  1,   2,   3,   4,   5,   14,  15,  16,  17,  31,
                                     33, 254, 268, 269, 270, 271, 523, 525, 526, 780, 4000};
  const std::size_t match_lengths[] = {4,   5,   8,   17,  18,  19,  20,  21,   33,   254,
                                       272, 273, 274, 275, 527, 528, 529, 1000, 4000, 60'000};
  for (const std::size_t run : run_lengths) {
    for (const std::size_t match : match_lengths) {
      if (run + 2 * match > 65'000 && match != 60'000) continue;
      // Random bytes; 40 of them again, a run, `match` others of them again, and an end. Behind a
      // long match there is no room for all that: zeros are their own source.
      Buffer input;
      const auto append = [&](const Buffer& from, std::size_t at, std::size_t size) {
        const auto begin = from.begin() + static_cast<std::ptrdiff_t>(at);
        input.insert(input.end(), begin, begin + static_cast<std::ptrdiff_t>(size));
      };
      const Buffer source = random_bytes(match == 60'000 ? 100 : match + 100, 3);
      append(source, 0, source.size());
      append(source, 0, 40);
      append(random_bytes(run + 1, 5), 0, run);
      if (match == 60'000) {
        append(zeros(match + 1), 0, match + 1);  // the first is a literal
      } else {
        append(source, 60, match);
      }
      append(random_bytes(40, 4), 0, 40);
      const Buffer block = encode_block(GetParam(), 65535, input, input.size() + 1000);
      ASSERT_FALSE(block.empty()) << run << " and " << match;
      ASSERT_TRUE(decodes_to(block, input)) << run << " and " << match;
      // What is short may not pay. Behind long runs that do not compress, the fast levels look here
      // and there only, and find a match somewhere within it.
      if (match < 17 || (run > 20 && GetParam() < 4) || run > 1000) continue;
      const std::size_t literals = match == 60'000 ? run + 1 : run;
      EXPECT_EQ(std::ranges::count(facts_of(block).sequences, std::pair(literals, match)), 1)
          << run << " and " << match;
    }
  }
}

TEST_P(BlockEncoderLevelTest, WritesIntoEveryRoomUpToTheBound) {
  for (const Buffer& input : {json_like(300), mixed_bytes(300), zeros(300), random_bytes(300)}) {
    const std::size_t bound = core::lz4::block_bound(input.size());
    const Buffer best = encode_block(GetParam(), 65535, input, bound);
    EXPECT_EQ(best.empty(), input == random_bytes(300));
    for (std::size_t room = 0; room <= bound; ++room) {
      const Buffer block = encode_block(GetParam(), 65535, input, room);
      if (block.empty()) continue;
      ASSERT_TRUE(same_bytes(block, best)) << room;
      ASSERT_TRUE(decodes_to(block, input)) << room;
    }
  }
}

TEST_P(BlockEncoderLevelTest, HandlesBlocksAroundTheLargestPacketAndTheLargest) {
  // FrameEncoderTest has 65,537, which is two blocks.
  for (const std::size_t size : {4094, 4095, 4096, 4097, 4098, 65'534, 65'535, 65'536}) {
    for (const Sample& sample : synthetic_samples(size)) {
      const Buffer block = encode_block(GetParam(), 65535, sample.bytes, size);
      ASSERT_EQ(block.empty(), !compresses(sample, 65535)) << sample;
      if (block.empty()) continue;
      ASSERT_TRUE(decodes_to(block, sample.bytes)) << sample;
    }
  }
}

TEST_P(BlockEncoderLevelTest, FindsWhatAnyPartOfADictionaryHas) {
  // The table has fewer entries than the dictionary has bytes; a match is 20 of these.
  Buffer input = random_bytes(16'384);
  const std::size_t learned = input.size();
  constexpr std::size_t kPayload = 1400;
  constexpr std::size_t kMatch = 20;
  for (std::size_t at = 0; input.size() < learned + kPayload; at = (at + 2339) % (learned - 20)) {
    const Buffer part(input.begin() + static_cast<std::ptrdiff_t>(at),
                      input.begin() + static_cast<std::ptrdiff_t>(at + kMatch));
    input.insert(input.end(), part.begin(), part.end());
  }
  const BlockEncoderConfig config{
      .level = GetParam(), .reach = learned + kPayload, .block_bytes = kPayload};
  const TestWorkspace tables(BlockEncoder::table_bytes(config));
  BlockEncoder encoder(config, tables.bytes().data());
  const auto* const begin = reinterpret_cast<const std::uint8_t*>(input.data());
  encoder.forget(begin);
  encoder.learn(begin, begin + learned);
  Buffer out(core::lz4::block_bound(kPayload));
  auto* const to = reinterpret_cast<std::uint8_t*>(out.data());
  const std::size_t size = encoder.encode({.floor = begin,
                                           .begin = begin + learned,
                                           .end = begin + learned + kPayload,
                                           .out = to,
                                           .out_end = to + out.size()});
  // 70 matches of 4 bytes each; every one that is not found costs 16 bytes more.
  ASSERT_NE(size, 0);
  EXPECT_LT(size, 280 + 15 * 16);
}

/// Encodes an input as blocks that are linked to all before, each into memory of exactly its bound.
/// Returns: the sizes, or what was wrong at once.
std::size_t encode_linked(int level, std::size_t window, core::Bytes input, std::size_t cut) {
  const BlockEncoderConfig config{
      .level = level, .window = window, .reach = input.size(), .block_bytes = cut};
  const TestWorkspace tables(BlockEncoder::table_bytes(config));
  BlockEncoder encoder(config, tables.bytes().data());
  const Buffer in = to_buffer(input);
  const auto* const begin = reinterpret_cast<const std::uint8_t*>(in.data());
  encoder.forget(begin);
  std::size_t total = 0;
  Buffer back(in.size());
  for (std::size_t at = 0; at < in.size(); at += cut) {
    const std::size_t size = std::min(cut, in.size() - at);
    Buffer out(core::lz4::block_bound(size));
    auto* const to = reinterpret_cast<std::uint8_t*>(out.data());
    out.resize(encoder.encode({.floor = begin,
                               .begin = begin + at,
                               .end = begin + at + size,
                               .out = to,
                               .out_end = to + out.size()}));
    total += out.empty() ? size : out.size();
    auto* const room = reinterpret_cast<char*>(back.data());
    if (out.empty()) {  // sent as it is
      std::memcpy(room + at, in.data() + at, size);
      continue;
    }
    const std::size_t offset = facts_of(out).largest_offset;
    EXPECT_LE(offset, window) << "block at " << at;
    const int decoded = LZ4_decompress_safe_usingDict(
        reinterpret_cast<const char*>(out.data()), room + at, static_cast<int>(out.size()),
        static_cast<int>(size), room, static_cast<int>(at));
    EXPECT_EQ(decoded, static_cast<int>(size)) << "block at " << at;
  }
  EXPECT_TRUE(same_bytes(back, input));
  return total;
}

TEST_P(BlockEncoderLevelTest, LinksBlocksOfEverySizeWithinTheWindow) {
  for (const std::size_t window : {256, 257, 1000, 32768, 65535}) {
    for (const std::size_t cut : {1, 13, 24, 25, 26, 30, 31, 100, 1400, 4095, 4096, 4097, 9000}) {
      SCOPED_TRACE(testing::Message() << "window " << window << ", blocks of " << cut);
      // Some hundred blocks at most, the last of them whole and at the very end of its memory.
      const std::size_t bytes = std::min<std::size_t>(200 * cut, 45'000) / cut * cut;
      for (const Buffer& input : {json_like(bytes), mixed_bytes(bytes), zeros(bytes)}) {
        const std::size_t size = encode_linked(GetParam(), window, input, cut);
        if (cut < 1400 || window < 1000) continue;
        EXPECT_LT(size, bytes);
      }
    }
  }
}

TEST(BlockEncoderTest, LevelOneLooksAheadInBlocksBelow4KiBWhateverTheirHistory) {
  for (const Buffer& input : {json_like(60'000), text_like(60'000)}) {
    const auto gain = [&](int level) {
      return 1 - static_cast<double>(encode_linked(level, 65535, input, 4095)) /
                     static_cast<double>(encode_linked(level, 65535, input, 4096));
    };
    EXPECT_GT(gain(1), 0.01);
    EXPECT_LT(gain(2), 0.002);  // both sizes are parsed alike
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

/// Random bytes in which one place occurs again: `bytes` of it, from the start to close to the end.
Buffer noise_that_repeats(std::size_t size, std::size_t bytes) {
  Buffer made = random_bytes(size);
  std::copy_n(made.begin(), bytes, made.end() - static_cast<std::ptrdiff_t>(bytes) - 20);
  return made;
}

TEST(BlockEncoderTest, OptimalParsingFindsTheOneRepeatInNoise) {
  for (const auto& [size, bytes] : {std::pair{1400, 20}, {4096, 40}, {65'536, 300}}) {
    const Buffer input = noise_that_repeats(std::size_t(size), std::size_t(bytes));
    const Buffer block = encode_block(9, 65'535, input, 70'000);
    ASSERT_FALSE(block.empty()) << size;
    EXPECT_LT(block.size(), input.size());
    EXPECT_TRUE(decodes_to(block, input)) << size;
    EXPECT_EQ(facts_of(block).sequences.size(), 1) << size;
    // Too short to pay for what so many literals cost.
    EXPECT_TRUE(encode_block(9, 65'535, noise_that_repeats(std::size_t(size), 4), 70'000).empty());
  }
}

TEST(BlockEncoderTest, OptimalParsingRemembersBlocksThatItGaveBack) {
  // Noise with pairs of places that begin alike; what follows takes up those that are further away,
  // which only chains of longer grams lead to.
  Buffer input = random_bytes(60'000);
  const auto place = [&](std::size_t at) {
    return input.begin() + static_cast<std::ptrdiff_t>(at);
  };
  Buffer second;
  for (std::size_t at = 0; at < 2000; at += 1000) {
    std::copy_n(place(at), 16, place(40'000 + at));
    second.insert(second.end(), place(at), place(at + 100));
  }
  const std::size_t first = input.size();
  input.insert(input.end(), second.begin(), second.end());

  const auto size_of_second = [&](bool learned) {
    const BlockEncoderConfig config{.level = 9, .reach = input.size(), .block_bytes = first};
    const TestWorkspace tables(BlockEncoder::table_bytes(config));
    BlockEncoder encoder(config, tables.bytes().data());
    const auto* const begin = reinterpret_cast<const std::uint8_t*>(input.data());
    Buffer out(input.size());
    auto* const to = reinterpret_cast<std::uint8_t*>(out.data());
    encoder.forget(begin);
    const auto encode = [&](std::size_t from, std::size_t end) {
      return encoder.encode({.floor = begin,
                             .begin = begin + from,
                             .end = begin + end,
                             .out = to,
                             .out_end = to + out.size()});
    };
    if (learned) {
      encoder.learn(begin, begin + first);
    } else {
      EXPECT_EQ(encode(0, first / 2), 0);
      EXPECT_EQ(encode(first / 2, first), 0);
    }
    return encode(first, input.size());
  };
  const std::size_t size = size_of_second(false);
  EXPECT_EQ(size, size_of_second(true));
  EXPECT_LT(size, 30);  // two sequences, and the last literals
}

}  // namespace
}  // namespace frdpu::test

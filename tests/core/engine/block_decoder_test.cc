#include "core/engine/block_decoder.h"

#include "tests/core/engine/lz4_test_support.h"

namespace frdpu::test {
namespace {

using core::lz4::BlockDecoder;
using core::lz4::DecodeOutcome;
using core::lz4::DecodeViews;

struct Decoded {
  DecodeOutcome outcome;
  Buffer output;
  std::string problem;
};

/// Decodes a block from memory of exactly its size into a room of exactly that size, with history
/// elsewhere.
Decoded decode(core::Bytes block, std::size_t room, std::size_t limit, core::Bytes history = {}) {
  const Buffer in = to_buffer(block);
  Buffer out(room);
  const auto* const from = reinterpret_cast<const std::uint8_t*>(in.data());
  auto* const to = reinterpret_cast<std::uint8_t*>(out.data());
  BlockDecoder decoder;
  decoder.begin(in.size(), limit);
  DecodeViews views{
      .in = from,
      .in_end = from + in.size(),
      .floor = to,
      .out = to,
      .out_end = to + room,
      .history_end = reinterpret_cast<const std::uint8_t*>(history.data()) + history.size(),
      .history_bytes = history.size()};
  const DecodeOutcome outcome = decoder.run(views);
  out.resize(static_cast<std::size_t>(views.out - to));
  return {outcome, std::move(out), decoder.problem()};
}

Buffer liblz4_block(core::Bytes input, int level) {
  Buffer block(static_cast<std::size_t>(LZ4_compressBound(static_cast<int>(input.size()))));
  const char* const from = reinterpret_cast<const char*>(input.data());
  char* const to = reinterpret_cast<char*>(block.data());
  const int in_size = static_cast<int>(input.size());
  const int room = static_cast<int>(block.size());
  const int size = level == 0 ? LZ4_compress_default(from, to, in_size, room)
                              : LZ4_compress_HC(from, to, in_size, room, level);
  block.resize(static_cast<std::size_t>(size));
  return block;
}

TEST(BlockDecoderTest, ReadsLiblz4sBlocksIntoExactRooms) {
  for (const std::size_t size : {1, 12, 13, 40, 1400, 65'535, 65'536, 65'537}) {
    for (const Sample& sample : synthetic_samples(size)) {
      for (const int level : {0, 3, 9, 12}) {
        const Buffer block = liblz4_block(sample.bytes, level);
        const std::size_t all = sample.bytes.size();
        for (const std::size_t slack : {0, 1, 31, 32, 33, 100}) {
          const Decoded decoded = decode(block, all + slack, all + slack);
          ASSERT_EQ(decoded.outcome, DecodeOutcome::done) << sample << " slack " << slack;
          ASSERT_TRUE(same_bytes(decoded.output, sample.bytes)) << sample;
        }
        EXPECT_EQ(decode(block, all, all - 1).outcome, DecodeOutcome::corrupt) << sample;
        EXPECT_EQ(decode(block, all - 1, all).outcome, DecodeOutcome::need_output) << sample;
      }
    }
  }
}

/// Literals, one match, literals again: a block built by hand, and what it decodes to by copying
/// byte by byte.
struct HandMade {
  Buffer block;
  Buffer plain;
};

HandMade hand_made(std::size_t literals, std::size_t offset, std::size_t length, std::size_t tail) {
  HandMade made;
  const auto put = [&](std::size_t byte) { made.block.push_back(static_cast<std::byte>(byte)); };
  const auto put_rest = [&](std::size_t nibble) {
    if (nibble < 15) return;
    for (nibble -= 15; nibble >= 255; nibble -= 255) put(255);
    put(nibble);
  };
  const auto put_literals = [&](std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) put(i * 37), made.plain.push_back(made.block.back());
  };
  put(std::min<std::size_t>(literals, 15) << 4 | std::min<std::size_t>(length - 4, 15));
  put_rest(literals);
  put_literals(literals);
  put(offset & 0xFF), put(offset >> 8);
  put_rest(length - 4);
  for (std::size_t i = 0; i < length; ++i)
    made.plain.push_back(made.plain.end()[-static_cast<std::ptrdiff_t>(offset)]);
  put(std::min<std::size_t>(tail, 15) << 4);
  put_rest(tail);
  put_literals(tail);
  return made;
}

TEST(BlockDecoderTest, CopiesEveryOffsetAndLength) {
  const auto check = [](std::size_t literals, std::size_t offset, std::size_t length) {
    // A long tail puts the match into the short loop, a short one keeps it out.
    for (const std::size_t tail : {5, 70}) {
      const HandMade made = hand_made(literals, offset, length, tail);
      for (const std::size_t slack : {0, 100}) {
        const std::size_t room = made.plain.size() + slack;
        const Decoded decoded = decode(made.block, room, room);
        ASSERT_EQ(decoded.outcome, DecodeOutcome::done) << literals << ' ' << offset;
        ASSERT_TRUE(same_bytes(decoded.output, made.plain)) << offset << ' ' << length;
      }
    }
  };
  constexpr std::size_t kLengths[] = {4,  5,  8,  15, 16, 17,  18,  19,
                                      20, 32, 33, 64, 65, 272, 273, 274};
  for (const std::size_t length : kLengths) {
    for (std::size_t literals = 1; literals <= 70; ++literals) {
      for (std::size_t offset = 1; offset <= literals; ++offset) check(literals, offset, length);
    }
    // Lengths of literals with one further byte and more.
    for (const std::size_t literals : {268, 269, 270, 271, 525, 526}) {
      for (const std::size_t offset : {1, 7, 8, 15, 16, 33, 268}) check(literals, offset, length);
    }
  }
}

TEST(BlockDecoderTest, ReachesIntoTheHistory) {
  const Buffer history = random_bytes(300);
  for (std::size_t offset = 1; offset <= 300; ++offset) {
    for (const std::size_t length : {4, 18, 40}) {
      Buffer expected = history;
      for (std::size_t i = 0; i < length; ++i) {
        expected.push_back(expected[expected.size() - offset]);
      }
      expected.erase(expected.begin(), expected.begin() + 300);
      Buffer block = bytes_of({static_cast<int>(std::min<std::size_t>(length - 4, 15)),
                               static_cast<int>(offset & 0xFF), static_cast<int>(offset >> 8)});
      if (length - 4 >= 15) block.push_back(static_cast<std::byte>(length - 4 - 15));
      // Literals to end with; more of them put the match into the fast loop.
      for (const std::size_t tail : {5, 14}) {
        Buffer whole = block;
        Buffer wanted = expected;
        whole.push_back(static_cast<std::byte>(tail << 4));
        whole.resize(whole.size() + tail, std::byte{'y'});
        wanted.resize(wanted.size() + tail, std::byte{'y'});
        for (const std::size_t slack : {0, 100}) {
          const std::size_t room = wanted.size() + slack;
          const Decoded decoded = decode(whole, room, room, history);
          ASSERT_EQ(decoded.outcome, DecodeOutcome::done) << offset << ' ' << length;
          ASSERT_TRUE(same_bytes(decoded.output, wanted)) << offset << ' ' << length;
        }
        const core::Bytes less = core::Bytes(history).last(offset - 1);
        EXPECT_EQ(decode(whole, 200, 200, less).outcome, DecodeOutcome::corrupt) << offset;
      }
    }
  }
}

TEST(BlockDecoderTest, SaysWhatIsWrong) {
  const struct {
    const char* name;
    Buffer block;
    const char* problem;
  } rows[] = {
      {"nothing", {}, "a block ends within a sequence"},
      {"a length without an end", bytes_of({0xF0, 255, 255}), "a block ends within a sequence"},
      {"literals missing", bytes_of({0x50, 1, 2, 3}), "a block ends within its literals"},
      {"half an offset", bytes_of({0x10, 1, 1}), "a block ends within a sequence"},
      {"no match length", bytes_of({0x1F, 1, 1, 0}), "a block ends within a sequence"},
      {"ends with a match", bytes_of({0x10, 1, 1, 0}), "a block ends within a sequence"},
      {"offset 0", bytes_of({0x10, 1, 0, 0, 0x50, 1, 2, 3, 4, 5}), "a match has offset 0"},
      {"before the start", bytes_of({0x10, 1, 2, 0, 0x50, 1, 2, 3, 4, 5}),
       "a match starts before the first byte"},
  };
  for (const auto& row : rows) {
    for (const std::size_t room : {5, 40, 1000}) {
      const Decoded decoded = decode(row.block, room, room);
      EXPECT_EQ(decoded.outcome, DecodeOutcome::corrupt) << row.name << ", room " << room;
      EXPECT_EQ(decoded.problem, row.problem) << row.name << ", room " << room;
    }
  }
}

TEST(BlockDecoderTest, RefusesEveryTruncation) {
  const Buffer input = json_like(400);
  const Buffer block = liblz4_block(input, 0);
  for (std::size_t size = 0; size < block.size(); ++size) {
    const Decoded decoded = decode(core::Bytes(block).first(size), 500, 500);
    // A cut behind literals is a shorter block; any other is none.
    if (decoded.outcome == DecodeOutcome::done) {
      EXPECT_LT(decoded.output.size(), input.size());
      EXPECT_TRUE(same_bytes(decoded.output, core::Bytes(input).first(decoded.output.size())));
    } else {
      EXPECT_EQ(decoded.outcome, DecodeOutcome::corrupt) << size;
    }
  }
}

}  // namespace
}  // namespace frdpu::test

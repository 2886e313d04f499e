#include "core/engine/frame_decoder.h"

#include "tests/core/engine/lz4_test_support.h"

namespace frdpu::test {
namespace {

using core::Errc;
using core::Flush;

/// A legacy frame: magic, then blocks of 8 MiB.
Buffer legacy_encode(core::Bytes input) {
  Buffer out = bytes_of({0x02, 0x21, 0x4C, 0x18});
  constexpr std::size_t kBlock = std::size_t{8} << 20;
  for (std::size_t at = 0; at < input.size(); at += kBlock) {
    const core::Bytes block = input.subspan(at, std::min(kBlock, input.size() - at));
    Buffer room(static_cast<std::size_t>(LZ4_compressBound(static_cast<int>(block.size()))));
    const int size = LZ4_compress_default(
        reinterpret_cast<const char*>(block.data()), reinterpret_cast<char*>(room.data()),
        static_cast<int>(block.size()), static_cast<int>(room.size()));
    for (int i = 0; i < 4; ++i) out.push_back(static_cast<std::byte>(size >> (8 * i)));
    out.insert(out.end(), room.begin(), room.begin() + size);
  }
  return out;
}

/// A standard frame around given blocks, without checksums. `flags` are added to the version's.
Buffer frame_of(std::initializer_list<Buffer> blocks, int flags = 0x20) {
  Buffer out = bytes_of({0x04, 0x22, 0x4D, 0x18, 0x40 | flags, 0x40});
  out.push_back(static_cast<std::byte>(core::Xxhash32::of(core::Bytes(out).subspan(4)) >> 8));
  for (const Buffer& block : blocks) {
    for (int i = 0; i < 4; ++i) out.push_back(static_cast<std::byte>(block.size() >> (8 * i)));
    out.insert(out.end(), block.begin(), block.end());
  }
  out.insert(out.end(), 4, std::byte{0});
  return out;
}

Errc code_of(core::Bytes frame) {
  const RunResult result = decode_lz4(frame);
  return result.output ? Errc{} : result.output.error().code;
}

struct Variant {
  const char* name;
  Lz4fOptions options;
};

const Variant kVariants[] = {
    {"64k linked", {}},
    {"64k independent", {.independent = true}},
    {"256k linked, block checksums", {.block_size = LZ4F_max256KB, .block_checksum = true}},
    {"1m linked, size", {.block_size = LZ4F_max1MB, .content_size = true}},
    {"4m independent, all",
     {.block_size = LZ4F_max4MB,
      .independent = true,
      .block_checksum = true,
      .content_size = true}},
    {"4m linked, hc", {.block_size = LZ4F_max4MB, .level = 9}},
    {"64k linked, no checksum", {.content_checksum = false}},
};

TEST(FrameDecoderTest, ReadsEveryKindOfFrame) {
  std::vector<Sample> samples = synthetic_samples(700'000);
  for (Sample& sample : corpus_samples()) samples.push_back(std::move(sample));
  samples.push_back({"empty", {}});
  for (const Variant& variant : kVariants) {
    for (const Sample& sample : samples) {
      const Buffer frame = liblz4_encode(sample.bytes, variant.options);
      for (const std::size_t out_cut :
           {std::size_t{1500}, std::size_t{65536}, sample.bytes.size() + 64}) {
        const RunResult result = decode_lz4(frame, 65536, out_cut);
        ASSERT_TRUE(result.output)
            << variant.name << ", " << sample << ": " << result.output.error().detail;
        ASSERT_TRUE(same_bytes(*result.output, sample.bytes)) << variant.name << ", " << sample;
        ASSERT_EQ(result.consumed, frame.size());
      }
    }
  }
}

TEST(FrameDecoderTest, ReadsAtEverySeam) {
  const Buffer input = mixed_bytes(90'000);
  for (const Variant& variant : kVariants) {
    const Buffer frame = liblz4_encode(input, variant.options);
    for (const std::size_t in_cut : kSeamSizes) {
      for (const std::size_t out_cut : {64, 67, 500, 70'000, 200'000}) {
        const RunResult result = decode_lz4(frame, in_cut, out_cut);
        ASSERT_TRUE(result.output) << variant.name << ": " << result.output.error().detail;
        ASSERT_TRUE(same_bytes(*result.output, input))
            << variant.name << " " << in_cut << " " << out_cut;
      }
    }
  }
}

TEST(FrameDecoderTest, WritesIntoEveryRoomUpToTheContent) {
  const Buffer input = mixed_bytes(700);
  const Buffer frame = encode_lz4_whole(lz4_params(1), input);
  for (std::size_t out_cut = 1; out_cut <= 800; ++out_cut) {
    const RunResult result = decode_lz4(frame, SIZE_MAX, out_cut);
    ASSERT_TRUE(result.output);
    ASSERT_TRUE(same_bytes(*result.output, input)) << out_cut;
  }
}

TEST(FrameDecoderTest, StopsBehindTheFrame) {
  Buffer bytes = encode_lz4_whole(lz4_params(1), text_like(5000));
  const std::size_t size = bytes.size();
  for (int i = 0; i < 40; ++i) bytes.push_back(std::byte{0x11});
  const RunResult result = decode_lz4(bytes);
  ASSERT_TRUE(result.output);
  EXPECT_EQ(result.consumed, size);
}

TEST(FrameDecoderTest, ReadsLegacyFrames) {
  for (const std::size_t size : {0, 1, 1000, 100'000, 9'000'000}) {
    const Buffer input = text_like(size);
    const Buffer frame = legacy_encode(input);
    for (const std::size_t cut : {std::size_t{7}, std::size_t{65536}}) {
      if (cut == 7 && size > 100'000) continue;
      const RunResult result = decode_lz4(frame, cut);
      ASSERT_TRUE(result.output) << result.output.error().detail;
      ASSERT_TRUE(same_bytes(*result.output, input));
      ASSERT_EQ(result.consumed, frame.size());
    }
  }
}

TEST(FrameDecoderTest, GivesBackWhatFollowsALegacyFrame) {
  const Buffer input = text_like(1000);
  Buffer bytes = legacy_encode(input);
  const std::size_t size = bytes.size();
  const Buffer next = encode_lz4_whole(lz4_params(1), input);
  bytes.insert(bytes.end(), next.begin(), next.end());
  for (const std::size_t cut : kSeamSizes) {
    const RunResult result = decode_lz4(bytes, cut);
    ASSERT_TRUE(result.output);
    ASSERT_TRUE(same_bytes(*result.output, input));
    ASSERT_EQ(result.consumed, size);
  }
}

TEST(FrameDecoderTest, RefusesEveryTruncation) {
  const Buffer input = mixed_bytes(3000);
  for (const Variant& variant : kVariants) {
    const Buffer frame = liblz4_encode(input, variant.options);
    for (std::size_t size = 0; size < frame.size(); ++size) {
      const RunResult result = decode_lz4(core::Bytes(frame).first(size));
      ASSERT_FALSE(result.output) << variant.name << " cut at " << size;
      ASSERT_EQ(result.output.error().code, Errc::truncated_input)
          << variant.name << " cut at " << size;
    }
  }
}

TEST(FrameDecoderTest, NeverTakesFlippedBitsForTheContent) {
  const Buffer input = mixed_bytes(1500);
  for (const Variant& variant : kVariants) {
    const Buffer frame = liblz4_encode(input, variant.options);
    for (std::size_t i = 0; i < frame.size() * 8; ++i) {
      Buffer flipped = frame;
      flipped[i / 8] ^= static_cast<std::byte>(1 << (i % 8));
      const RunResult result = decode_lz4(flipped);
      if (!result.output) continue;
      if (!variant.options.content_checksum) continue;  // nothing can tell then
      // The reserved magic numbers of skippable frames are one flip away from nothing else.
      ASSERT_TRUE(same_bytes(*result.output, input)) << variant.name << " bit " << i;
    }
  }
}

TEST(FrameDecoderTest, SaysWhatIsWrong) {
  const Buffer literals = bytes_of({0x30, 'a', 'b', 'c'});
  EXPECT_EQ(code_of(frame_of({literals})), Errc{});
  EXPECT_EQ(to_text(*decode_lz4(frame_of({literals, literals})).output), "abcabc");
  struct Row {
    const char* name;
    Buffer frame;
  };
  const Row rows[] = {
      {"offset 0", frame_of({bytes_of({0x10, 'a', 0, 0, 0x50, 1, 2, 3, 4, 5})})},
      {"offset before the start", frame_of({bytes_of({0x10, 'a', 2, 0, 0x50, 1, 2, 3, 4, 5})})},
      {"literals past the block", frame_of({bytes_of({0x40, 'a', 'b', 'c'})})},
      {"length past the block", frame_of({bytes_of({0xF0, 255, 255})})},
      {"block ends with a match", frame_of({bytes_of({0x10, 'a', 1, 0})})},
      {"block ends within an offset", frame_of({bytes_of({0x10, 'a', 1})})},
      {"linked offset in an independent block",
       frame_of({literals, bytes_of({0x10, 'a', 3, 0, 0x50, 1, 2, 3, 4, 5})})},
      {"block larger than allowed", frame_of({random_bytes(65537)})},
  };
  for (const Row& row : rows) {
    for (const std::size_t cut : kSeamSizes) {
      const RunResult result = decode_lz4(row.frame, cut);
      ASSERT_FALSE(result.output) << row.name;
      EXPECT_EQ(result.output.error().code, Errc::corrupt_input) << row.name;
      EXPECT_TRUE(result.output.error().offset) << row.name;
    }
  }
  EXPECT_EQ(code_of(frame_of({literals, bytes_of({0x10, 'a', 4, 0, 0x50, 1, 2, 3, 4, 5})}, 0)),
            Errc{});
}

TEST(FrameDecoderTest, RefusesABlockThatDecodesToMoreThanItsSize) {
  // 64 KiB and one byte: a literal, a match, five last literals.
  for (const std::size_t excess : {0, 1, 1000, 10'000'000}) {
    Buffer block = bytes_of({0x1F, 'a', 1, 0});
    std::size_t rest = 65536 + excess - 1 - 5 - 4 - 15;
    for (; rest >= 255; rest -= 255) block.push_back(std::byte{255});
    block.push_back(static_cast<std::byte>(rest));
    const Buffer last = bytes_of({0x50, 1, 2, 3, 4, 5});
    block.insert(block.end(), last.begin(), last.end());
    for (const std::size_t out_cut : {64, 65536, 70'000, 20'000'000}) {
      const RunResult result = decode_lz4(frame_of({block}), SIZE_MAX, out_cut);
      if (excess == 0) {
        ASSERT_TRUE(result.output);
        EXPECT_EQ(result.output->size(), 65536u);
      } else {
        ASSERT_FALSE(result.output);
        EXPECT_EQ(result.output.error().code, Errc::corrupt_input);
      }
    }
  }
}

TEST(FrameDecoderTest, ChecksTheChecksums) {
  const Buffer input = random_bytes(2000);
  Buffer frame = liblz4_encode(input, {.block_checksum = true});
  Buffer content = frame;
  content.back() ^= std::byte{1};
  EXPECT_EQ(code_of(content), Errc::checksum_mismatch);
  Buffer block = frame;
  block[block.size() - 9] ^= std::byte{1};  // content checksum 4, end mark 4, then the block's
  EXPECT_EQ(code_of(block), Errc::checksum_mismatch);
  Buffer data = frame;
  data[500] ^= std::byte{1};
  EXPECT_EQ(code_of(data), Errc::checksum_mismatch);
}

TEST(FrameDecoderTest, ChecksTheContentSize) {
  for (const int delta : {-1, 1, 1000}) {
    Buffer frame =
        liblz4_encode(text_like(1000), {.content_checksum = false, .content_size = true});
    const std::uint64_t claimed = static_cast<std::uint64_t>(1000 + delta);
    for (std::size_t i = 0; i < 8; ++i) frame[6 + i] = static_cast<std::byte>(claimed >> (8 * i));
    frame[14] = static_cast<std::byte>(core::Xxhash32::of(core::Bytes(frame).subspan(4, 10)) >> 8);
    EXPECT_EQ(code_of(frame), Errc::corrupt_input) << delta;
  }
}

TEST(FrameDecoderTest, AsksForTheDictionaryThatTheFrameNames) {
  const Buffer content = text_like(30'000, 5);
  const Buffer input = text_like(50'000, 5);
  const core::Dictionary right(content, 42);
  const core::Dictionary wrong(content, 43);
  for (const bool independent : {false, true}) {
    const Buffer frame =
        liblz4_encode(input, {.independent = independent, .dictionary_id = 42}, content);
    EXPECT_EQ(code_of(frame), Errc::missing_dictionary);
    EXPECT_EQ(decode_lz4(frame, SIZE_MAX, 1000, &wrong).output.error().code,
              Errc::missing_dictionary);
    for (const std::size_t out_cut : {64, 1000, 65536, 1 << 20}) {
      const RunResult result = decode_lz4(frame, 333, out_cut, &right);
      ASSERT_TRUE(result.output);
      EXPECT_TRUE(same_bytes(*result.output, input));
    }
  }
}

TEST(FrameDecoderTest, TakesADictionaryThatTheFrameDoesNotName) {
  const Buffer content = text_like(30'000, 5);
  const core::Dictionary dictionary(content, 42);
  const Buffer frame = liblz4_encode(text_like(5'000, 5), {}, content);
  const RunResult result = decode_lz4(frame, 333, 100, &dictionary);
  ASSERT_TRUE(result.output);
  EXPECT_TRUE(same_bytes(*result.output, text_like(5'000, 5)));
}

TEST(FrameDecoderTest, TakesMemoryByTheHeaderAndNeverMuch) {
  const auto bytes_for = [](core::Bytes frame) {
    return (*core::parse_lz4_frame_header(frame, true))->workspace_bytes;
  };
  EXPECT_LE(bytes_for(encode_lz4_whole(lz4_params(1), text_like(1400))), 2048u);
  EXPECT_LE(bytes_for(liblz4_encode(text_like(100), {.block_size = LZ4F_max4MB})),
            132 * core::kKiB);
}

TEST(FrameDecoderTest, HoldsToTheEightBytesThatClaimFourGibibytes) {
  // FRD-PU trusted a length field and allocated what it said. Here it is only a claim.
  Buffer frame = bytes_of({0x04, 0x22, 0x4D, 0x18, 0x68, 0x40, 0, 0, 0, 0, 1, 0, 0, 0});
  frame.push_back(static_cast<std::byte>(core::Xxhash32::of(core::Bytes(frame).subspan(4)) >> 8));
  EXPECT_LE((*core::parse_lz4_frame_header(frame, true))->workspace_bytes, 132 * core::kKiB);
  EXPECT_EQ(code_of(frame), Errc::truncated_input);
  EXPECT_EQ(code_of(bytes_of({0, 0, 0, 0, 1, 0, 0, 0})), Errc::corrupt_input);
}

}  // namespace
}  // namespace frdpu::test

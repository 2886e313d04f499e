#include <gtest/gtest.h>

#include "core/brotli_codec.h"
#include "core/brotli_frame_header.h"
#include "tests/support/brotli_helpers.h"
#include "tests/support/brotli_load.h"
#include "tests/support/codec_driver.h"
#include "tests/support/heap_counter.h"

namespace frdpu::core {
namespace {

using namespace brotli_test;
using test::AlignedRegion;
using test::Buffer;

TEST(BrotliDecoderTest, ReadsWhatTheLibraryWrites) {
  for (const int quality : {0, 1, 5, 9}) {
    for (const int lgwin : {10, 16, 17, 18, 22, 24}) {
      for (const test::Sample& sample : test::synthetic_samples(30000)) {
        const Buffer frame = library_encode(sample.bytes, quality, lgwin);
        const auto got = decode(frame, {.input_bytes = 65536, .output_bytes = 1500});
        ASSERT_TRUE(got.has_value()) << sample << got.error().detail;
        EXPECT_EQ(got->output, sample.bytes) << sample;
        EXPECT_EQ(got->consumed, frame.size());
      }
    }
  }
}

TEST(BrotliDecoderTest, ReadsLongBodiesWithManyCodes) {
  for (const Buffer& input :
       {test::brotli_load(200000, 0), test::zeros(8 * kMiB), test::random_bytes(2 * kMiB)}) {
    const Buffer frame = library_encode(input, input.size() > kMiB ? 4 : 10);
    const auto got = decode(frame, {.input_bytes = 65536, .output_bytes = 65536});
    ASSERT_TRUE(got.has_value()) << got.error().detail;
    EXPECT_EQ(got->output, input);
  }
}

TEST(BrotliDecoderTest, DecodesAtEverySeamAndLeavesWhatFollows) {
  const Buffer input = test::json_like(3000);
  for (const int quality : {1, 9}) {
    const Buffer frame = library_encode(input, quality);
    Buffer more = frame;
    more.insert(more.end(), 20, std::byte{0xAA});
    for (const std::size_t in : test::kSeamSizes) {
      for (const std::size_t out : test::kSeamSizes) {
        const auto got = decode(more, {in, out});
        ASSERT_TRUE(got.has_value()) << in << "/" << out << got.error().detail;
        EXPECT_EQ(got->output, input);
        EXPECT_EQ(got->consumed, frame.size()) << in << "/" << out;
      }
    }
  }
}

TEST(BrotliDecoderTest, FindsEveryTruncation) {
  const Buffer frame = library_encode(test::json_like(700), 5);
  for (std::size_t size = 0; size < frame.size(); ++size) {
    for (const std::size_t in : {7uz, SIZE_MAX}) {
      const auto got = decode_with({.coding = Coding::br, .window_bytes = 1u << 22},
                                   Bytes(frame).first(size), {.input_bytes = in});
      ASSERT_FALSE(got.has_value()) << "cut at " << size;
      EXPECT_EQ(got.error().code, Errc::truncated_input) << "cut at " << size;
      EXPECT_EQ(got.error().offset, size);
    }
  }
}

TEST(BrotliDecoderTest, RefusesAsTheLibraryDoes) {
  test::Random random(6);
  const Buffer input = test::text_like(900);
  const Buffer good = library_encode(input, 9, 16);
  int refused = 0;
  for (int round = 0; round < 1500; ++round) {
    Buffer frame = good;
    for (std::size_t flips = random.between(1, 3); flips != 0; --flips) {
      const std::size_t bit = random.below((round % 2 == 0 ? 40 : frame.size()) * 8);
      frame[bit / 8] ^= static_cast<std::byte>(1u << (bit % 8));
    }
    const auto expected = library_decode(frame, 1u << 20);
    const auto got = decode(frame, {.input_bytes = random.between(1, 2000)});
    if (got && got->consumed == frame.size()) {
      ASSERT_TRUE(expected.has_value()) << "round " << round;
      EXPECT_EQ(got->output, *expected);
    } else if (!got) {
      EXPECT_FALSE(expected.has_value()) << "round " << round;
      EXPECT_NE(got.error().code, Errc::internal_error) << got.error().detail;
      EXPECT_LE(got.error().offset.value_or(SIZE_MAX), frame.size());
      ++refused;
    }
  }
  EXPECT_GT(refused, 500);
}

// Writes the bits of a stream by hand.
class BitWriter {
 public:
  void put(unsigned count, std::uint64_t value) {
    for (unsigned i = 0; i < count; ++i, ++at_) {
      if (at_ % 8 == 0) bytes_.push_back(std::byte{0});
      bytes_.back() |= static_cast<std::byte>(((i < 64 ? value >> i : 0) & 1) << (at_ % 8));
    }
  }
  // A prefix code with one symbol. Source: RFC 7932, 3.4.
  void put_code(unsigned symbol_bits, unsigned symbol) {
    put(2, 1);
    put(2, 0);
    put(symbol_bits, symbol);
  }
  // 256 as a number of block types or trees. Source: RFC 7932, 9.2.
  void put_256() {
    put(1, 1);
    put(3, 7);
    put(7, 127);
  }
  [[nodiscard]] Buffer bytes() const { return bytes_; }

 private:
  Buffer bytes_;
  std::size_t at_ = 0;
};

// 256 codes of each kind, each alphabet as large as it can be: what the decoder allocates most for.
// One byte of output comes of it.
Buffer stream_with_most_codes(unsigned metablocks) {
  BitWriter bits;
  bits.put(4, 3);  // WBITS 18
  for (unsigned i = 1; i <= metablocks; ++i) {
    bits.put(1, i == metablocks ? 1 : 0);  // ISLAST
    if (i == metablocks) bits.put(1, 0);   // not empty
    bits.put(2, 0);                        // four nibbles
    bits.put(16, 0);                       // MLEN 1
    if (i != metablocks) bits.put(1, 0);   // compressed
    for (int kind = 0; kind < 3; ++kind) {
      bits.put_256();
      bits.put_code(9, 1);  // block types
      bits.put_code(5, 25);
      bits.put(24, 0);  // block count
    }
    bits.put(2, 3);    // NPOSTFIX
    bits.put(4, 15);   // NDIRECT 120
    bits.put(512, 0);  // context modes
    for (int kind = 0; kind < 2; ++kind) {
      bits.put_256();       // trees
      bits.put(1, 0);       // no run lengths in the context map
      bits.put_code(8, 0);  // every context: tree 0
      bits.put(1, 0);       // no inverse move to front
    }
    for (unsigned tree = 0; tree < 256; ++tree) bits.put_code(8, 'x');
    for (unsigned tree = 0; tree < 256; ++tree) bits.put_code(10, 136);  // insert 1, copy 2
    for (unsigned tree = 0; tree < 256; ++tree) bits.put_code(10, 0);
  }
  return bits.bytes();
}

TEST(BrotliDecoderTest, HasRoomForTheLargestSetOfCodes) {
  for (const unsigned metablocks : {1u, 2u, 5u}) {
    const Buffer frame = stream_with_most_codes(metablocks);
    const Buffer expected(metablocks, std::byte{'x'});
    ASSERT_EQ(library_decode(frame, metablocks), expected) << "the stream itself is wrong";
    const auto got = decode(frame, {.input_bytes = 100});
    ASSERT_TRUE(got.has_value()) << got.error().detail;
    EXPECT_EQ(got->output, expected);
  }
}

TEST(BrotliDecoderTest, AllocatesNothing) {
  if (!test::heap_calls_are_counted()) GTEST_SKIP() << "a sanitizer brings its own allocator";
  const Buffer input = test::brotli_load(30000, 1);
  const Buffer frame = library_encode(input, 9);
  Buffer out(input.size());
  const AlignedRegion region(16 * kMiB);
  const std::uint64_t before = test::heap_calls();
  const auto header = parse_brotli_header(frame, false);
  const auto placed = place_brotli_decoder(**header, nullptr, region.bytes());
  const auto stepped = (*placed)->step(frame, out, Flush::none);
  (*placed)->~Decoder();
  EXPECT_EQ(test::heap_calls() - before, 0u);
  ASSERT_TRUE(stepped.has_value());
  EXPECT_EQ(stepped->produced, input.size());
}

TEST(BrotliFrameHeaderTest, ReadsEveryWindow) {
  for (int lgwin = 10; lgwin <= 24; ++lgwin) {
    const Buffer frame = library_encode(test::text_like(100), 5, lgwin);
    const auto header = parse_brotli_header(frame, false);
    ASSERT_TRUE(header.has_value() && header->has_value()) << lgwin;
    EXPECT_EQ((*header)->window_bytes, std::uint64_t{1} << lgwin);
    EXPECT_EQ((*header)->checksum, false);
    EXPECT_EQ((*header)->workspace_bytes, brotli_decoder_workspace_bytes(**header));
  }
}

TEST(BrotliFrameHeaderTest, KnowsWhatIsNone) {
  EXPECT_FALSE(parse_brotli_header({}, false)->has_value());
  EXPECT_EQ(parse_brotli_header({}, true).error().code, Errc::truncated_input);
  EXPECT_EQ(parse_brotli_header(test::bytes_of({0x11}), false).error().code, Errc::corrupt_input);
  EXPECT_EQ(parse_brotli_header(test::bytes_of({0x91}), false).error().code, Errc::corrupt_input);
}

}  // namespace
}  // namespace frdpu::core

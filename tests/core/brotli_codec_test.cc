#include "core/brotli_codec.h"

#include <brotli/decode.h>
#include <brotli/encode.h>
#include <gtest/gtest.h>

#include <bit>

#include "core/brotli_encoder.h"
#include "core/brotli_frame_header.h"
#include "core/brotli_memory.h"
#include "core/workspace.h"
#include "tests/support/brotli_load.h"
#include "tests/support/codec_driver.h"
#include "tests/support/heap_counter.h"

namespace frdpu::core {
namespace {

using test::AlignedRegion;
using test::Buffer;
using test::Cut;
using test::Placed;

EncoderParams br_params(int level, std::uint32_t window_bytes = 0,
                        std::optional<std::uint64_t> content_bytes = std::nullopt,
                        bool whole = false) {
  return {.coding = Coding::br,
          .level = level,
          .window_bytes = window_bytes,
          .content_bytes = content_bytes,
          .whole = whole};
}

Result<Buffer> encode_in(MutableBytes region, const EncoderParams& params, Bytes input,
                         Cut cut = {}) {
  auto placed = place_brotli_encoder(params, region);
  if (!placed) return std::unexpected(placed.error());
  const Placed<Encoder> encoder(*placed);
  if (params.whole) {
    Buffer out(brotli_bound(input.size()));
    auto stepped = encoder->step(input, out, Flush::finish);
    if (!stepped) return std::unexpected(stepped.error());
    if (stepped->state != StepState::done || stepped->consumed != input.size()) {
      return fail(Errc::internal_error, "test: a whole body was not encoded in one step");
    }
    out.resize(stepped->produced);
    return out;
  }
  auto driven = test::drive(*encoder, input, cut);
  if (!driven) return std::unexpected(driven.error());
  return std::move(driven->output);
}

Result<Buffer> encode(const EncoderParams& params, Bytes input, Cut cut = {}) {
  const AlignedRegion region(brotli_encoder_workspace_bytes(params));
  return encode_in(region.bytes(), params, input, cut);
}

Result<test::Driven> decode_with(const FrameHeader& header, Bytes input, Cut cut = {}) {
  const AlignedRegion region(brotli_decoder_workspace_bytes(header));
  auto placed = place_brotli_decoder(header, nullptr, region.bytes());
  if (!placed) return std::unexpected(placed.error());
  const Placed<Decoder> decoder(*placed);
  return test::drive(*decoder, input, cut);
}

Result<test::Driven> decode(Bytes input, Cut cut = {}) {
  const auto header = parse_brotli_header(input, true);
  if (!header) return std::unexpected(header.error());
  return decode_with(**header, input, cut);
}

std::optional<Buffer> library_decode(Bytes frame, std::size_t size) {
  Buffer out(size + 1);
  std::size_t got = out.size();
  if (BrotliDecoderDecompress(frame.size(), reinterpret_cast<const std::uint8_t*>(frame.data()),
                              &got, reinterpret_cast<std::uint8_t*>(out.data())) !=
      BROTLI_DECODER_RESULT_SUCCESS) {
    return std::nullopt;
  }
  out.resize(got);
  return out;
}

Buffer library_encode(Bytes input, int quality, int lgwin = 22) {
  Buffer out(BrotliEncoderMaxCompressedSize(input.size()) + 16);
  std::size_t got = out.size();
  EXPECT_TRUE(BrotliEncoderCompress(quality, lgwin, BROTLI_MODE_GENERIC, input.size(),
                                    reinterpret_cast<const std::uint8_t*>(input.data()), &got,
                                    reinterpret_cast<std::uint8_t*>(out.data())));
  out.resize(got);
  return out;
}

std::uint64_t stated_window(Bytes frame) {
  return (*parse_brotli_header(frame, true))->window_bytes.value_or(0);
}

TEST(BrotliEncoderTest, RoundTripsEveryQuality) {
  for (int level = 0; level <= 11; ++level) {
    const std::size_t most = level < 10 ? 70000 : 4000;
    for (const std::size_t size : {0uz, 1uz, 1400uz, most}) {
      for (const test::Sample& sample : test::synthetic_samples(size)) {
        for (const bool known : {false, true}) {
          for (const bool whole : {false, true}) {
            const auto content =
                known ? std::optional<std::uint64_t>(sample.bytes.size()) : std::nullopt;
            const auto frame = encode(br_params(level, 0, content, whole), sample.bytes);
            ASSERT_TRUE(frame.has_value()) << sample << level << frame.error().detail;
            EXPECT_EQ(library_decode(*frame, size), sample.bytes) << sample << level;
          }
        }
      }
    }
  }
}

TEST(BrotliEncoderTest, RoundTripsTheCorpus) {
  for (const test::Sample& sample : test::corpus_samples(100000)) {
    for (const int level : {0, 1, 4, 6}) {
      const auto frame = encode(br_params(level), sample.bytes, {.input_bytes = 30000});
      ASSERT_TRUE(frame.has_value()) << sample << level << frame.error().detail;
      EXPECT_EQ(library_decode(*frame, sample.bytes.size()), sample.bytes) << sample << level;
    }
  }
}

TEST(BrotliEncoderTest, EncodesAtEverySeam) {
  const Buffer input = test::json_like(600);
  for (const int level : {0, 1, 2, 5, 10}) {
    for (const std::size_t in : test::kSeamSizes) {
      for (const std::size_t out : {64uz, 67uz, SIZE_MAX}) {
        for (const Flush between : {Flush::none, Flush::flush}) {
          if (level == 10 && between == Flush::flush && in < 31) continue;  // slow, nothing new
          const auto frame = encode(br_params(level), input, {in, out, between});
          ASSERT_TRUE(frame.has_value())
              << level << " " << in << "/" << out << frame.error().detail;
          EXPECT_EQ(library_decode(*frame, input.size()), input) << level << " " << in;
        }
      }
    }
  }
}

TEST(BrotliEncoderTest, FastQualitiesDoNotSufferFromSmallPieces) {
  const Buffer input = test::json_like(60000);
  for (const int level : {0, 1}) {
    const auto small = encode(br_params(level), input, {.input_bytes = 100});
    const auto large = encode(br_params(level), input);
    ASSERT_TRUE(small.has_value() && large.has_value());
    EXPECT_EQ(*small, *large) << level;
  }
}

TEST(BrotliEncoderTest, GathersMoreThanOneBufferFull) {
  const Buffer input = test::text_like(900000);
  for (const int level : {0, 1}) {
    for (const std::size_t in : {7001uz, 262144uz, SIZE_MAX}) {
      for (const std::size_t out : {1000uz, SIZE_MAX}) {
        const auto frame = encode(br_params(level), input, {in, out});
        ASSERT_TRUE(frame.has_value()) << frame.error().detail;
        EXPECT_EQ(library_decode(*frame, input.size()), input) << level << " " << in << "/" << out;
      }
    }
  }
}

TEST(BrotliEncoderTest, FlushMakesAllInputReadableAndIsNotRepeated) {
  const Buffer input = test::text_like(5000);
  for (int level = 0; level <= 11; ++level) {
    const EncoderParams params = br_params(level);
    const AlignedRegion region(brotli_encoder_workspace_bytes(params));
    const Placed<Encoder> encoder(*place_brotli_encoder(params, region.bytes()));
    Buffer out(10000);
    const auto first = encoder->step(Bytes(input).first(2000), out, Flush::flush);
    ASSERT_TRUE(first.has_value()) << level;
    EXPECT_EQ(first->consumed, 2000u);
    EXPECT_EQ(first->state, StepState::need_input) << level;

    BrotliDecoderState* const decoder = BrotliDecoderCreateInstance(nullptr, nullptr, nullptr);
    auto* next_in = reinterpret_cast<const std::uint8_t*>(out.data());
    std::size_t available_in = first->produced;
    Buffer back(5000);
    auto* next_out = reinterpret_cast<std::uint8_t*>(back.data());
    std::size_t available_out = back.size();
    BrotliDecoderDecompressStream(decoder, &available_in, &next_in, &available_out, &next_out,
                                  nullptr);
    EXPECT_EQ(back.size() - available_out, 2000u) << level;
    BrotliDecoderDestroyInstance(decoder);

    const auto again = encoder->step({}, out, Flush::flush);
    ASSERT_TRUE(again.has_value()) << level;
    EXPECT_EQ(again->produced, 0u) << level;
    EXPECT_EQ(again->state, StepState::need_input) << level;
  }
}

TEST(BrotliEncoderTest, GoesOnBehindAFlushThatDidNotFit) {
  const Buffer input = test::random_bytes(3000);
  for (const int level : {0, 2, 5}) {
    const EncoderParams params = br_params(level);
    const AlignedRegion region(brotli_encoder_workspace_bytes(params));
    const Placed<Encoder> encoder(*place_brotli_encoder(params, region.bytes()));
    Buffer frame;
    Buffer room(64);
    std::size_t taken = 0;
    // The flush is asked for once; whoever calls then has changed his mind.
    for (bool first = true;; first = false) {
      const std::size_t end = first ? 1500 : input.size();
      const auto stepped =
          encoder->step(Bytes(input).subspan(taken, end - taken), room,
                        first ? Flush::flush : (taken < 2000 ? Flush::none : Flush::finish));
      ASSERT_TRUE(stepped.has_value()) << level << stepped.error().detail;
      taken += stepped->consumed;
      frame.insert(frame.end(), room.begin(),
                   room.begin() + static_cast<std::ptrdiff_t>(stepped->produced));
      if (stepped->state == StepState::done) break;
      ASSERT_LT(frame.size(), 10000u);
    }
    EXPECT_EQ(library_decode(frame, input.size()), input) << level;
  }
}

TEST(BrotliEncoderTest, StatesTheWindowItWasAskedFor) {
  const Buffer input = test::text_like(3000);
  for (const int level : {0, 1, 2, 5, 11}) {
    for (const std::uint32_t window : {0u, 1024u, 1025u, 2031u, 2032u, 2048u, 65519u, 65520u,
                                       65536u, 262143u, 262144u, 1u << 20, 1u << 24}) {
      if (level == 11 && window > 1u << 20) continue;
      for (const bool whole : {false, true}) {
        const auto frame = encode(br_params(level, window, std::nullopt, whole), input);
        ASSERT_TRUE(frame.has_value()) << level << " " << window << frame.error().detail;
        EXPECT_EQ(library_decode(*frame, input.size()), input);
        const std::uint64_t asked = window == 0 ? 262144 : window;
        EXPECT_LE(stated_window(*frame) - 16, asked) << level << " " << window;
        if (level >= 2) {
          EXPECT_GT(stated_window(*frame) * 2 - 16, asked) << level << " " << window;
        }
      }
    }
  }
}

TEST(BrotliEncoderTest, KnownContentMakesTheWindowSmaller) {
  for (const std::size_t size : {100uz, 1024uz, 1025uz, 1400uz, 65536uz, 70000uz}) {
    const Buffer input = test::text_like(size);
    const auto frame = encode(br_params(5, 0, size), input);
    ASSERT_TRUE(frame.has_value());
    EXPECT_EQ(stated_window(*frame), std::max(std::bit_ceil(size), 1024uz)) << size;
  }
}

TEST(BrotliEncoderTest, WholeBodiesNeverOutgrowTheBound) {
  for (int level = 0; level <= 11; ++level) {
    for (const std::size_t size : {0uz, 1uz, 1500uz, 65536uz, 300000uz}) {
      if (level >= 10 && size > 2000) continue;
      for (const Buffer& input : {test::random_bytes(size), test::many_commands(size)}) {
        const auto frame = encode(br_params(level, 0, size, true), input);
        ASSERT_TRUE(frame.has_value()) << level << " " << size << frame.error().detail;
        EXPECT_EQ(library_decode(*frame, size), input) << level;
      }
    }
  }
  EXPECT_LE(brotli_bound(k64kBlockBytes), k64kBlockBytes + k64kSlackBytes);
}

TEST(BrotliEncoderTest, RefusesAnotherSizeThanPledged) {
  const Buffer input = test::text_like(1000);
  for (const int level : {0, 5}) {
    for (const std::uint64_t pledged : {999u, 1001u}) {
      const auto frame = encode(br_params(level, 0, pledged), input);
      ASSERT_FALSE(frame.has_value()) << level << pledged;
      EXPECT_EQ(frame.error().code, Errc::invalid_size);
    }
  }
}

TEST(BrotliEncoderTest, RefusesWhatTheCodingDoesNotHave) {
  const AlignedRegion region(kMiB);
  EXPECT_EQ(place_brotli_encoder(br_params(12), region.bytes()).error().code, Errc::invalid_level);
  EXPECT_EQ(place_brotli_encoder(br_params(-1), region.bytes()).error().code, Errc::invalid_level);
  EXPECT_EQ(place_brotli_encoder(br_params(4, 1023), region.bytes()).error().code,
            Errc::invalid_window);
  EXPECT_EQ(brotli_encoder_workspace_bytes(br_params(12)), 0u);
  EXPECT_EQ(place_brotli_encoder(br_params(4), region.bytes().first(4096)).error().code,
            Errc::invalid_size);
}

// The library ends the process when it gets no memory. Each heap here is too small for what is
// asked, each a little less; the step has to come back with an error every time, until it works.
TEST(BrotliEncoderTest, RunningOutOfMemoryIsAnError) {
  const Buffer input = test::many_commands(20000);
  for (const int level : {0, 1, 2, 4, 9, 11}) {
    const EncoderParams params = br_params(level, 0, input.size(), level < 10);
    const BrotliPlan plan = BrotliPlan::from(params);
    const AlignedRegion region(8 * kMiB);
    const AlignedRegion gather(256 * kKiB);
    int errors = 0;
    bool worked = false;
    for (std::size_t bytes = 1024; !worked && bytes <= 8 * kMiB; bytes += bytes / 4) {
      BrotliEncoder encoder(params, plan, region.bytes().first(bytes / 16 * 16),
                            gather.bytes().first(plan.gather_bytes));
      if (!encoder.create()) continue;
      Buffer out(brotli_bound(input.size()));
      const auto stepped = encoder.step(input, out, Flush::finish);
      worked = stepped.has_value();
      if (!worked) {
        EXPECT_EQ(stepped.error().code, Errc::internal_error) << level;
        ++errors;
      }
    }
    EXPECT_TRUE(worked) << level;
    EXPECT_GT(errors, 1) << level;
  }
}

std::size_t high_water(const EncoderParams& params, Bytes input, Cut cut, std::size_t heap_bytes) {
  const BrotliPlan plan = BrotliPlan::from(params);
  const AlignedRegion region(heap_bytes);
  const AlignedRegion gather(plan.gather_bytes + 1);
  BrotliEncoder encoder(params, plan, region.bytes(), gather.bytes().first(plan.gather_bytes));
  EXPECT_TRUE(encoder.create().has_value());
  if (params.whole) {
    Buffer out(brotli_bound(input.size()));
    EXPECT_TRUE(encoder.step(input, out, Flush::finish).has_value());
  } else {
    EXPECT_TRUE(test::drive(encoder, input, cut).has_value());
  }
  return encoder.heap().high_water_bytes();
}

// A part of tests/bench/brotli_memory_bench.cc, with other data than the table was made from: the
// heap must be enough, and not many times what is needed.
TEST(BrotliMemoryTest, HoldsForWholeBodies) {
  for (int level = 0; level <= 11; ++level) {
    for (const std::size_t size : {500uz, 1400uz, 4096uz, 16384uz, 65536uz}) {
      if (level >= 10 && size > 1400) continue;
      const EncoderParams params = br_params(level, 0, size, true);
      const std::size_t allowed = brotli_heap_bytes(BrotliPlan::from(params), params);
      std::size_t most = 0;
      for (const test::Sample& body : test::brotli_bodies(size, 1234)) {
        if ((size > 4096 || level >= 10) && body.name.starts_with("types") &&
            !body.name.ends_with("/8")) {
          continue;
        }
        most = std::max(most, high_water(params, body.bytes, {}, 64 * kMiB));
      }
      EXPECT_LE(most, allowed) << "level " << level << ", " << size;
      EXPECT_GT(most, allowed / 4) << "level " << level << ", " << size;
    }
  }
}

TEST(BrotliMemoryTest, HoldsForStreams) {
  for (const int level : {0, 1, 2, 3, 4, 5, 7, 9}) {
    for (const int lgwin : {10, 17, 18, 20}) {
      if ((level < 2 && lgwin != 18) || (level > 4 && lgwin == 17)) continue;
      const EncoderParams params = br_params(level, 1u << lgwin);
      const std::size_t allowed = brotli_heap_bytes(BrotliPlan::from(params), params);
      const Buffer load = test::brotli_load(1 << (lgwin == 10 ? 17 : 18), 4321);
      const std::size_t most =
          std::max(high_water(params, load, {.input_bytes = 65536}, allowed),
                   high_water(params, load, {50001, 4096, Flush::flush}, allowed));
      EXPECT_LE(most, allowed) << "level " << level << ", " << lgwin;
      EXPECT_GT(most, allowed / 3) << "level " << level << ", " << lgwin;
    }
  }
}

// What is freed must be found again: a stream three times as long takes no more.
TEST(BrotliMemoryTest, DoesNotGrowWithTheStream) {
  const Buffer lap = test::brotli_load(1 << 16, 5);
  const auto laps = [&](int count) {
    Buffer all;
    for (int i = 0; i < count; ++i) all.insert(all.end(), lap.begin(), lap.end());
    return all;
  };
  for (const int level : {0, 1, 2, 4, 5, 9}) {
    const EncoderParams params = br_params(level, level < 2 ? 0 : 65536);
    const Cut cut{.input_bytes = 65536, .output_bytes = 65536};
    const std::size_t two = high_water(params, laps(2), cut, 64 * kMiB);
    const std::size_t six = high_water(params, laps(6), cut, 64 * kMiB);
    EXPECT_LE(six, two + two / 20) << level;
  }
}

TEST(BrotliMemoryTest, GrowsWithQualityWindowAndContent) {
  for (int level = 0; level <= 11; ++level) {
    std::size_t before = 0;
    for (const std::uint64_t content : {1u, 1024u, 1025u, 5000u, 65536u}) {
      const EncoderParams params = br_params(level, 0, content, true);
      const std::size_t bytes = brotli_encoder_workspace_bytes(params);
      EXPECT_GE(bytes, before) << level << " " << content;
      before = bytes;
    }
    const std::size_t unknown = brotli_encoder_workspace_bytes(br_params(level));
    EXPECT_GE(unknown, before) << level;
    EXPECT_GE(brotli_encoder_workspace_bytes(br_params(level, 1u << 24)),
              brotli_encoder_workspace_bytes(br_params(level, 1u << 20)))
        << level;
  }
  EXPECT_LE(brotli_encoder_workspace_bytes(br_params(4)), 4 * kMiB + 512 * kKiB);
}

TEST(BrotliEncoderTest, AllocatesNothing) {
  if (!test::heap_calls_are_counted()) GTEST_SKIP() << "a sanitizer brings its own allocator";
  const Buffer input = test::text_like(3000);
  Buffer out(brotli_bound(input.size()) + 1000);
  const AlignedRegion region(64 * kMiB);
  for (int level = 0; level <= 11; ++level) {
    for (const bool whole : {false, true}) {
      const EncoderParams params = br_params(level, 0, input.size(), whole);
      const std::uint64_t before = test::heap_calls();
      const std::size_t bytes = brotli_encoder_workspace_bytes(params);
      const auto placed = place_brotli_encoder(params, region.bytes().first(bytes));
      ASSERT_TRUE(placed.has_value()) << level;
      const auto stepped = (*placed)->step(input, out, Flush::finish);
      (*placed)->~Encoder();
      EXPECT_EQ(test::heap_calls() - before, 0u) << level;
      ASSERT_TRUE(stepped.has_value());
      EXPECT_EQ(stepped->state, StepState::done);
    }
  }
}

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

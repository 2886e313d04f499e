#include "core/zstd_codec.h"

#include <gtest/gtest.h>
#include <zstd.h>

#include <optional>

#include "tests/support/heap_counter.h"
#include "tests/support/zstd_helpers.h"

namespace frdpu::core {
namespace {

using namespace zstd_test;
using test::AlignedRegion;
using test::Buffer;
using test::drive;
using test::Placed;

TEST(ZstdCodecTest, RoundTripsEveryLevelAndKnowledgeOfTheSize) {
  for (const test::Sample& sample : test::synthetic_samples(20000)) {
    for (int level = 1; level <= 19; ++level) {
      for (const bool known : {false, true}) {
        for (const bool whole : {false, true}) {
          const auto size =
              known ? std::optional<std::uint64_t>(sample.bytes.size()) : std::nullopt;
          const auto frame = encode(zstd_params(level, size, 0, whole), sample.bytes);
          ASSERT_TRUE(frame.has_value()) << sample << " level " << level << frame.error().detail;
          EXPECT_EQ(library_decode(*frame, sample.bytes.size()), sample.bytes) << sample;
          const auto back = decode(*frame);
          ASSERT_TRUE(back.has_value()) << sample << " level " << level << back.error().detail;
          EXPECT_EQ(back->output, sample.bytes);
          EXPECT_EQ(back->consumed, frame->size());
        }
      }
    }
  }
}

TEST(ZstdCodecTest, EncodesAndDecodesAtEverySeam) {
  const Buffer input = test::json_like(3000);
  for (const std::size_t in : test::kSeamSizes) {
    for (const std::size_t out : test::kSeamSizes) {
      for (const Flush between : {Flush::none, Flush::flush}) {
        const auto frame = encode(zstd_params(3), input, {in, out, between});
        ASSERT_TRUE(frame.has_value()) << in << "/" << out << frame.error().detail;
        EXPECT_EQ(library_decode(*frame, input.size()), input);
        const auto back = decode(*frame, {in, out});
        ASSERT_TRUE(back.has_value()) << in << "/" << out << back.error().detail;
        EXPECT_EQ(back->output, input);
      }
    }
  }
}

TEST(ZstdCodecTest, FlushMakesAllInputReadable) {
  const Buffer input = test::text_like(5000);
  const EncoderParams params = zstd_params(3);
  const AlignedRegion region(zstd_encoder_workspace_bytes(params));
  const Placed<Encoder> encoder(*place_zstd_encoder(params, region.bytes()));
  Buffer out(10000);
  const auto stepped = encoder->step(Bytes(input).first(2000), out, Flush::flush);
  ASSERT_TRUE(stepped.has_value());
  EXPECT_EQ(stepped->state, StepState::need_input);

  ZSTD_DCtx* context = ZSTD_createDCtx();
  Buffer back(5000);
  ZSTD_inBuffer in{out.data(), stepped->produced, 0};
  ZSTD_outBuffer target{back.data(), back.size(), 0};
  while (in.pos < in.size) ASSERT_FALSE(ZSTD_isError(ZSTD_decompressStream(context, &target, &in)));
  ZSTD_freeDCtx(context);
  EXPECT_EQ(target.pos, 2000u);
}

TEST(ZstdCodecTest, FramesCarryChecksumAndKnownSize) {
  const Buffer input = test::text_like(1400);
  for (const bool known : {true, false}) {
    const auto size = known ? std::optional<std::uint64_t>(input.size()) : std::nullopt;
    // Cut input: with all of it in the first step libzstd knows the size by itself.
    const auto frame = encode(zstd_params(3, size), input, {.input_bytes = 100});
    ASSERT_TRUE(frame.has_value());
    const auto header = parse_zstd_frame_header(*frame, true);
    ASSERT_TRUE(header.has_value() && header->has_value());
    EXPECT_EQ((*header)->checksum, true);
    EXPECT_EQ((*header)->content_bytes, size);
    EXPECT_EQ((*header)->dictionary_id, std::nullopt);
  }
}

TEST(ZstdCodecTest, KeepsTheWindowThatWasAskedFor) {
  const Buffer input = test::mixed_bytes(300000);
  struct Row {
    std::uint32_t asked, most;
  };
  for (const Row row : {Row{1024, 1024}, Row{1025, 1024}, Row{2047, 1024}, Row{65535, 32768},
                        Row{65536, 65536}, Row{8u << 20, 8u << 20}, Row{1u << 27, 1u << 27}}) {
    for (const int level : {1, 9, 19}) {
      if (row.asked == 1u << 27 && level != 1) continue;  // half a GiB of tables
      const auto frame =
          encode(zstd_params(level, std::nullopt, row.asked), input, {.input_bytes = 100000});
      ASSERT_TRUE(frame.has_value());
      const auto header = parse_zstd_frame_header(*frame, true);
      EXPECT_EQ((*header)->window_bytes, row.most) << row.asked << " level " << level;
      EXPECT_EQ(library_decode(*frame, input.size()), input);
    }
  }
}

TEST(ZstdCodecTest, LongBodiesAtLevelOneSeeAMebibyteBack) {
  const std::size_t distance = 700 * kKiB;
  Buffer input = test::random_bytes(distance);
  input.insert(input.end(), input.begin(), input.begin() + 100 * kKiB);
  for (const bool known : {true, false}) {
    const auto size = known ? std::optional<std::uint64_t>(input.size()) : std::nullopt;
    const auto seen = encode(zstd_params(1, size), input, {.input_bytes = 65536});
    const auto asked = encode(zstd_params(1, size, 512 * kKiB), input, {.input_bytes = 65536});
    ASSERT_TRUE(seen.has_value() && asked.has_value());
    EXPECT_LT(seen->size(), distance + 10 * kKiB);
    EXPECT_GT(asked->size(), input.size()) << "who asks for a window gets that one";
    EXPECT_EQ(library_decode(*seen, input.size()), input);
  }
}

TEST(ZstdCodecTest, LongBodiesAtLevelOneAreTheSameWithTheirOwnWindowAskedFor) {
  const Buffer input = test::text_like(900 * kKiB);
  const auto own = encode(zstd_params(1, input.size()), input, {.input_bytes = 65536});
  const auto asked = encode(zstd_params(1, input.size(), kMiB), input, {.input_bytes = 65536});
  ASSERT_TRUE(own.has_value() && asked.has_value());
  EXPECT_EQ(*own, *asked);
}

TEST(ZstdCodecTest, RefusesAnotherSizeThanPledged) {
  const Buffer input = test::text_like(1000);
  for (const std::uint64_t pledged : {999, 1001}) {
    for (const bool whole : {false, true}) {
      const auto frame = encode(zstd_params(3, pledged, 0, whole), input, {.input_bytes = 100});
      ASSERT_FALSE(frame.has_value());
      EXPECT_EQ(frame.error().code, Errc::invalid_size);
    }
  }
}

TEST(ZstdCodecTest, RefusesWorkspacesThatAreTooSmall) {
  const EncoderParams params = zstd_params(3);
  const AlignedRegion region(zstd_encoder_workspace_bytes(params));
  const auto encoder = place_zstd_encoder(params, region.bytes().first(region.bytes().size() - 64));
  ASSERT_FALSE(encoder.has_value());
  EXPECT_EQ(encoder.error().code, Errc::invalid_size);

  const FrameHeader header{.coding = Coding::zstd, .window_bytes = 1 << 20, .header_bytes = 6};
  const auto decoder = place_zstd_decoder(
      header, nullptr, region.bytes().first(zstd_decoder_workspace_bytes(header) - 64));
  ASSERT_FALSE(decoder.has_value());
  EXPECT_EQ(decoder.error().code, Errc::invalid_size);
}

TEST(ZstdCodecTest, DecodesWhatTheLibraryWrites) {
  for (const test::Sample& sample : test::synthetic_samples(200000)) {
    for (const bool content_size : {true, false}) {
      const Buffer frame = library_encode(sample.bytes, 5, true, content_size);
      for (const std::size_t out : {std::size_t{1000}, std::size_t{SIZE_MAX}}) {
        const auto back = decode(frame, {.output_bytes = out});
        ASSERT_TRUE(back.has_value()) << sample << back.error().detail;
        EXPECT_EQ(back->output, sample.bytes);
      }
    }
  }
}

TEST(ZstdCodecTest, StopsRightBehindTheFrame) {
  const Buffer input = test::text_like(3000);
  Buffer body = library_encode(input, 3);
  const std::size_t frame_bytes = body.size();
  body.insert(body.end(), 100, std::byte{0x55});
  for (const std::size_t in : test::kSeamSizes) {
    for (const std::size_t out : test::kSeamSizes) {
      const auto back = decode(body, {in, out});
      ASSERT_TRUE(back.has_value()) << back.error().detail;
      EXPECT_EQ(back->output, input);
      EXPECT_EQ(back->consumed, frame_bytes) << in << "/" << out;
    }
  }
}

TEST(ZstdCodecTest, SaysWhenAFrameIsCutOff) {
  const Buffer frame = library_encode(test::text_like(2000), 3);
  for (std::size_t size = 0; size < frame.size(); ++size) {
    const auto back = decode(Bytes(frame).first(size));
    ASSERT_FALSE(back.has_value()) << size;
    EXPECT_EQ(back.error().code, Errc::truncated_input) << size << back.error().detail;
    EXPECT_EQ(back.error().offset, size);
  }
}

TEST(ZstdCodecTest, NeverTakesAFlippedBitForGood) {
  const Buffer input = test::text_like(400);
  const Buffer frame = library_encode(input, 3);
  for (std::size_t bit = 0; bit < frame.size() * 8; ++bit) {
    Buffer flipped = frame;
    flipped[bit / 8] ^= static_cast<std::byte>(1u << (bit % 8));
    const auto back = decode(flipped, {.output_limit = 1 << 20});
    if (!back) {
      EXPECT_NE(back.error().code, Errc::internal_error) << bit << back.error().detail;
    } else if (back->consumed == flipped.size()) {
      EXPECT_EQ(back->output, input) << bit;
    }
  }
}

TEST(ZstdCodecTest, TellsAWrongChecksumAndWhereABlockIsBroken) {
  const Buffer input = test::random_bytes(400000);  // four raw frame blocks
  Buffer frame = library_encode(input, 1);
  frame[frame.size() - 1] ^= std::byte{1};
  for (const std::size_t in : {std::size_t{SIZE_MAX}, std::size_t{1000}}) {
    const auto back = decode(frame, {.input_bytes = in});
    ASSERT_FALSE(back.has_value());
    EXPECT_EQ(back.error().code, Errc::checksum_mismatch);
  }
  frame[frame.size() - 1] ^= std::byte{1};
  const auto header = parse_zstd_frame_header(frame, true);
  const std::size_t third = (*header)->header_bytes + 2 * (3 + (std::size_t{128} << 10));
  frame[third] |= std::byte{6};  // the reserved block type
  for (const std::size_t in : {std::size_t{SIZE_MAX}, std::size_t{1000}, std::size_t{1}}) {
    const auto back = decode(frame, {.input_bytes = in});
    ASSERT_FALSE(back.has_value());
    EXPECT_EQ(back.error().code, Errc::corrupt_input);
    // The frame block before it and the header of the broken one are handed over together.
    EXPECT_GE(*back.error().offset + (std::size_t{128} << 10) + 3, third) << in;
    EXPECT_LE(*back.error().offset, third + 3) << in;
  }
}

TEST(ZstdCodecTest, LocatesErrorsOfTheOneShotPathToo) {
  const Buffer input = test::random_bytes(50000);
  Buffer frame = library_encode(input, 1);
  const auto header = parse_zstd_frame_header(frame, true);
  ASSERT_LE(*(*header)->content_bytes, 65536u);  // fits the output view of `drive`
  frame[(*header)->header_bytes] |= std::byte{6};
  const auto back = decode(frame);
  ASSERT_FALSE(back.has_value());
  EXPECT_EQ(back.error().code, Errc::corrupt_input);
  EXPECT_LE(*back.error().offset, (*header)->header_bytes + 3);
}

TEST(ZstdCodecTest, NeverTouchesTheHeap) {
  if (!test::heap_calls_are_counted()) GTEST_SKIP() << "a sanitizer's allocator is in place";
  const Buffer input = test::json_like(30000);
  Buffer out(zstd_bound(input.size()));
  const AlignedRegion encoder_memory(std::size_t{100} << 20);
  const AlignedRegion decoder_memory(std::size_t{4} << 20);
  const auto counted = [&](const EncoderParams& params) {
    const std::uint64_t before = test::heap_calls();
    std::size_t size = 0;
    std::size_t back = 0;
    {
      const MutableBytes region =
          encoder_memory.bytes().first(zstd_encoder_workspace_bytes(params));
      const Placed<Encoder> encoder(*place_zstd_encoder(params, region));
      size = encoder->step(input, out, Flush::finish)->produced;
    }
    {
      const auto header = parse_zstd_frame_header(Bytes(out).first(size), true);
      const Placed<Decoder> decoder(
          *place_zstd_decoder(**header, params.dictionary, decoder_memory.bytes()));
      std::byte piece[1000];
      for (std::size_t at = 0;;) {
        const auto stepped = decoder->step(Bytes(out).subspan(at, size - at), piece, Flush::finish);
        at += stepped->consumed;
        back += stepped->produced;
        if (stepped->state == StepState::done) break;
      }
    }
    EXPECT_EQ(back, input.size());
    return test::heap_calls() - before;
  };
  for (const int level : {1, 3, 9, 13, 19}) {
    for (const bool whole : {false, true}) {
      EXPECT_EQ(counted(zstd_params(level, std::nullopt, 0, whole)), 0u) << level;
      EXPECT_EQ(counted(zstd_params(level, input.size(), 0, whole)), 0u) << level;
    }
  }
}

// libzstd's own streaming decoder takes this for a good frame.
TEST(ZstdCodecTest, ComparesTheDeclaredSizeAlsoBehindAnEmptyLastBlock) {
  const Buffer frame = test::bytes_of({0x28, 0xB5, 0x2F, 0xFD, 0x20, 0x10, 0x01, 0x00, 0x00});
  for (const std::size_t in : test::kSeamSizes) {
    for (const std::size_t out : {std::size_t{8}, std::size_t{64}}) {
      const auto got = decode(frame, {in, out});
      ASSERT_FALSE(got.has_value()) << in << "/" << out;
      EXPECT_EQ(got.error().code, Errc::corrupt_input);
    }
  }
}

}  // namespace
}  // namespace frdpu::core

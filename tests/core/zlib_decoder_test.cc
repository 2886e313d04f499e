#include <gtest/gtest.h>
#include <libdeflate.h>

#include "core/workspace.h"
#include "core/zlib_codec.h"
#include "core/zlib_frame_header.h"
#include "tests/support/codec_driver.h"
#include "tests/support/heap_counter.h"
#include "tests/support/zlib_oracle.h"

namespace frdpu::core {
namespace {

using test::AlignedRegion;
using test::Buffer;
using test::Cut;
using test::Placed;

Result<FrameHeader> header_of(Coding coding, Bytes input) {
  auto header =
      coding == Coding::gzip ? parse_gzip_header(input, true) : parse_zlib_header(input, true);
  if (!header) return std::unexpected(header.error());
  return **header;
}

Result<test::Driven> decode_with(const FrameHeader& header, Bytes input, Cut cut = {}) {
  const AlignedRegion region(zlib_decoder_workspace_bytes(header));
  auto placed = place_zlib_decoder(header, nullptr, region.bytes());
  if (!placed) return std::unexpected(placed.error());
  const Placed<Decoder> decoder(*placed);
  return test::drive(*decoder, input, cut);
}

Result<test::Driven> decode(Coding coding, Bytes input, Cut cut = {}) {
  const auto header = header_of(coding, input);
  if (!header) return std::unexpected(header.error());
  return decode_with(*header, input, cut);
}

Errc code_of(const Result<test::Driven>& result) {
  return result ? Errc::not_found : result.error().code;
}

// One member with the given flags and fields behind the fixed part.
Buffer gzip_member(Bytes content, int flags, Bytes fields, bool header_checksum = false) {
  Buffer member = test::bytes_of({0x1F, 0x8B, 8, flags, 1, 2, 3, 4, 2, 3});
  member.insert(member.end(), fields.begin(), fields.end());
  if (header_checksum) {
    const std::uint32_t sum = libdeflate_crc32(0, member.data(), member.size());
    member.push_back(static_cast<std::byte>(sum & 0xFF));
    member.push_back(static_cast<std::byte>(sum >> 8 & 0xFF));
  }
  const Buffer plain = test::zlib_encode(content, 6, test::kGzipBits);
  member.insert(member.end(), plain.begin() + 10, plain.end());
  return member;
}

TEST(ZlibDecoderTest, ReadsWhatZlibAndLibdeflateWrite) {
  for (const std::size_t size : {0uz, 1uz, 1400uz, 65535uz, 65536uz, 65537uz, 300000uz}) {
    for (const test::Sample& sample : test::synthetic_samples(size)) {
      Buffer by_libdeflate(size + 1000);
      libdeflate_compressor* const compressor = libdeflate_alloc_compressor(9);
      by_libdeflate.resize(libdeflate_gzip_compress(compressor, sample.bytes.data(), size,
                                                    by_libdeflate.data(), by_libdeflate.size()));
      libdeflate_free_compressor(compressor);
      const Buffer gzip = test::zlib_encode(sample.bytes, 6, test::kGzipBits);
      const Buffer zlib = test::zlib_encode(sample.bytes, 6, test::kZlibBits);
      const Buffer raw = test::zlib_encode(sample.bytes, 6, test::kRawBits);
      const std::pair<Coding, Bytes> rows[] = {{Coding::gzip, gzip},
                                               {Coding::gzip, by_libdeflate},
                                               {Coding::deflate, zlib},
                                               {Coding::deflate, raw}};
      for (const auto& [coding, frame] : rows) {
        for (const std::size_t out : {1500uz, SIZE_MAX}) {
          const auto got = decode(coding, frame, {.input_bytes = 65536, .output_bytes = out});
          ASSERT_TRUE(got.has_value()) << sample << got.error().detail;
          EXPECT_EQ(got->output, sample.bytes) << sample;
          EXPECT_EQ(got->consumed, frame.size());
        }
      }
    }
  }
}

TEST(ZlibDecoderTest, DecodesAtEverySeamAndLeavesWhatFollows) {
  const Buffer input = test::json_like(3000);
  const std::pair<Coding, Buffer> rows[] = {
      {Coding::gzip,
       gzip_member(input, 0x1E, test::to_buffer(std::string_view("\x03\0abcname\0comment\0", 18)),
                   true)},
      {Coding::deflate, test::zlib_encode(input, 9, test::kZlibBits)},
      {Coding::deflate, test::zlib_encode(input, 9, test::kRawBits)}};
  for (const auto& [coding, frame] : rows) {
    Buffer more = frame;
    more.insert(more.end(), 20, std::byte{0xAA});
    for (const std::size_t in : test::kSeamSizes) {
      for (const std::size_t out : test::kSeamSizes) {
        const auto got = decode(coding, more, {in, out});
        ASSERT_TRUE(got.has_value()) << in << "/" << out << got.error().detail;
        EXPECT_EQ(got->output, input);
        EXPECT_EQ(got->consumed, frame.size());
      }
    }
  }
}

TEST(ZlibDecoderTest, PassesOverHeaderFieldsOfAnyLength) {
  const Buffer input = test::text_like(500);
  Buffer extra = test::bytes_of({0xFF, 0xFF});
  const Buffer body = test::random_bytes(65535);
  extra.insert(extra.end(), body.begin(), body.end());
  Buffer name(100000, std::byte{'n'});
  name.push_back(std::byte{0});
  Buffer all = extra;
  all.insert(all.end(), name.begin(), name.end());
  all.insert(all.end(), name.begin(), name.end());
  struct Row {
    const char* what;
    int flags;
    Buffer fields;
    bool checksum;
  };
  const Row rows[] = {
      {"text flag", 0x01, {}, false},      {"empty extra", 0x04, test::bytes_of({0, 0}), false},
      {"long extra", 0x04, extra, false},  {"empty name", 0x08, test::bytes_of({0}), false},
      {"long name", 0x08, name, false},    {"long comment", 0x10, name, false},
      {"header checksum", 0x02, {}, true}, {"everything", 0x1F, all, true}};
  for (const Row& row : rows) {
    const Buffer member = gzip_member(input, row.flags, row.fields, row.checksum);
    ASSERT_TRUE(test::zlib_decode(member, test::kGzipBits).has_value()) << row.what;
    for (const std::size_t in : {1000uz, SIZE_MAX}) {
      const auto got = decode(Coding::gzip, member, {.input_bytes = in});
      ASSERT_TRUE(got.has_value()) << row.what << got.error().detail;
      EXPECT_EQ(got->output, input) << row.what;
    }
  }
}

TEST(ZlibDecoderTest, RefusesBrokenHeaders) {
  const Buffer input = test::text_like(500);
  const FrameHeader gzip{.coding = Coding::gzip};
  const FrameHeader zlib{.coding = Coding::deflate};
  Buffer bad_sum = gzip_member(input, 0x0A, test::bytes_of({'n', 0}), true);
  bad_sum[12] ^= std::byte{1};
  struct Row {
    const char* what;
    FrameHeader header;
    Buffer frame;
    Errc code;
    std::uint64_t offset;
  };
  const Row rows[] = {
      {"no magic", gzip, test::bytes_of({0x1F, 0x8C, 8, 0, 0, 0, 0, 0, 0, 0}), Errc::corrupt_input,
       10},
      {"method 7", gzip, test::bytes_of({0x1F, 0x8B, 7, 0, 0, 0, 0, 0, 0, 0}), Errc::corrupt_input,
       10},
      {"reserved flag", gzip, test::bytes_of({0x1F, 0x8B, 8, 0x20, 0, 0, 0, 0, 0, 0}),
       Errc::corrupt_input, 10},
      {"header checksum", gzip, bad_sum, Errc::checksum_mismatch, 14},
      {"zlib check bits", zlib, test::bytes_of({0x78, 0x9D}), Errc::corrupt_input, 2},
      {"zlib method", zlib, test::bytes_of({0x77, 0x85}), Errc::corrupt_input, 2},
      {"zlib window", zlib, test::bytes_of({0x88, 0x1C}), Errc::corrupt_input, 2},
      {"preset dictionary", zlib, test::bytes_of({0x78, 0xBB, 1, 2, 3, 4}),
       Errc::missing_dictionary, 2},
  };
  for (const Row& row : rows) {
    for (const std::size_t in : {1uz, SIZE_MAX}) {
      const auto got = decode_with(row.header, row.frame, {.input_bytes = in});
      EXPECT_EQ(code_of(got), row.code) << row.what;
      if (!got) {
        EXPECT_EQ(got.error().offset, row.offset) << row.what;
      }
    }
  }
  FrameHeader with_dictionary = zlib;
  with_dictionary.dictionary_id = 1;
  EXPECT_EQ(code_of(decode_with(with_dictionary, {})), Errc::missing_dictionary);
}

TEST(ZlibDecoderTest, ChecksContentAgainstTheTrailer) {
  const Buffer input = test::text_like(2000);
  const std::pair<Coding, int> rows[] = {{Coding::gzip, test::kGzipBits},
                                         {Coding::deflate, test::kZlibBits}};
  for (const auto& [coding, bits] : rows) {
    const Buffer frame = test::zlib_encode(input, 6, bits);
    for (std::size_t back = 1; back <= (coding == Coding::gzip ? 8u : 4u); ++back) {
      Buffer broken = frame;
      broken[broken.size() - back] ^= std::byte{0x10};
      const auto got = decode(coding, broken);
      EXPECT_EQ(code_of(got), Errc::checksum_mismatch) << back;
      EXPECT_EQ(got.error().offset, frame.size());
    }
  }
}

TEST(ZlibDecoderTest, FindsEveryTruncation) {
  const Buffer input = test::json_like(400);
  const std::pair<Coding, Buffer> rows[] = {
      {Coding::gzip, gzip_member(input, 0x0A, test::bytes_of({'n', 0}), true)},
      {Coding::deflate, test::zlib_encode(input, 6, test::kZlibBits)},
      {Coding::deflate, test::zlib_encode(input, 6, test::kRawBits)}};
  for (const auto& [coding, frame] : rows) {
    const auto header = header_of(coding, frame);
    ASSERT_TRUE(header.has_value());
    for (std::size_t size = 0; size < frame.size(); ++size) {
      for (const std::size_t in : {7uz, SIZE_MAX}) {
        const auto got = decode_with(*header, Bytes(frame).first(size), {.input_bytes = in});
        ASSERT_EQ(code_of(got), Errc::truncated_input) << "cut at " << size;
        EXPECT_EQ(got.error().offset, size);
      }
      const auto whole = decode(coding, Bytes(frame).first(size));
      EXPECT_FALSE(whole.has_value()) << "cut at " << size;
    }
  }
}

TEST(ZlibDecoderTest, NoFlippedBitGivesOtherContent) {
  const Buffer input = test::json_like(700);
  const Buffer frame = test::zlib_encode(input, 6, test::kGzipBits);
  for (std::size_t bit = 0; bit < frame.size() * 8; ++bit) {
    Buffer broken = frame;
    broken[bit / 8] ^= static_cast<std::byte>(1u << (bit % 8));
    const auto got = decode_with({.coding = Coding::gzip}, broken);
    const auto expected = test::zlib_decode(broken, test::kGzipBits);
    ASSERT_EQ(got.has_value(), expected.has_value()) << "bit " << bit;
    if (got) {
      EXPECT_EQ(got->output, input) << "bit " << bit;
    }
  }
}

TEST(ZlibDecoderTest, DecodesLongBodiesInSmallSteps) {
  for (const Buffer& input : {test::zeros(8 * kMiB), test::random_bytes(8 * kMiB)}) {
    const Buffer frame = test::zlib_encode(input, 1, test::kGzipBits);
    const auto got = decode(Coding::gzip, frame, {.input_bytes = 65536, .output_bytes = 65536});
    ASSERT_TRUE(got.has_value()) << got.error().detail;
    EXPECT_EQ(got->output, input);
  }
}

TEST(ZlibDecoderTest, NeedsLittleMemoryAndSaysSo) {
  const FrameHeader header{.coding = Coding::gzip};
  EXPECT_LE(zlib_decoder_workspace_bytes(header), 56 * kKiB);
  const AlignedRegion small(zlib_decoder_workspace_bytes(header) - 512);
  const auto placed = place_zlib_decoder(header, nullptr, small.bytes());
  ASSERT_FALSE(placed.has_value());
  EXPECT_EQ(placed.error().code, Errc::invalid_size);
}

TEST(ZlibDecoderTest, AllocatesNothing) {
  if (!test::heap_calls_are_counted()) GTEST_SKIP() << "a sanitizer brings its own allocator";
  const Buffer input = test::text_like(100000);
  const Buffer frame = test::zlib_encode(input, 6, test::kGzipBits);
  Buffer out(input.size());
  const AlignedRegion region(kMiB);
  const std::uint64_t before = test::heap_calls();
  const auto header = parse_gzip_header(frame, false);
  const auto placed = place_zlib_decoder(**header, nullptr, region.bytes());
  const auto stepped = (*placed)->step(frame, out, Flush::none);
  (*placed)->~Decoder();
  EXPECT_EQ(test::heap_calls() - before, 0u);
  EXPECT_EQ(stepped->state, StepState::done);
}

struct HeaderRow {
  const char* what;
  Coding coding;
  std::vector<int> bytes;
  bool ends;
  std::optional<Errc> error;  // absent: a header, or more bytes are needed
  bool needs_more;
};

TEST(ZlibFrameHeaderTest, DecidesByTheFirstBytes) {
  const HeaderRow rows[] = {
      {"empty", Coding::gzip, {}, false, {}, true},
      {"empty and over", Coding::gzip, {}, true, Errc::truncated_input, false},
      {"wrong first byte", Coding::gzip, {0x1E}, false, Errc::corrupt_input, false},
      {"wrong method", Coding::gzip, {0x1F, 0x8B, 9}, false, Errc::corrupt_input, false},
      {"nine bytes", Coding::gzip, {0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0}, false, {}, true},
      {"nine bytes and over",
       Coding::gzip,
       {0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0},
       true,
       Errc::truncated_input,
       false},
      {"reserved flags",
       Coding::gzip,
       {0x1F, 0x8B, 8, 0x80, 0, 0, 0, 0, 0, 0},
       false,
       Errc::corrupt_input,
       false},
      {"complete", Coding::gzip, {0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 0}, false, {}, false},
      {"name goes on", Coding::gzip, {0x1F, 0x8B, 8, 8, 0, 0, 0, 0, 0, 0, 'a'}, false, {}, false},
      {"name cut off",
       Coding::gzip,
       {0x1F, 0x8B, 8, 8, 0, 0, 0, 0, 0, 0, 'a'},
       true,
       Errc::truncated_input,
       false},
      {"empty", Coding::deflate, {}, false, {}, true},
      {"one byte", Coding::deflate, {0x78}, false, {}, true},
      {"one byte and over", Coding::deflate, {0x78}, true, Errc::truncated_input, false},
      {"zlib", Coding::deflate, {0x78, 0x9C}, false, {}, false},
      {"dictionary to come", Coding::deflate, {0x78, 0xBB}, false, {}, true},
      {"raw", Coding::deflate, {0x03, 0x00}, false, {}, false},
  };
  for (const HeaderRow& row : rows) {
    Buffer bytes;
    for (const int value : row.bytes) bytes.push_back(static_cast<std::byte>(value));
    const auto got = row.coding == Coding::gzip ? parse_gzip_header(bytes, row.ends)
                                                : parse_zlib_header(bytes, row.ends);
    ASSERT_EQ(got.has_value(), !row.error.has_value()) << to_string(row.coding) << ": " << row.what;
    if (row.error) {
      EXPECT_EQ(got.error().code, *row.error) << row.what;
    } else {
      EXPECT_EQ(!got->has_value(), row.needs_more) << to_string(row.coding) << ": " << row.what;
    }
  }
}

TEST(ZlibFrameHeaderTest, SaysWhatTheFormatsSay) {
  const auto gzip = **parse_gzip_header(
      test::bytes_of({0x1F, 0x8B, 8, 8, 0, 0, 0, 0, 0, 0, 'a', 'b', 0, 3, 0}), false);
  EXPECT_EQ(gzip.coding, Coding::gzip);
  EXPECT_EQ(gzip.window_bytes, 32768u);
  EXPECT_EQ(gzip.header_bytes, 13u);
  EXPECT_EQ(gzip.checksum, true);
  EXPECT_FALSE(gzip.content_bytes.has_value());
  EXPECT_EQ(gzip.workspace_bytes, zlib_decoder_workspace_bytes(gzip));

  const auto zlib = **parse_zlib_header(test::bytes_of({0x58, 0x85}), false);
  EXPECT_EQ(zlib.window_bytes, 8192u);
  EXPECT_EQ(zlib.header_bytes, 2u);
  EXPECT_FALSE(zlib.raw);

  const auto named = **parse_zlib_header(test::bytes_of({0x78, 0xBB, 1, 2, 3, 4}), false);
  EXPECT_EQ(named.dictionary_id, 0x01020304u);

  const auto raw = **parse_zlib_header(test::bytes_of({0x03, 0x00}), false);
  EXPECT_TRUE(raw.raw);
  EXPECT_EQ(raw.checksum, false);
  EXPECT_EQ(raw.header_bytes, 0u);
}

}  // namespace
}  // namespace frdpu::core

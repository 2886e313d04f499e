#include <gtest/gtest.h>

#include <optional>

#include "core/zstd_codec.h"
#include "tests/support/zstd_helpers.h"

namespace frdpu::core {
namespace {

using namespace zstd_test;
using test::Buffer;

TEST(ZstdFrameHeaderTest, AsksForMoreUntilTheHeaderIsThere) {
  const Buffer frame = library_encode(test::zeros(100000), 3);
  const auto full = parse_zstd_frame_header(frame, true);
  ASSERT_TRUE(full.has_value() && full->has_value());
  const std::size_t header_bytes = (*full)->header_bytes;
  for (std::size_t size = 0; size < header_bytes; ++size) {
    const auto more = parse_zstd_frame_header(Bytes(frame).first(size), false);
    ASSERT_TRUE(more.has_value()) << size;
    EXPECT_FALSE(more->has_value()) << size;
    const auto cut = parse_zstd_frame_header(Bytes(frame).first(size), true);
    ASSERT_FALSE(cut.has_value());
    EXPECT_EQ(cut.error().code, Errc::truncated_input);
    EXPECT_EQ(cut.error().offset, size);
  }
  EXPECT_TRUE(parse_zstd_frame_header(Bytes(frame).first(header_bytes), false)->has_value());
}

TEST(ZstdFrameHeaderTest, ReadsTheTable) {
  struct Row {
    const char* name;
    Buffer bytes;
    std::optional<Errc> error;
    FrameHeader header;
  };
  const Row rows[] = {
      {"window byte, nothing else",
       test::bytes_of({0x28, 0xB5, 0x2F, 0xFD, 0x00, 0x58}),
       {},
       {.window_bytes = 2u << 20, .checksum = false, .header_bytes = 6}},
      {"single segment",
       test::bytes_of({0x28, 0xB5, 0x2F, 0xFD, 0x24, 0x07}),
       {},
       {.window_bytes = 7, .content_bytes = 7, .checksum = true, .header_bytes = 6}},
      {"dictionary id of two bytes",
       test::bytes_of({0x28, 0xB5, 0x2F, 0xFD, 0x02, 0x00, 0x34, 0x12}),
       {},
       {.window_bytes = 1024, .dictionary_id = 0x1234, .checksum = false, .header_bytes = 8}},
      {"skippable",
       test::bytes_of({0x5A, 0x2A, 0x4D, 0x18, 0x05, 0x01, 0x00, 0x00}),
       {},
       {.content_bytes = 261, .skippable = true, .header_bytes = 8}},
      {"reserved bit",
       test::bytes_of({0x28, 0xB5, 0x2F, 0xFD, 0x08, 0x58}),
       Errc::corrupt_input,
       {}},
      {"window of 2^41",
       test::bytes_of({0x28, 0xB5, 0x2F, 0xFD, 0x00, 0xF8}),
       Errc::window_too_large,
       {}},
      {"other magic",
       test::bytes_of({0x28, 0xB5, 0x2F, 0xFC, 0x00, 0x58}),
       Errc::corrupt_input,
       {}},
      {"other magic, two bytes", test::bytes_of({0x28, 0xB4}), Errc::corrupt_input, {}},
      {"format of 2015",
       test::bytes_of({0x25, 0xB5, 0x2F, 0xFD, 0x00, 0x58}),
       Errc::corrupt_input,
       {}},
  };
  for (const Row& row : rows) {
    const auto parsed = parse_zstd_frame_header(row.bytes, true);
    if (row.error) {
      ASSERT_FALSE(parsed.has_value()) << row.name;
      EXPECT_EQ(parsed.error().code, *row.error) << row.name;
      continue;
    }
    ASSERT_TRUE(parsed.has_value() && parsed->has_value()) << row.name;
    const FrameHeader& header = **parsed;
    EXPECT_EQ(header.window_bytes, row.header.window_bytes) << row.name;
    EXPECT_EQ(header.content_bytes, row.header.content_bytes) << row.name;
    EXPECT_EQ(header.dictionary_id, row.header.dictionary_id) << row.name;
    EXPECT_EQ(header.checksum, row.header.checksum) << row.name;
    EXPECT_EQ(header.skippable, row.header.skippable) << row.name;
    EXPECT_EQ(header.header_bytes, row.header.header_bytes) << row.name;
    EXPECT_EQ(header.workspace_bytes, zstd_decoder_workspace_bytes(header)) << row.name;
  }
}

TEST(ZstdFrameHeaderTest, NoDeclaredSizeOverflowsTheWorkspace) {
  for (const std::uint64_t size : {UINT64_MAX - 1, UINT64_MAX - 100000, std::uint64_t{1} << 63,
                                   (std::uint64_t{1} << 31) + 1}) {
    const FrameHeader header{
        .coding = Coding::zstd, .window_bytes = size, .content_bytes = size, .header_bytes = 13};
    EXPECT_GT(zstd_decoder_workspace_bytes(header), std::size_t{1} << 31);
  }
}

}  // namespace
}  // namespace frdpu::core

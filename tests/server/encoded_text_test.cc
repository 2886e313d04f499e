#include "server/encoded_text.h"

#include <gtest/gtest.h>
#include <zlib.h>
#include <zstd.h>

#include <string>

namespace frdpu::server {
namespace {

std::string sample(std::size_t lines) {
  std::string text;
  for (std::size_t i = 0; i < lines; ++i) text += "frdpu_pool_blocks{pool=\"64k\"} 8192\n";
  return text;
}

TEST(EncodedTextTest, GzipComesBackFromZlib) {
  const std::string text = sample(2000);
  const auto encoded = encoded_text(core::Coding::gzip, text);
  ASSERT_TRUE(encoded);
  EXPECT_LT(encoded->size(), text.size() / 10);
  std::string back(text.size(), '\0');
  z_stream stream{};
  ASSERT_EQ(inflateInit2(&stream, 15 + 16), Z_OK);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(encoded->data()));
  stream.avail_in = static_cast<uInt>(encoded->size());
  stream.next_out = reinterpret_cast<Bytef*>(back.data());
  stream.avail_out = static_cast<uInt>(back.size());
  EXPECT_EQ(inflate(&stream, Z_FINISH), Z_STREAM_END);
  inflateEnd(&stream);
  EXPECT_EQ(back, text);
}

TEST(EncodedTextTest, ZstdComesBackFromLibzstd) {
  const std::string text = sample(2000);
  const auto encoded = encoded_text(core::Coding::zstd, text);
  ASSERT_TRUE(encoded);
  std::string back(text.size(), '\0');
  EXPECT_EQ(ZSTD_decompress(back.data(), back.size(), encoded->data(), encoded->size()),
            text.size());
  EXPECT_EQ(back, text);
}

TEST(EncodedTextTest, EveryCodingTakesAnyLength) {
  for (const core::CodingTraits& coding : core::all_codings()) {
    for (const std::size_t lines : {0u, 1u, 10'000u}) {
      const auto encoded = encoded_text(coding.coding, sample(lines));
      EXPECT_TRUE(encoded) << coding.name << " " << lines;
    }
  }
}

}  // namespace
}  // namespace frdpu::server

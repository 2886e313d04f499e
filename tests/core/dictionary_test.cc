#include "core/dictionary.h"

#include <gtest/gtest.h>

namespace frdpu::core {
namespace {

TEST(DictionaryTest, ReadsTheIdOfZstdsFormat) {
  const std::string_view text("\x37\xA4\x30\xEC\x78\x56\x34\x12 entropy tables", 23);
  EXPECT_EQ(Dictionary::declared_id(as_bytes(text)), 0x12345678u);
  EXPECT_TRUE(Dictionary(as_bytes(text), 0x12345678).is_zstd_format());
}

TEST(DictionaryTest, TakesEverythingElseForRawContent) {
  const std::string_view format("\x37\xA4\x30\xEC\x78\x56\x34", 7);  // one byte short
  // RFC 8878, 5: an id can be any value except 0.
  const std::string_view no_id("\x37\xA4\x30\xEC\0\0\0\0 entropy tables", 23);
  for (const std::string_view text :
       {std::string_view{}, std::string_view("raw content"), format, no_id}) {
    EXPECT_EQ(Dictionary::declared_id(as_bytes(text)), std::nullopt);
    EXPECT_FALSE(Dictionary(as_bytes(text), 5).is_zstd_format());
  }
}

}  // namespace
}  // namespace frdpu::core

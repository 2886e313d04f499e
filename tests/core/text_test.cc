#include "core/text.h"

#include <gtest/gtest.h>

#include <string>

namespace frdpu::core {
namespace {

TEST(TextTest, ComparesWhateverTheCase) {
  EXPECT_TRUE(equals_ignoring_case("", ""));
  EXPECT_TRUE(equals_ignoring_case("Chunked", "cHUNKED"));
  EXPECT_FALSE(equals_ignoring_case("chunke", "chunked"));
  EXPECT_FALSE(equals_ignoring_case("[", "{"));  // differ by the bit that letters' case differs by
}

// Every octet at every place of every length around those at which words begin and end.
TEST(TextTest, ComparesEachOctetWhateverItsCase) {
  const auto small = [](int octet) { return octet >= 'A' && octet <= 'Z' ? octet + 32 : octet; };
  for (std::size_t size = 1; size <= 25; ++size) {
    for (std::size_t at = 0; at < size; ++at) {
      for (int octet = 0; octet < 256; ++octet) {
        const char other = octet == 0 ? 'k' : static_cast<char>(octet ^ 0x20);
        std::string a(size, 'x');
        std::string b(size, 'X');
        a[at] = static_cast<char>(octet);
        b[at] = other;
        const bool same = small(octet) == small(static_cast<unsigned char>(other));
        ASSERT_EQ(equals_ignoring_case(a, b), same) << size << ' ' << at << ' ' << octet;
        b[at] = a[at];
        ASSERT_TRUE(equals_ignoring_case(a, b)) << size << ' ' << at << ' ' << octet;
      }
    }
  }
}

}  // namespace
}  // namespace frdpu::core

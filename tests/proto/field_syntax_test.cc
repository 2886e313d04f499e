#include "proto/field_syntax.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace frdpu::proto {
namespace {

TEST(FieldSyntaxTest, KnowsTokens) {
  for (const char* good : {"a", "gzip", "x-gzip", "!#$%&'*+-.^_`|~", "0"}) {
    EXPECT_TRUE(is_token(good)) << good;
  }
  for (const char* bad : {"", " ", "a b", "a,b", "a;b", "\"a\"", "a/b", "a:b", "\xc3\xa9", "a\t"}) {
    EXPECT_FALSE(is_token(bad)) << bad;
  }
  EXPECT_FALSE(is_token(std::string_view("a\0", 2)));
}

TEST(FieldSyntaxTest, KnowsFieldValues) {
  EXPECT_TRUE(is_field_value(""));
  EXPECT_TRUE(is_field_value("a b\tc \xff"));
  for (const std::string_view bad : {std::string_view("a\r\nb"), std::string_view("a\n"),
                                     std::string_view("\0", 1), std::string_view("\x7f")}) {
    EXPECT_FALSE(is_field_value(bad));
  }
}

TEST(FieldSyntaxTest, FindsEveryControlAtEveryPlace) {
  for (std::size_t size = 0; size <= 33; ++size) {
    EXPECT_EQ(find_control(std::string(size, '~')), std::string::npos);
    for (std::size_t at = 0; at < size; ++at) {
      for (int octet = 0; octet < 256; ++octet) {
        std::string text(size, octet % 2 == 0 ? ' ' : '\x80');
        text[at] = static_cast<char>(octet);
        const bool control = (octet < 0x20 && octet != '\t') || octet == 0x7F;
        ASSERT_EQ(find_control(text), control ? at : std::string::npos) << octet;
      }
    }
  }
  EXPECT_EQ(find_control("\t\t\t\t\t\t\t\t\x01\x02"), 8u);
}

TEST(FieldSyntaxTest, SplitsLists) {
  struct Row {
    const char* text;
    std::vector<std::string> elements;
  };
  const Row rows[] = {
      {"", {""}},
      {"a", {"a"}},
      {"a,b", {"a", "b"}},
      {" a ,\tb ", {"a", "b"}},
      {"a,", {"a", ""}},
      {",a", {"", "a"}},
      {",", {"", ""}},
      {"a b", {"a b"}},
      {"a, ,b", {"a", "", "b"}},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.text);
    ListElements list(row.text);
    std::vector<std::string> elements;
    while (const auto element = list.next()) elements.emplace_back(*element);
    EXPECT_EQ(elements, row.elements);
  }
}

TEST(FieldSyntaxTest, AnEmptyListHasOneElementWhereverItLies) {
  for (const std::string_view empty : {std::string_view(), std::string_view(""), trim(" \t")}) {
    ListElements list(empty);
    EXPECT_EQ(list.next(), "");
    EXPECT_EQ(list.next(), std::nullopt);
  }
}

TEST(FieldSyntaxTest, Trims) {
  EXPECT_EQ(trim(" \ta b\t "), "a b");
  EXPECT_EQ(trim(" \t"), "");
  EXPECT_EQ(without_parameters("text/plain ; charset=utf-8"), "text/plain");
  EXPECT_EQ(without_parameters("text/plain"), "text/plain");
}

}  // namespace
}  // namespace frdpu::proto

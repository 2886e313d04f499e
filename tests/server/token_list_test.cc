#include "server/token_list.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace frdpu::server {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(TokenListTest, TakesOneTokenALine) {
  const auto list = TokenList::parse(
      "# alice, since March\n"
      "alice-token-0123456789\n"
      "\n"
      "   \t\r\n"
      "  bob.token_0123456789~+/==  \r\n"
      "#carol-token-0123456789\n"
      "last-token-without-line-end");
  ASSERT_TRUE(list) << list.error();
  EXPECT_EQ(list->size(), 3u);
  EXPECT_FALSE(list->has_short_tokens());
  for (const char* token :
       {"alice-token-0123456789", "bob.token_0123456789~+/==", "last-token-without-line-end"}) {
    EXPECT_TRUE(list->contains(token)) << token;
  }
  for (const char* token :
       {"", "alice-token-012345678", "alice-token-01234567890", "Alice-token-0123456789",
        " alice-token-0123456789", "carol-token-0123456789", "#carol-token-0123456789",
        "bob.token_0123456789~+/==  ", "last-token-without-line-end\n"}) {
    EXPECT_FALSE(list->contains(token)) << "'" << token << "'";
  }
}

TEST(TokenListTest, RefusesWhatNobodyCouldSendAndSaysNoneOfIt) {
  struct Row {
    std::string text;
    const char* why;
  };
  const std::string nul("token\0token", 11);
  for (const Row& row :
       {Row{"", "there is no token"}, Row{"\n# only words\n \n", "there is no token"},
        Row{"good-token\nsecret token\n", "line 2 holds a character"},
        Row{"\n\n\"secret\"", "line 3 holds a character"}, Row{"secr\xc3\xa9t", "line 1 holds"},
        Row{nul, "line 1 holds"}, Row{"secret # comment", "line 1 holds"}}) {
    const auto list = TokenList::parse(row.text);
    ASSERT_FALSE(list) << row.text;
    EXPECT_THAT(list.error(), HasSubstr(row.why));
    EXPECT_THAT(list.error(), Not(HasSubstr("secr")));
  }
}

TEST(TokenListTest, HoldsAThousandAndNoMore) {
  std::string text;
  for (int i = 0; i < 1000; ++i) text += "token-number-" + std::to_string(i) + "-of-many\n";
  const auto list = TokenList::parse(text);
  ASSERT_TRUE(list) << list.error();
  for (const int i : {0, 1, 499, 998, 999}) {
    EXPECT_TRUE(list->contains("token-number-" + std::to_string(i) + "-of-many")) << i;
  }
  EXPECT_FALSE(list->contains("token-number-1000-of-many"));
  EXPECT_FALSE(TokenList::parse(text + "one-more"));
}

TEST(TokenListTest, SaysThatATokenIsShort) {
  EXPECT_TRUE(TokenList::parse("0123456789abcdef\nshort")->has_short_tokens());
  EXPECT_FALSE(TokenList::parse("0123456789abcdef")->has_short_tokens());
}

}  // namespace
}  // namespace frdpu::server

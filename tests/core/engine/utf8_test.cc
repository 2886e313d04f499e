#include "core/engine/utf8.h"

#include <gtest/gtest.h>

#include <string>

namespace frdpu::test {
namespace {

using namespace std::string_literals;

TEST(Utf8Test, TellsTextFromBytes) {
  struct Row {
    const char* name;
    std::string text;
    bool valid;
  };
  const Row rows[] = {
      {"empty", "", true},
      {"ascii", "plain text, longer than eight bytes", true},
      {"two bytes", "\xC3\xA4", true},
      {"three bytes", "\xE2\x82\xAC", true},
      {"four bytes", "\xF0\x9F\x98\x80", true},
      {"last code point", "\xF4\x8F\xBF\xBF", true},
      {"before the surrogates", "\xED\x9F\xBF", true},
      {"behind the surrogates", "\xEE\x80\x80", true},
      {"nul", "\0"s, true},
      {"lone continuation", "\x80", false},
      {"overlong slash", "\xC0\xAF", false},
      {"overlong in two", "\xC1\xBF", false},
      {"overlong in three", "\xE0\x9F\xBF", false},
      {"overlong in four", "\xF0\x8F\xBF\xBF", false},
      {"surrogate", "\xED\xA0\x80", false},
      {"above the last", "\xF4\x90\x80\x80", false},
      {"five bytes", "\xF8\x88\x80\x80\x80", false},
      {"cut in two", "\xC3", false},
      {"cut in three", "\xE2\x82", false},
      {"cut in four", "\xF0\x9F\x98", false},
      {"lead behind lead", "\xC3\xC3", false},
      {"bad third", "\xE2\x82\x28", false},
      {"bad fourth", "\xF0\x9F\x98\x28", false},
      {"bad byte behind ascii", "sixteen bytes...\xFF", false},
      {"ff", "\xFF", false},
  };
  for (const Row& row : rows) {
    EXPECT_EQ(core::is_utf8(core::as_bytes(row.text)), row.valid) << row.name;
    // The same at each place within eight bytes of ASCII.
    for (std::size_t before = 1; before <= 8; ++before) {
      const std::string padded = std::string(before, 'x') + row.text + "yz";
      EXPECT_EQ(core::is_utf8(core::as_bytes(padded)), row.valid) << row.name << " at " << before;
    }
  }
}

}  // namespace
}  // namespace frdpu::test

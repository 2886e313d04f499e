#include "server/log_line.h"

#include <gtest/gtest.h>

#include <array>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>

namespace frdpu::server {
namespace {

using std::chrono::milliseconds;
using std::chrono::system_clock;

const system_clock::time_point kTime{std::chrono::sys_days{std::chrono::year{2026} / 11 / 21} +
                                     std::chrono::hours(3) + milliseconds(4005)};

std::string render(LogFormat format, std::string_view message, std::vector<LogField> fields,
                   std::size_t room = kLogLineBytes) {
  std::string buffer(room, '#');
  return std::string(render_log_line(buffer, format, kTime, LogLevel::warning, message, fields));
}

TEST(LogLineTest, LogfmtQuotesOnlyWhatNeedsIt) {
  struct Row {
    const char* name;
    LogField field;
    const char* text;
  };
  const Row rows[] = {
      {"bare", {"k", "127.0.0.1:80"}, "k=127.0.0.1:80"},
      {"space", {"k", "a b"}, R"(k="a b")"},
      {"empty", {"k", ""}, R"(k="")"},
      {"equals", {"k", "a=b"}, R"(k="a=b")"},
      {"quote", {"k", "a\"b\\"}, R"(k="a\"b\\")"},
      {"line break", {"k", "a\nlevel=error"}, R"(k="a\nlevel=error")"},
      {"terminal escape", {"k", "\x1b[2J"}, R"(k="\u001b[2J")"},
      {"zero", {"k", std::string_view("\0", 1)}, R"(k="\u0000")"},
      {"utf-8", {"k", "grün"}, R"(k="grün")"},
      {"C1 control", {"k", "\xc2\x9b"}, R"(k="\ufffd\ufffd")"},
      {"broken utf-8", {"k", "\xff\xe2\x82"}, R"(k="\ufffd\ufffd\ufffd")"},
      {"overlong", {"k", "\xc0\xaf"}, R"(k="\ufffd\ufffd")"},
      {"surrogate", {"k", "\xed\xa0\x80"}, R"(k="\ufffd\ufffd\ufffd")"},
      {"number", {"k", 42}, "k=42"},
      {"negative", {"k", -42L}, "k=-42"},
      {"large", {"k", std::numeric_limits<std::uint64_t>::max()}, "k=18446744073709551615"},
      {"real", {"k", 0.25}, "k=0.25"},
      {"no number", {"k", std::numeric_limits<double>::infinity()}, "k=null"},
      {"flag", {"k", true}, "k=true"},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.name);
    EXPECT_EQ(
        render(LogFormat::logfmt, "event", {row.field}),
        std::string("time=2026-11-21T03:00:04.005Z level=warning msg=event ") + row.text + "\n");
  }
}

TEST(LogLineTest, JsonLinesAreJson) {
  const std::string line =
      render(LogFormat::json, "two words",
             {{"text", "a\"\\\n\x01\xff"}, {"n", 7}, {"x", 1.5}, {"b", false}, {"nan", NAN}});
  ASSERT_EQ(line.back(), '\n');
  EXPECT_EQ(line.find('\n'), line.size() - 1);
  const auto json = nlohmann::json::parse(line);
  EXPECT_EQ(json.at("time"), "2026-11-21T03:00:04.005Z");
  EXPECT_EQ(json.at("level"), "warning");
  EXPECT_EQ(json.at("msg"), "two words");
  EXPECT_EQ(json.at("text"), "a\"\\\n\x01\xef\xbf\xbd");
  EXPECT_EQ(json.at("n"), 7);
  EXPECT_EQ(json.at("x"), 1.5);
  EXPECT_EQ(json.at("b"), false);
  EXPECT_TRUE(json.at("nan").is_null());
}

TEST(LogLineTest, WhateverTheRoomTheLineIsWhole) {
  const std::string value = "grün \"x\"\n" + std::string(60, 'v') + "\xe2\x82\xac\xe2\x82\xac";
  for (std::size_t room = 128; room < 400; ++room) {
    SCOPED_TRACE(room);
    const std::vector<LogField> fields = {{"first", value}, {"n", 123456}, {"last", value}};
    const std::string json = render(LogFormat::json, "event", fields, room);
    ASSERT_LE(json.size(), room);
    EXPECT_TRUE(nlohmann::json::accept(json)) << json;
    const std::string text = render(LogFormat::logfmt, "event", fields, room);
    ASSERT_LE(text.size(), room);
    EXPECT_EQ(text.back(), '\n');
    EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 1);
    // Quotes come in pairs, escaped ones aside.
    std::size_t quotes = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
      if (text[i] == '\\')
        ++i;
      else if (text[i] == '"')
        ++quotes;
    }
    EXPECT_EQ(quotes % 2, 0u) << text;
  }
}

}  // namespace
}  // namespace frdpu::server

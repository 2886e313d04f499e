#include "proto/json_writer.h"

#include <gtest/gtest.h>

#include <array>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>

namespace frdpu::proto {
namespace {

using namespace std::string_literals;

template <class Write>
std::string written(Write write) {
  std::array<std::byte, 1024> out;
  JsonWriter json(out);
  write(json);
  return std::string(core::as_text(core::Bytes(out).first(json.size())));
}

TEST(JsonWriterTest, PutsCommasWhereTheyBelong) {
  EXPECT_EQ(written([](JsonWriter& json) {
              json.begin_object();
              json.member("a", std::uint64_t{1});
              json.key("b");
              json.begin_array();
              json.number(std::uint64_t{2});
              json.begin_object();
              json.end_object();
              json.begin_array();
              json.null();
              json.boolean(true);
              json.end_array();
              json.boolean(false);
              json.end_array();
              json.member("c", "d");
              json.member("e", 0.5);
              json.end_object();
            }),
            R"({"a":1,"b":[2,{},[null,true],false],"c":"d","e":0.5})");
}

TEST(JsonWriterTest, WritesPartsAsOneString) {
  EXPECT_EQ(written([](JsonWriter& json) {
              json.begin_array();
              json.string("x");
              json.begin_string();
              json.string_part("level ");
              json.string_part(std::uint64_t{12});
              json.end_string();
              json.end_array();
            }),
            R"(["x","level 12"])");
}

TEST(JsonWriterTest, EscapesStrings) {
  const struct {
    const char* name;
    std::string text;
    std::string json;
  } rows[] = {
      {"empty", "", R"("")"},
      {"plain", "abc", R"("abc")"},
      {"quote and backslash", "a\"b\\c", R"("a\"b\\c")"},
      {"slash", "a/b", R"("a/b")"},
      {"line ends", "a\r\nb\tc", R"("a\u000d\u000ab\u0009c")"},
      {"nul", "a\0b"s, R"("a\u0000b")"},
      {"last control", "\x1f", R"("\u001f")"},
      {"first above the controls", "\x10", R"("\u0010")"},
      {"del", "\x7f", R"("\u007f")"},
      {"two bytes", "\xc3\xa9", "\"\xc3\xa9\""},
      {"three bytes", "\xe2\x82\xac", "\"\xe2\x82\xac\""},
      {"four bytes", "\xf0\x9f\x98\x80", "\"\xf0\x9f\x98\x80\""},
      {"last of all", "\xf4\x8f\xbf\xbf", "\"\xf4\x8f\xbf\xbf\""},
      {"lone continuation", "a\x80z", "\"a\xef\xbf\xbdz\""},
      {"cut character", "a\xe2\x82", "\"a\xef\xbf\xbd\xef\xbf\xbd\""},
      {"cut by another", "\xe2\x82z", "\"\xef\xbf\xbd\xef\xbf\xbdz\""},
      {"overlong two", "\xc0\xaf", "\"\xef\xbf\xbd\xef\xbf\xbd\""},
      {"overlong three", "\xe0\x80\xaf", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""},
      {"last overlong three", "\xe0\x9f\xbf", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""},
      {"surrogate", "\xed\xa0\x80", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""},
      {"too high", "\xf4\x90\x80\x80", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""},
      {"no lead", "\xff", "\"\xef\xbf\xbd\""},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(row.name);
    const std::string json = written([&](JsonWriter& writer) { writer.string(row.text); });
    EXPECT_EQ(json, row.json);
    EXPECT_TRUE(nlohmann::json::accept(json));
  }
}

TEST(JsonWriterTest, WritesNumbers) {
  const auto real = [](double value) {
    return written([value](JsonWriter& json) { json.number(value); });
  };
  EXPECT_EQ(real(0.0), "0");
  EXPECT_EQ(real(0.1), "0.1");
  EXPECT_EQ(real(-1.5), "-1.5");
  EXPECT_EQ(real(1e300), "1e+300");
  EXPECT_EQ(real(std::numeric_limits<double>::infinity()), "null");
  EXPECT_EQ(real(std::numeric_limits<double>::quiet_NaN()), "null");
  EXPECT_EQ(written([](JsonWriter& json) { json.number(~std::uint64_t{0}); }),
            "18446744073709551615");
  for (const double value : {1.0 / 3, 5e-324, 1.7976931348623157e308, 0.30000000000000004}) {
    EXPECT_EQ(nlohmann::json::parse(real(value)).get<double>(), value);
  }
}

TEST(JsonWriterTest, SaysWhenItDoesNotFit) {
  const auto write = [](JsonWriter& json) {
    json.begin_object();
    json.member("name", "v\n\xff");
    json.member("n", std::uint64_t{123456});
    json.member("r", 1.25);
    json.end_object();
  };
  const std::string whole = written(write);
  for (std::size_t room = 0; room <= whole.size(); ++room) {
    std::string memory(whole.size() + 1, '#');
    const auto bytes = std::as_writable_bytes(std::span(memory));
    JsonWriter json(bytes.first(room));
    write(json);
    EXPECT_EQ(json.size(), room == whole.size() ? whole.size() : 0);
    EXPECT_EQ(memory.substr(room), std::string(memory.size() - room, '#'));
  }
}

}  // namespace
}  // namespace frdpu::proto

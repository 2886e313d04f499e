#include "proto/raw_head.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace frdpu::proto {
namespace {

using core::Errc;
using namespace std::string_literals;

struct Good {
  const char* name;
  std::string head;
  const char* method;
  const char* target;
  HttpVersion version;
  std::vector<std::pair<std::string, std::string>> fields = {};
};

const Good kGood[] = {
    {"no fields", "GET / HTTP/1.1\r\n\r\n", "GET", "/", HttpVersion::http11},
    {"1.0", "POST /v1/compress HTTP/1.0\r\n\r\n", "POST", "/v1/compress", HttpVersion::http10},
    {"odd method", "M-SEARCH * HTTP/1.1\r\n\r\n", "M-SEARCH", "*", HttpVersion::http11},
    {"fields",
     "GET / HTTP/1.1\r\nHost: a\r\nX-Y:\tb c \t\r\n\r\n",
     "GET",
     "/",
     HttpVersion::http11,
     {{"Host", "a"}, {"X-Y", "b c"}}},
    {"no space behind the colon",
     "GET / HTTP/1.1\r\nHost:a\r\n\r\n",
     "GET",
     "/",
     HttpVersion::http11,
     {{"Host", "a"}}},
    {"empty value",
     "GET / HTTP/1.1\r\nHost:\r\nA: \r\n\r\n",
     "GET",
     "/",
     HttpVersion::http11,
     {{"Host", ""}, {"A", ""}}},
    {"colons in the value",
     "GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n",
     "GET",
     "/",
     HttpVersion::http11,
     {{"Host", "[::1]:80"}}},
    {"obs-text in a value",
     "GET / HTTP/1.1\r\nA: \xc3\xa9\xff\r\n\r\n",
     "GET",
     "/",
     HttpVersion::http11,
     {{"A", "\xc3\xa9\xff"}}},
    {"every character of a name",
     "GET / HTTP/1.1\r\n!#$%&'*+-.^_`|~09azAZ: 1\r\n\r\n",
     "GET",
     "/",
     HttpVersion::http11,
     {{"!#$%&'*+-.^_`|~09azAZ", "1"}}},
};

TEST(RawHeadTest, ReadsWhatIsRight) {
  for (const Good& row : kGood) {
    SCOPED_TRACE(row.name);
    const auto head = scan_raw_head(row.head);
    ASSERT_TRUE(head) << head.error().error.detail;
    EXPECT_EQ(head->method, row.method);
    EXPECT_EQ(head->target, row.target);
    EXPECT_EQ(head->version, row.version);
    std::vector<std::pair<std::string, std::string>> fields;
    std::string_view lines = head->fields;
    while (const auto field = next_field(lines)) fields.emplace_back(field->name, field->value);
    EXPECT_EQ(fields, row.fields);
  }
}

struct Bad {
  const char* name;
  std::string head;
  std::size_t offset;
  Errc code = Errc::malformed_request;
};

const Bad kBad[] = {
    {"nothing", "", 0},
    {"no end of the head", "GET / HTTP/1.1\r\n", 16},
    {"no end of the line", "GET / HTTP/1.1\r\nHost: a", 16},
    {"bytes behind", "GET / HTTP/1.1\r\n\r\nG", 18},
    {"a second head behind", "GET / HTTP/1.1\r\n\r\nHost: a\r\n\r\n", 18},
    {"empty request line", "\r\nGET / HTTP/1.1\r\n\r\n", 0},
    {"HTTP/0.9", "GET /\r\n\r\n", 0},
    {"no target", "GET HTTP/1.1\r\n\r\n", 0},
    {"empty target", "GET  HTTP/1.1\r\n\r\n", 4},
    {"no method", " / HTTP/1.1\r\n\r\n", 0},
    {"space in front", " GET / HTTP/1.1\r\n\r\n", 0},
    {"two spaces", "GET  / HTTP/1.1\r\n\r\n", 4},
    {"space in the target", "GET /a b HTTP/1.1\r\n\r\n", 4},
    {"tabs for spaces", "GET\t/\tHTTP/1.1\r\n\r\n", 0},
    {"tab in the target", "GET /a\tb HTTP/1.1\r\n\r\n", 4},
    {"space behind the version", "GET / HTTP/1.1 \r\n\r\n", 4},
    {"method of no token", "G(T / HTTP/1.1\r\n\r\n", 0},
    {"case of HTTP", "GET / http/1.1\r\n\r\n", 6},
    {"long version", "GET / HTTP/1.10\r\n\r\n", 6},
    {"version without dot", "GET / HTTP/11\r\n\r\n", 6},
    {"junk for a version", "GET / HTTP/x.y\r\n\r\n", 6},
    {"bare LF behind the request line", "GET / HTTP/1.1\nHost: a\r\n\r\n", 14},
    {"bare LF behind a field", "GET / HTTP/1.1\r\nHost: a\n\r\n", 23},
    {"bare LF as empty line", "GET / HTTP/1.1\r\nHost: a\r\n\n", 25},
    {"bare CR in a value", "GET / HTTP/1.1\r\nHost: a\rb\r\n\r\n", 23},
    {"CR CR LF", "GET / HTTP/1.1\r\nHost: a\r\r\n\r\n", 23},
    {"bare CR in the request line", "GET /\r HTTP/1.1\r\n\r\n", 5},
    {"nul in a value", "GET / HTTP/1.1\r\nHost: a\0b\r\n\r\n"s, 23},
    {"nul in a name", "GET / HTTP/1.1\r\nHo\0st: a\r\n\r\n"s, 18},
    {"nul in the target", "GET /\0 HTTP/1.1\r\n\r\n"s, 5},
    {"control in a value", "GET / HTTP/1.1\r\nHost: \x01\r\n\r\n", 22},
    {"vertical tab in a value", "GET / HTTP/1.1\r\nTransfer-Encoding: \vchunked\r\n\r\n", 35},
    {"del in a value", "GET / HTTP/1.1\r\nHost: \x7f\r\n\r\n", 22},
    {"folded with a space", "GET / HTTP/1.1\r\nHost: a\r\n b\r\n\r\n", 25},
    {"folded with a tab", "GET / HTTP/1.1\r\nHost: a\r\n\tb\r\n\r\n", 25},
    {"folded into nothing", "GET / HTTP/1.1\r\nHost: a\r\n \r\n\r\n", 25},
    {"first field indented", "GET / HTTP/1.1\r\n Host: a\r\n\r\n", 16},
    {"space in front of the colon", "GET / HTTP/1.1\r\nHost : a\r\n\r\n", 16},
    {"tab in front of the colon", "GET / HTTP/1.1\r\nHost\t: a\r\n\r\n", 16},
    {"no colon", "GET / HTTP/1.1\r\nHost\r\n\r\n", 16},
    {"no name", "GET / HTTP/1.1\r\n: a\r\n\r\n", 16},
    {"space in a name", "GET / HTTP/1.1\r\nHo st: a\r\n\r\n", 16},
    {"parenthesis in a name", "GET / HTTP/1.1\r\nHost(: a\r\n\r\n", 16},
    {"obs-text in a name", "GET / HTTP/1.1\r\nH\xc3\xb6st: a\r\n\r\n", 16},
    {"the name in quotes", "GET / HTTP/1.1\r\n\"Host\": a\r\n\r\n", 16},

    {"HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\n", 0, Errc::http_version_not_supported},
    {"HTTP/1.2", "GET / HTTP/1.2\r\n\r\n", 0, Errc::http_version_not_supported},
    {"HTTP/0.9 by name", "GET / HTTP/0.9\r\n\r\n", 0, Errc::http_version_not_supported},
    {"HTTP/3.0", "GET / HTTP/3.0\r\n\r\n", 0, Errc::http_version_not_supported},
};

TEST(RawHeadTest, RefusesWhatIsWrong) {
  for (const Bad& row : kBad) {
    SCOPED_TRACE(row.name);
    const auto head = scan_raw_head(row.head);
    ASSERT_FALSE(head);
    EXPECT_EQ(head.error().error.code, row.code);
    EXPECT_EQ(head.error().error.offset.value_or(0), row.offset) << head.error().error.detail;
    EXPECT_STRNE(head.error().error.detail, "");
  }
}

TEST(RawHeadTest, RefusesEveryPrefixOfAHead) {
  const std::string head = "POST /v1/compress?level=1 HTTP/1.1\r\nHost: a\r\nTE: trailers\r\n\r\n";
  ASSERT_TRUE(scan_raw_head(head));
  for (std::size_t size = 0; size < head.size(); ++size) {
    EXPECT_FALSE(scan_raw_head(std::string_view(head).substr(0, size))) << size;
  }
}

TEST(RawHeadTest, SkipsOneEmptyLine) {
  EXPECT_EQ(leading_empty_line_bytes("\r\nGET"), 2u);
  EXPECT_EQ(leading_empty_line_bytes("\r\n\r\nGET"), 2u);
  EXPECT_EQ(leading_empty_line_bytes("GET"), 0u);
  EXPECT_EQ(leading_empty_line_bytes("\nGET"), 0u);
  EXPECT_EQ(leading_empty_line_bytes("\r"), 0u);
  EXPECT_EQ(leading_empty_line_bytes(""), 0u);
}

}  // namespace
}  // namespace frdpu::proto

#include "proto/http_date.h"

#include <gtest/gtest.h>

namespace frdpu::proto {
namespace {

TEST(HttpDateTest, WritesImfFixdate) {
  const struct {
    std::int64_t seconds;
    const char* text;
  } rows[] = {
      {0, "Thu, 01 Jan 1970 00:00:00 GMT"},
      {784111777, "Sun, 06 Nov 1994 08:49:37 GMT"},  // RFC 9110's own example
      {951782399, "Mon, 28 Feb 2000 23:59:59 GMT"},
      {951782400, "Tue, 29 Feb 2000 00:00:00 GMT"},
      {1767225599, "Wed, 31 Dec 2025 23:59:59 GMT"},
      {4102444800, "Fri, 01 Jan 2100 00:00:00 GMT"},
      {253402300799, "Fri, 31 Dec 9999 23:59:59 GMT"},
  };
  for (const auto& row : rows) {
    const std::chrono::sys_seconds time{std::chrono::seconds(row.seconds)};
    EXPECT_EQ(format_http_date(time).view(), row.text);
  }
}

}  // namespace
}  // namespace frdpu::proto

#include "proto/accept.h"

#include <gtest/gtest.h>

#include <string_view>

namespace frdpu::proto {
namespace {

TEST(AcceptTest, TheClosestRangeDecides) {
  struct Row {
    const char* name;
    std::string_view accept;
    std::uint16_t text;
    std::uint16_t openmetrics;
  };
  constexpr std::string_view kText = "text/plain; version=0.0.4; charset=utf-8";
  constexpr std::string_view kOpenMetrics =
      "application/openmetrics-text; version=1.0.0; charset=utf-8";
  const Row rows[] = {
      {"nothing was said", "", 1000, 1000},
      {"only space", "  ", 1000, 1000},
      {"curl", "*/*", 1000, 1000},
      {"Prometheus 2.42",
       "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;"
       "q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
       500, 1000},
      {"Prometheus 3",
       "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
       "application/openmetrics-text;version=0.0.1;q=0.5,"
       "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/"
       "*;q=0.2",
       300, 600},
      {"an old OpenMetrics", "application/openmetrics-text;version=0.0.1, text/plain;q=0.1", 100,
       0},
      {"a browser", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", 800, 800},
      {"type range", "text/*;q=0.3", 300, 0},
      {"type range of the other", "application/*, */*;q=0.5", 500, 1000},
      {"close beats far whatever the order", "*/*, application/openmetrics-text;q=0", 1000, 0},
      {"case", "TEXT/Plain;Q=0.7", 700, 0},
      {"space", " text/plain ; q=0.7 , application/openmetrics-text", 700, 1000},
      {"a broken weight does not count", "text/plain;q=2, */*;q=0.1", 100, 100},
      {"a longer name is another", "text/plainer, text/plai, tex/*, /*", 0, 0},
      {"broken elements", ",;,/,*;q=1,text", 0, 0},
  };
  for (const Row& row : rows) {
    EXPECT_EQ(accept_quality(row.accept, kText), row.text) << row.name;
    EXPECT_EQ(accept_quality(row.accept, kOpenMetrics), row.openmetrics) << row.name;
  }
}

}  // namespace
}  // namespace frdpu::proto

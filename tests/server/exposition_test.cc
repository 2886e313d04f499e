#include "server/exposition.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <prometheus/text_serializer.h>

#include <limits>
#include <map>
#include <sstream>
#include <string>
#include <vector>

namespace frdpu::server {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;
using ::testing::HasSubstr;

MetricFamily counter(double value, std::vector<ClientMetric::Label> labels = {}) {
  ClientMetric metric;
  metric.label = std::move(labels);
  metric.counter.value = value;
  return {
      .name = "a_bytes_total", .help = "Help.", .type = MetricType::Counter, .metric = {metric}};
}

MetricFamily gauge(double value) {
  ClientMetric metric;
  metric.gauge.value = value;
  return {.name = "a_ratio", .help = "Help.", .type = MetricType::Gauge, .metric = {metric}};
}

MetricFamily histogram() {
  ClientMetric metric;
  metric.label = {{"route", "/"}};
  metric.histogram.bucket = {
      {.cumulative_count = 1, .upper_bound = 0.0001},
      {.cumulative_count = 2, .upper_bound = 0.5},
      {.cumulative_count = 3, .upper_bound = 1},
      {.cumulative_count = 4, .upper_bound = std::numeric_limits<double>::infinity()}};
  metric.histogram.sample_count = 4;
  metric.histogram.sample_sum = 3.25;
  return {.name = "a_seconds", .help = "Help.", .type = MetricType::Histogram, .metric = {metric}};
}

// Lines in any order, with their values as numbers: what a reader makes of a scrape.
std::multimap<std::string, double> understood(const std::string& text) {
  std::multimap<std::string, double> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) {
    const std::size_t space = line.rfind(' ');
    if (line.starts_with('#') || space == line.npos) {
      lines.emplace(line, 0);
    } else {
      lines.emplace(line.substr(0, space), std::stod(line.substr(space + 1)));
    }
  }
  return lines;
}

TEST(ExpositionTest, TextSaysWhatPrometheusCppSays) {
  const std::vector<MetricFamily> families = {
      counter(12, {{"x", "a\"b\\c\nd"}, {"y", ""}}),
      counter(0.1),
      counter(1e300),
      gauge(-0.25),
      gauge(1'795'257'902.5),
      gauge(9007199254740993.0),
      gauge(-std::numeric_limits<double>::infinity()),
      histogram(),
      {.name = "none", .help = "No \"series\" yet.", .type = MetricType::Gauge, .metric = {}}};
  std::ostringstream expected;
  prometheus::TextSerializer().Serialize(expected, families);
  EXPECT_EQ(understood(expose(families, Exposition::text)), understood(expected.str()));
}

TEST(ExpositionTest, WholeNumbersAreWrittenAsSuch) {
  EXPECT_THAT(expose({gauge(1'700'000'000)}, Exposition::text),
              HasSubstr("\na_ratio 1700000000\n"));
  EXPECT_THAT(expose({gauge(std::numeric_limits<double>::quiet_NaN())}, Exposition::text),
              HasSubstr("\na_ratio NaN\n"));
}

TEST(ExpositionTest, HelpKeepsToItsLine) {  // prometheus-cpp's does not
  const MetricFamily family{
      .name = "x", .help = "a\n\"b\"\\c", .type = MetricType::Gauge, .metric = {}};
  EXPECT_EQ(expose({family}, Exposition::text), "# HELP x a\\n\"b\"\\\\c\n# TYPE x gauge\n");
  EXPECT_EQ(expose({family}, Exposition::openmetrics),
            "# HELP x a\\n\\\"b\\\"\\\\c\n# TYPE x gauge\n# EOF\n");
}

TEST(ExpositionTest, OpenMetricsNamesCountersUnitsAndItsEnd) {
  EXPECT_EQ(expose({counter(3, {{"x", "\""}}), gauge(0.5)}, Exposition::openmetrics),
            "# HELP a_bytes Help.\n"
            "# TYPE a_bytes counter\n"
            "# UNIT a_bytes bytes\n"
            "a_bytes_total{x=\"\\\"\"} 3\n"
            "# HELP a_ratio Help.\n"
            "# TYPE a_ratio gauge\n"
            "# UNIT a_ratio ratio\n"
            "a_ratio 0.5\n"
            "# EOF\n");
}

TEST(ExpositionTest, OpenMetricsBoundsAreCanonicalNumbers) {
  const std::string text = expose({histogram()}, Exposition::openmetrics);
  for (const char* line :
       {"a_seconds_bucket{route=\"/\",le=\"0.0001\"} 1\n",
        "a_seconds_bucket{route=\"/\",le=\"0.5\"} 2\n",
        "a_seconds_bucket{route=\"/\",le=\"1.0\"} 3\n",
        "a_seconds_bucket{route=\"/\",le=\"+Inf\"} 4\n", "a_seconds_sum{route=\"/\"} 3.25\n",
        "a_seconds_count{route=\"/\"} 4\n"}) {
    EXPECT_THAT(text, HasSubstr(line));
  }
}

TEST(ExpositionTest, OpenMetricsComesWhenItIsPreferred) {
  EXPECT_EQ(choose_exposition(""), Exposition::text);
  EXPECT_EQ(choose_exposition("*/*"), Exposition::text);
  EXPECT_EQ(choose_exposition("text/plain, application/openmetrics-text;q=0.9"), Exposition::text);
  EXPECT_EQ(choose_exposition("application/openmetrics-text; version=1.0.0"),
            Exposition::openmetrics);
  EXPECT_EQ(choose_exposition("application/openmetrics-text;version=1.0.0,text/plain;q=0.5"),
            Exposition::openmetrics);
}

}  // namespace
}  // namespace frdpu::server

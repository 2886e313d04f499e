#include "server/metric_families.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <string>
#include <vector>

#include "server/exposition.h"
#include "server/process_stats.h"
#include "server/versions.h"

namespace frdpu::server {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

std::vector<core::PoolStats> two_pools() {
  return {{.pool = "mtu",
           .block_bytes = 1500,
           .blocks = 16,
           .in_use = 4,
           .available = 12,
           .peak = 5,
           .acquisitions = 9,
           .releases = 5,
           .exhaustions = 1,
           .fallbacks = 1},
          {.pool = "64k", .block_bytes = 65536, .blocks = 8}};
}

std::string render(const Metrics& metrics) {
  return expose(MetricsCollectable(metrics, two_pools).Collect(), Exposition::text);
}

// The value of a series by its whole name with labels; "" when it is not there.
std::string value_of(const std::string& text, const std::string& series) {
  std::size_t at = text.find("\n" + series + " ");
  if (at == std::string::npos) return "";
  at += series.size() + 2;
  return text.substr(at, text.find('\n', at) - at);
}

TEST(MetricFamiliesTest, EveryFamilyOfTheContractIsThereFromTheStart) {
  struct Row {
    const char* name;
    const char* type;
  };
  const Row rows[] = {{"frdpu_pool_blocks", "gauge"},
                      {"frdpu_pool_blocks_in_use", "gauge"},
                      {"frdpu_pool_blocks_peak", "gauge"},
                      {"frdpu_pool_block_bytes", "gauge"},
                      {"frdpu_pool_utilization_ratio", "gauge"},
                      {"frdpu_pool_acquisitions_total", "counter"},
                      {"frdpu_pool_releases_total", "counter"},
                      {"frdpu_pool_exhaustions_total", "counter"},
                      {"frdpu_pool_fallbacks_total", "counter"},
                      {"frdpu_http_requests_total", "counter"},
                      {"frdpu_http_request_duration_seconds", "histogram"},
                      {"frdpu_http_requests_in_flight", "gauge"},
                      {"frdpu_codec_input_bytes_total", "counter"},
                      {"frdpu_codec_output_bytes_total", "counter"},
                      {"frdpu_codec_cpu_seconds_total", "counter"},
                      {"frdpu_limit_hits_total", "counter"},
                      {"frdpu_connections", "gauge"},
                      {"frdpu_build_info", "gauge"},
                      {"process_cpu_seconds_total", "counter"},
                      {"process_resident_memory_bytes", "gauge"},
                      {"process_virtual_memory_bytes", "gauge"},
                      {"process_start_time_seconds", "gauge"},
                      {"process_open_fds", "gauge"},
                      {"process_max_fds", "gauge"}};
  const std::string text = render(Metrics(2));
  for (const Row& row : rows) {
    EXPECT_THAT(text, HasSubstr(std::string("# TYPE ") + row.name + " " + row.type + "\n"));
    EXPECT_THAT(text, HasSubstr(std::string("# HELP ") + row.name + " "));
  }
}

TEST(MetricFamiliesTest, FixedSeriesStartAtZeroAndStatusesAppearWhenSeen) {
  const std::string text = render(Metrics(1));
  for (const char* series :
       {"frdpu_http_requests_in_flight{route=\"/v1/compress\"}",
        "frdpu_http_request_duration_seconds_count{route=\"other\"}",
        "frdpu_http_request_duration_seconds_bucket{route=\"/v1/decompress\",le=\"0.0001\"}",
        "frdpu_http_request_duration_seconds_bucket{route=\"/v1/decompress\",le=\"10\"}",
        "frdpu_http_request_duration_seconds_bucket{route=\"/v1/decompress\",le=\"+Inf\"}",
        "frdpu_codec_input_bytes_total{coding=\"br\",direction=\"compress\"}",
        "frdpu_codec_output_bytes_total{coding=\"identity\",direction=\"decompress\"}",
        "frdpu_codec_cpu_seconds_total{coding=\"lz4\",direction=\"decompress\"}",
        "frdpu_connections{state=\"active\"}", "frdpu_connections{state=\"idle\"}"}) {
    EXPECT_EQ(value_of(text, series), "0") << series;
  }
  for (const char* code : {"request_timeout", "body_too_large", "output_limit_exceeded",
                           "ratio_limit_exceeded", "window_too_large", "headers_too_large",
                           "pool_exhausted", "overloaded", "draining", "cpu_limit_exceeded"}) {
    EXPECT_EQ(value_of(text, std::string("frdpu_limit_hits_total{code=\"") + code + "\"}"), "0");
  }
  EXPECT_THAT(text, Not(HasSubstr("frdpu_http_requests_total{")));
}

TEST(MetricFamiliesTest, CountsShowInTheirSeriesAndUnits) {
  Metrics metrics(2);
  for (std::size_t shard = 0; shard < 2; ++shard) {
    metrics.shard(shard).request_started(proto::Route::compress);
    metrics.shard(shard).request_finished(proto::Route::compress, proto::Method::post, 200,
                                          std::chrono::milliseconds(250));
    metrics.shard(shard).codec_worked(core::Coding::zstd, core::Direction::compress, 600, 39,
                                      std::chrono::microseconds(125));
  }
  metrics.shard(0).request_finished(proto::Route::compress, proto::Method::post, 418,
                                    std::chrono::seconds(60));
  metrics.shard(1).limit_hit(core::Errc::pool_exhausted);
  metrics.shard(1).connection_entered(ConnectionState::idle);
  metrics.shard(0).connection_left(ConnectionState::idle);
  const std::string text = render(metrics);
  const auto at = [&](const std::string& series) { return value_of(text, series); };
  const std::string labels = R"({route="/v1/compress",method="POST",status=)";
  EXPECT_EQ(at("frdpu_http_requests_total" + labels + "\"200\"}"), "2");
  EXPECT_EQ(at("frdpu_http_requests_total" + labels + "\"other\"}"), "1");
  const std::string histogram = "frdpu_http_request_duration_seconds";
  EXPECT_EQ(at(histogram + R"(_bucket{route="/v1/compress",le="0.1"})"), "0");
  EXPECT_EQ(at(histogram + R"(_bucket{route="/v1/compress",le="0.25"})"), "2");
  EXPECT_EQ(at(histogram + R"(_bucket{route="/v1/compress",le="10"})"), "2");
  EXPECT_EQ(at(histogram + R"(_bucket{route="/v1/compress",le="+Inf"})"), "3");
  EXPECT_EQ(at(histogram + R"(_count{route="/v1/compress"})"), "3");
  EXPECT_EQ(at(histogram + R"(_sum{route="/v1/compress"})"), "60.5");
  const std::string codec = R"({coding="zstd",direction="compress"})";
  EXPECT_EQ(at("frdpu_codec_input_bytes_total" + codec), "1200");
  EXPECT_EQ(at("frdpu_codec_output_bytes_total" + codec), "78");
  EXPECT_EQ(at("frdpu_codec_cpu_seconds_total" + codec), "0.00025");
  EXPECT_EQ(at(R"(frdpu_limit_hits_total{code="pool_exhausted"})"), "1");
  EXPECT_EQ(at(R"(frdpu_connections{state="idle"})"), "0");
  EXPECT_EQ(at(R"(frdpu_pool_blocks_in_use{pool="mtu"})"), "4");
  EXPECT_EQ(at(R"(frdpu_pool_utilization_ratio{pool="mtu"})"), "0.25");
  EXPECT_EQ(at(R"(frdpu_pool_block_bytes{pool="64k"})"), "65536");
  EXPECT_EQ(at(R"(frdpu_pool_releases_total{pool="mtu"})"), "5");
}

TEST(MetricFamiliesTest, BuildInfoNamesVersionAndLibraries) {
  const std::string text = render(Metrics(1));
  EXPECT_THAT(text, HasSubstr("frdpu_build_info{version=\"" + std::string(version()) + "\""));
  for (const char* label :
       {"revision=\"", "zstd=\"1.", "zlib=\"1.", "libdeflate=\"", "isal=\"2.", "brotli=\"1."}) {
    EXPECT_THAT(text, HasSubstr(label));
  }
}

TEST(MetricFamiliesTest, PromtoolFindsNothingToComplainAbout) {
  if (std::system("command -v promtool >/dev/null") != 0) {
    GTEST_SKIP() << "promtool (package prometheus) is not installed";
  }
  Metrics metrics(1);
  metrics.shard(0).request_finished(proto::Route::compress, proto::Method::post, 200,
                                    std::chrono::milliseconds(1));
  std::FILE* promtool = ::popen("promtool check metrics >/dev/null 2>&1", "w");
  ASSERT_NE(promtool, nullptr);
  const std::string text = render(metrics);
  std::fwrite(text.data(), 1, text.size(), promtool);
  EXPECT_EQ(WEXITSTATUS(::pclose(promtool)), 0);
}

TEST(ProcessStatsTest, KnowsThisProcess) {
  const ProcessStats stats = read_process_stats();
  EXPECT_GE(stats.threads, 1u);
  EXPECT_GT(stats.resident_bytes, 1u << 20);
  EXPECT_GE(stats.virtual_bytes, stats.resident_bytes);
  EXPECT_GT(stats.start_time_seconds, 1.6e9);
  EXPECT_GE(stats.max_descriptors, stats.open_descriptors);
  std::vector<std::ifstream> files;
  for (int i = 0; i < 7; ++i) files.emplace_back("/proc/self/stat");
  EXPECT_EQ(read_process_stats().open_descriptors, stats.open_descriptors + 7);
}

}  // namespace
}  // namespace frdpu::server

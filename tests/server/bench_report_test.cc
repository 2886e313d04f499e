#include "server/bench_report.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

namespace frdpu::server {
namespace {

BenchRow row(const std::string& file, double compress_seconds, double decompress_seconds) {
  return {.file = file,
          .coding = core::Coding::zstd,
          .level = 3,
          .measured = {.input_bytes = 1'000'000,
                       .output_bytes = 300'000,
                       .frames = 2,
                       .compress = {compress_seconds, 7},
                       .decompress = {decompress_seconds, 9}}};
}

TEST(BenchReportTest, RowsStandUnderTheirHead) {
  EXPECT_EQ(
      bench_table_head(6) + bench_table_row(row("a.json", 0.01, 0.0005), 6) +
          bench_table_row(row("b", 0.1234, 0.05), 6),
      "file   coding   level    bytes_in   bytes_out    ratio compress_MB/s decompress_MB/s\n"
      "a.json zstd         3     1000000      300000    3.333           100            2000\n"
      "b      zstd         3     1000000      300000    3.333          8.10            20.0\n");
}

TEST(BenchReportTest, LongNamesPushTheRestAndStayOneLine) {
  EXPECT_EQ(bench_table_row(row("a\nlong\x1bname", 0.01, 0.01), 4),
            "a long name zstd         3     1000000      300000    3.333           100"
            "             100\n");
}

TEST(BenchReportTest, SpeedsHaveThreeDigits) {
  for (const auto& [seconds, text] :
       std::vector<std::pair<double, std::string>>{{1 / 9.994, " 9.99\n"},
                                                   {1 / 9.996, " 10.0\n"},
                                                   {1 / 99.94, " 99.9\n"},
                                                   {1 / 99.96, " 100\n"},
                                                   {1e-5, " 100000\n"},
                                                   {100, " 0.01\n"}}) {
    EXPECT_TRUE(bench_table_row(row("a", 1, seconds), 4).ends_with(text)) << text;
  }
}

TEST(BenchReportTest, JsonHoldsSettingsAndRows) {
  const std::vector<BenchRow> rows = {row("a", 0.01, 0.0005), row("b\xff", 1, 1)};
  const auto document = nlohmann::json::parse(
      bench_json({.row_time = std::chrono::milliseconds(250), .payload_bytes = 500'000}, rows));
  EXPECT_EQ(document["seconds"], 0.25);
  EXPECT_EQ(document["block_bytes"], 500'000);
  EXPECT_TRUE(document["dictionary_id"].is_null());
  ASSERT_EQ(document["rows"].size(), 2u);
  const auto& first = document["rows"][0];
  EXPECT_EQ(first["file"], "a");
  EXPECT_EQ(first["coding"], "zstd");
  EXPECT_EQ(first["level"], 3);
  EXPECT_EQ(first["frames"], 2);
  EXPECT_EQ(first["input_bytes"], 1'000'000);
  EXPECT_EQ(first["output_bytes"], 300'000);
  EXPECT_NEAR(first["ratio"].get<double>(), 3.3333, 0.0001);
  EXPECT_EQ(first["compress_bytes_per_second"], 100'000'000);
  EXPECT_EQ(first["compress_runs"], 7);
  EXPECT_EQ(first["decompress_bytes_per_second"], 2'000'000'000);
  EXPECT_EQ(first["decompress_runs"], 9);
  EXPECT_EQ(document["rows"][1]["file"], "b");
}

TEST(BenchReportTest, JsonWithoutRowsIsAnEmptyList) {
  EXPECT_TRUE(nlohmann::json::parse(bench_json({}, {}))["rows"].is_array());
}

}  // namespace
}  // namespace frdpu::server

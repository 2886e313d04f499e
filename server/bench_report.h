#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "core/coding.h"
#include "server/round_trip_bench.h"

/// What `bench` prints: a table for people, or one JSON document.
namespace frdpu::server {

struct BenchRow {
  std::string file;
  core::Coding coding = core::Coding::lz4;
  int level = 0;
  RoundTrip measured;
};

/// What all rows have in common.
struct BenchSettings {
  std::chrono::nanoseconds row_time{0};
  std::optional<std::uint64_t> payload_bytes{};  ///< absent: files were not cut
  std::optional<std::uint32_t> dictionary_id{};
};

/// Columns are separated by blanks, numbers aligned to the right. MB are 10^6 bytes of input.
/// `file_columns`: width of the first column; longer names push the others to the right.
/// Returns: a line.
[[nodiscard]] std::string bench_table_head(std::size_t file_columns);
[[nodiscard]] std::string bench_table_row(const BenchRow& row, std::size_t file_columns);

/// Returns one object: settings and `rows`. File names that are not UTF-8 lose what is not.
[[nodiscard]] std::string bench_json(const BenchSettings& settings, std::span<const BenchRow> rows);

}  // namespace frdpu::server

#include "server/bench_report.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "server/versions.h"

namespace frdpu::server {
namespace {

double ratio(const RoundTrip& measured) noexcept {
  return static_cast<double>(measured.input_bytes) / static_cast<double>(measured.output_bytes);
}

double bytes_per_second(const RoundTrip& measured, const TimedRuns& runs) noexcept {
  return static_cast<double>(measured.input_bytes) / runs.median_seconds;
}

// Three digits, or all those in front of the point.
std::string speed_text(double speed) {
  const double mb = speed / 1e6;
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.*f", mb < 9.995 ? 2 : (mb < 99.95 ? 1 : 0), mb);
  return text.data();
}

std::string left(std::string text, std::size_t columns) {
  text.resize(std::max(text.size(), columns), ' ');
  return text;
}

std::string right(const std::string& text, std::size_t columns) {
  return ' ' + std::string(columns - std::min(columns, text.size()), ' ') + text;
}

struct Cells {
  std::string file, coding, level, in, out, ratio, compress, decompress;
};

std::string line(const Cells& cells, std::size_t file_columns) {
  return left(cells.file, file_columns) + ' ' + left(cells.coding, 8) + right(cells.level, 5) +
         right(cells.in, 11) + right(cells.out, 11) + right(cells.ratio, 8) +
         right(cells.compress, 13) + right(cells.decompress, 15) + '\n';
}

// One line, whatever is in a name.
std::string printable(std::string name) {
  for (char& c : name) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
  }
  return name;
}

}  // namespace

std::string bench_table_head(std::size_t file_columns) {
  return line({.file = "file",
               .coding = "coding",
               .level = "level",
               .in = "bytes_in",
               .out = "bytes_out",
               .ratio = "ratio",
               .compress = "compress_MB/s",
               .decompress = "decompress_MB/s"},
              file_columns);
}

std::string bench_table_row(const BenchRow& row, std::size_t file_columns) {
  const RoundTrip& measured = row.measured;
  std::array<char, 32> ratio_text{};
  std::snprintf(ratio_text.data(), ratio_text.size(), "%.3f", ratio(measured));
  return line({.file = printable(row.file),
               .coding = std::string(core::to_string(row.coding)),
               .level = std::to_string(row.level),
               .in = std::to_string(measured.input_bytes),
               .out = std::to_string(measured.output_bytes),
               .ratio = ratio_text.data(),
               .compress = speed_text(bytes_per_second(measured, measured.compress)),
               .decompress = speed_text(bytes_per_second(measured, measured.decompress))},
              file_columns);
}

std::string bench_json(const BenchSettings& settings, std::span<const BenchRow> rows) {
  using Json = nlohmann::ordered_json;
  Json document;
  document["frdpu"] = version();
  document["seconds"] = std::chrono::duration<double>(settings.row_time).count();
  document["clock"] = "thread_cpu";
  document["statistic"] = "median";
  document["block_bytes"] = settings.payload_bytes ? Json(*settings.payload_bytes) : Json();
  document["dictionary_id"] = settings.dictionary_id ? Json(*settings.dictionary_id) : Json();
  document["rows"] = Json::array();
  for (const BenchRow& row : rows) {
    const RoundTrip& measured = row.measured;
    const auto speed = [&](const TimedRuns& runs) {
      return std::llround(bytes_per_second(measured, runs));
    };
    document["rows"].push_back({{"file", row.file},
                                {"coding", core::to_string(row.coding)},
                                {"level", row.level},
                                {"frames", measured.frames},
                                {"input_bytes", measured.input_bytes},
                                {"output_bytes", measured.output_bytes},
                                {"ratio", ratio(measured)},
                                {"compress_bytes_per_second", speed(measured.compress)},
                                {"compress_runs", measured.compress.runs},
                                {"decompress_bytes_per_second", speed(measured.decompress)},
                                {"decompress_runs", measured.decompress.runs}});
  }
  return document.dump(2, ' ', false, Json::error_handler_t::ignore) + '\n';
}

}  // namespace frdpu::server

#include "server/progress_bar.h"

#include <algorithm>
#include <cstdio>
#include <iterator>
#include <utility>

namespace frdpu::server {
namespace {

constexpr std::uint64_t kLongBytes = 32ull << 20;
constexpr auto kLongTime = std::chrono::milliseconds(500);
constexpr auto kInterval = std::chrono::milliseconds(100);
constexpr std::size_t kBarCells = 20;
constexpr std::size_t kLongestName = 30;

}  // namespace

std::string human_bytes(double bytes) {
  constexpr const char* kUnits[] = {"B", "KiB", "MiB", "GiB", "TiB"};
  std::size_t unit = 0;
  while (bytes >= 1024 && unit + 1 < std::size(kUnits)) {
    bytes /= 1024;
    ++unit;
  }
  char text[32];
  std::snprintf(text, sizeof text, unit == 0 ? "%.0f %s" : "%.1f %s", bytes, kUnits[unit]);
  return text;
}

ProgressBar::ProgressBar(std::string_view name, std::optional<std::uint64_t> total_bytes,
                         int columns, Clock::time_point start)
    : total_bytes_(total_bytes),
      columns_(static_cast<std::size_t>(std::max(columns, 20))),
      start_(start),
      shown_at_(start) {
  for (const char c : name.substr(0, kLongestName)) {
    name_ += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? '?' : c;
  }
}

std::string ProgressBar::update(std::uint64_t done_bytes, Clock::time_point now) {
  const bool whole = total_bytes_ && done_bytes >= *total_bytes_;
  const bool is_long = total_bytes_ ? *total_bytes_ >= kLongBytes : now - start_ >= kLongTime;
  if (!is_long || (shown_ && !whole && now - shown_at_ < kInterval)) return {};
  shown_ = true;
  shown_at_ = now;

  std::string line = name_;
  if (total_bytes_) {
    const double part =
        std::min(1.0, static_cast<double>(done_bytes) / static_cast<double>(*total_bytes_));
    const auto cells = static_cast<std::size_t>(part * kBarCells);
    char percent[16];
    std::snprintf(percent, sizeof percent, "%3d %%", static_cast<int>(part * 100));
    line.append("  [").append(cells, '#').append(kBarCells - cells, '.').append("]  ");
    line.append(percent);
  }
  line.append("  ").append(human_bytes(static_cast<double>(done_bytes)));
  const double seconds = std::chrono::duration<double>(now - start_).count();
  if (seconds > 0.05) {
    line.append("  ").append(human_bytes(static_cast<double>(done_bytes) / seconds)).append("/s");
  }
  // A line that wraps could not be taken back.
  if (line.size() >= columns_) line.resize(columns_ - 1);
  return "\r" + line + "\x1b[K";
}

std::string ProgressBar::clear() {
  return std::exchange(shown_, false) ? "\r\x1b[K" : "";
}

}  // namespace frdpu::server

#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

/// The line that tells a person at a terminal how far long work has come.
namespace frdpu::server {

/// Renders the bar as text; it neither writes nor reads a clock.
///
///   big.tar  [#########...........]  45 %  460.8 MiB  312 MiB/s      (size known)
///   standard input  1.2 GiB  312 MiB/s                               (size not known)
///
/// It stays away from work that is over at once: less than 32 MiB, or half a second where the
/// size is not known.
class ProgressBar {
 public:
  using Clock = std::chrono::steady_clock;

  /// `columns`: width of the terminal.
  ProgressBar(std::string_view name, std::optional<std::uint64_t> total_bytes, int columns,
              Clock::time_point start);

  /// Returns what to write to the terminal now; empty most of the time (10 times a second). The
  /// state of all bytes is always shown.
  [[nodiscard]] std::string update(std::uint64_t done_bytes, Clock::time_point now);

  /// Returns what to write so that the line is gone; empty when none was shown.
  [[nodiscard]] std::string clear();

 private:
  std::string name_;
  std::optional<std::uint64_t> total_bytes_;
  std::size_t columns_;
  Clock::time_point start_;
  Clock::time_point shown_at_;
  bool shown_ = false;
};

/// "460.8 MiB"; whole bytes below 1 KiB. For people.
[[nodiscard]] std::string human_bytes(double bytes);

}  // namespace frdpu::server

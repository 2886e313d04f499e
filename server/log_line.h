#pragma once

#include <chrono>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string_view>
#include <type_traits>
#include <variant>

#include "server/config.h"

/// One log line as text: logfmt or JSON, escaped, bounded, written without allocation.
///
///   logfmt  time=2026-11-21T03:04:05.678Z level=info msg=listening service=127.0.0.1:41234
///   JSON    {"time":"2026-11-21T03:04:05.678Z","level":"info","msg":"listening",...}
///
/// A message is one word naming the event, what belongs to it stands in fields. Values may come
/// from strangers: control characters are escaped, bytes that are no UTF-8 become U+FFFD.
namespace frdpu::server {

/// One named value. Requires: a key of letters, digits and underscores that outlives the call.
struct LogField {
  using Value = std::variant<std::string_view, std::int64_t, std::uint64_t, double, bool>;

  LogField() = default;
  LogField(std::string_view name, std::string_view text) : key(name), value(text) {}
  LogField(std::string_view name, const char* text) : key(name), value(std::string_view(text)) {}
  LogField(std::string_view name, bool flag) : key(name), value(flag) {}
  LogField(std::string_view name, double number) : key(name), value(number) {}
  template <class Integer>
  requires std::is_integral_v<Integer> LogField(std::string_view name, Integer number)
      : key(name), value(widened(number)) {}

  std::string_view key;
  Value value;

 private:
  template <class Integer>
  static Value widened(Integer number) noexcept {
    if constexpr (std::is_signed_v<Integer>) {
      return static_cast<std::int64_t>(number);
    } else {
      return static_cast<std::uint64_t>(number);
    }
  }
};

/// Longest line, with its line break. One write of at most PIPE_BUF bytes never ends up in the
/// middle of another one's. Source: POSIX, write(); Linux, pipe(7).
inline constexpr std::size_t kLogLineBytes = 4096;

/// Writes one line with its line break; what does not fit is cut off behind a whole character.
/// Returns: the line, a view of `buffer`. Requires: a buffer of at least 128 bytes.
[[nodiscard]] std::string_view render_log_line(std::span<char> buffer, LogFormat format,
                                               std::chrono::system_clock::time_point time,
                                               LogLevel level, std::string_view message,
                                               std::span<const LogField> fields) noexcept;

}  // namespace frdpu::server

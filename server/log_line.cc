#include "server/log_line.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

namespace frdpu::server {
namespace {

// What is kept free for a closing quote, a brace and the line break.
constexpr std::size_t kReserve = 4;

constexpr std::string_view kLevels[] = {"debug", "info", "warning", "error"};

class Line {
 public:
  explicit Line(std::span<char> buffer) noexcept
      : buffer_(buffer), limit_(buffer.size() - kReserve) {}

  // All of the text or nothing; after the first piece that does not fit nothing more is taken.
  void add(std::string_view text) noexcept {
    if (full_ || used_ + text.size() > limit_) {
      full_ = true;
      return;
    }
    close(text);
  }
  // For what must be there however full the line is; fits into the reserve.
  void close(std::string_view text) noexcept {
    std::ranges::copy(text, buffer_.begin() + static_cast<std::ptrdiff_t>(used_));
    used_ += text.size();
  }
  [[nodiscard]] std::size_t mark() const noexcept { return used_; }
  // Takes back what was written since the mark.
  void rewind(std::size_t mark) noexcept { used_ = mark; }
  [[nodiscard]] bool full() const noexcept { return full_; }
  [[nodiscard]] std::string_view text() const noexcept { return {buffer_.data(), used_}; }

 private:
  std::span<char> buffer_;
  std::size_t limit_;
  std::size_t used_ = 0;
  bool full_ = false;
};

// Bytes of the UTF-8 character that `text` starts with; 0 when it starts with none, or with a
// control character (C1) that a terminal would obey. Source: RFC 3629, section 4.
std::size_t printable_utf8(std::string_view text) noexcept {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned first = byte(0);
  const std::size_t length = first >= 0xc2 && first <= 0xdf   ? 2
                             : first >= 0xe0 && first <= 0xef ? 3
                             : first >= 0xf0 && first <= 0xf4 ? 4
                                                              : 0;
  if (length == 0 || text.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return 0;
  }
  const unsigned second = byte(1);
  const bool overlong = (first == 0xe0 && second < 0xa0) || (first == 0xf0 && second < 0x90);
  const bool surrogate = first == 0xed && second > 0x9f;
  const bool beyond = first == 0xf4 && second > 0x8f;
  const bool control = first == 0xc2 && second < 0xa0;
  return overlong || surrogate || beyond || control ? 0 : length;
}

void add_escaped(Line& line, std::string_view text) noexcept {
  constexpr char kHex[] = "0123456789abcdef";
  while (!text.empty() && !line.full()) {
    const char c = text.front();
    std::size_t length = 1;
    if (c == '"' || c == '\\') {
      const char pair[] = {'\\', c};
      line.add({pair, 2});
    } else if (c == '\n') {
      line.add("\\n");
    } else if (c == '\r') {
      line.add("\\r");
    } else if (c == '\t') {
      line.add("\\t");
    } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      const auto value = static_cast<unsigned char>(c);
      const char code[] = {'\\', 'u', '0', '0', kHex[value >> 4], kHex[value & 15]};
      line.add({code, sizeof code});
    } else if (static_cast<unsigned char>(c) < 0x80) {
      line.add({&c, 1});
    } else if (const std::size_t whole = printable_utf8(text); whole != 0) {
      line.add(text.substr(0, whole));
      length = whole;
    } else {
      line.add("\\ufffd");
    }
    text.remove_prefix(length);
  }
}

// True for text that logfmt takes without quotes.
bool is_bare(std::string_view text) noexcept {
  return !text.empty() && std::ranges::all_of(text, [](char c) {
    return c > 0x20 && c < 0x7f && c != '"' && c != '\\' && c != '=';
  });
}

void add_text(Line& line, LogFormat format, std::string_view text) noexcept {
  if (format == LogFormat::logfmt && is_bare(text)) {
    line.add(text);
    if (!line.full()) return;
  }
  line.add("\"");
  if (line.full()) return;
  add_escaped(line, text);
  line.close("\"");
}

template <class Number>
void add_number(Line& line, Number number) noexcept {
  std::array<char, 40> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
  line.add({digits.data(), static_cast<std::size_t>(end - digits.data())});
}

void add_value(Line& line, LogFormat format, const LogField::Value& value) noexcept {
  if (const auto* text = std::get_if<std::string_view>(&value)) {
    add_text(line, format, *text);
  } else if (const auto* flag = std::get_if<bool>(&value)) {
    line.add(*flag ? "true" : "false");
  } else if (const auto* number = std::get_if<std::int64_t>(&value)) {
    add_number(line, *number);
  } else if (const auto* count = std::get_if<std::uint64_t>(&value)) {
    add_number(line, *count);
  } else if (const double real = std::get<double>(value); std::isfinite(real)) {
    add_number(line, real);
  } else {
    line.add("null");
  }
}

// A field stands whole in the line, or with its text cut, or not at all.
void add_field(Line& line, LogFormat format, const LogField& field) noexcept {
  const std::size_t mark = line.mark();
  if (format == LogFormat::json) {
    line.add(",\"");
    line.add(field.key);
    line.add("\":");
  } else {
    line.add(" ");
    line.add(field.key);
    line.add("=");
  }
  const std::size_t before_value = line.mark();
  if (!line.full()) add_value(line, format, field.value);
  if (line.mark() == before_value) line.rewind(mark);
}

void add_time(Line& line, std::chrono::system_clock::time_point time) noexcept {
  using namespace std::chrono;
  const auto in_ms = floor<milliseconds>(time);
  const auto day = floor<days>(in_ms);
  const year_month_day date(day);
  const hh_mm_ss clock(in_ms - day);
  const auto add_padded = [&](auto number, int width) {
    auto value = static_cast<unsigned>(number);
    std::array<char, 4> digits;
    for (int i = width; i-- > 0; value /= 10) {
      digits[static_cast<std::size_t>(i)] = static_cast<char>('0' + value % 10);
    }
    line.add({digits.data(), static_cast<std::size_t>(width)});
  };
  add_padded(static_cast<int>(date.year()), 4);
  line.add("-");
  add_padded(static_cast<unsigned>(date.month()), 2);
  line.add("-");
  add_padded(static_cast<unsigned>(date.day()), 2);
  line.add("T");
  add_padded(clock.hours().count(), 2);
  line.add(":");
  add_padded(clock.minutes().count(), 2);
  line.add(":");
  add_padded(clock.seconds().count(), 2);
  line.add(".");
  add_padded(clock.subseconds().count(), 3);
  line.add("Z");
}

}  // namespace

std::string_view render_log_line(std::span<char> buffer, LogFormat format,
                                 std::chrono::system_clock::time_point time, LogLevel level,
                                 std::string_view message,
                                 std::span<const LogField> fields) noexcept {
  Line line(buffer);
  const bool json = format == LogFormat::json;
  line.add(json ? "{\"time\":\"" : "time=");
  add_time(line, time);
  line.add(json ? "\",\"level\":\"" : " level=");
  line.add(kLevels[static_cast<std::size_t>(level)]);
  line.add(json ? "\"" : "");
  add_field(line, format, LogField("msg", message));
  for (const LogField& field : fields) add_field(line, format, field);
  line.close(json ? "}\n" : "\n");
  return line.text();
}

}  // namespace frdpu::server

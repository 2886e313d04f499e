#include "proto/http_date.h"

#include <array>
#include <cassert>
#include <string_view>

namespace frdpu::proto {
namespace {

constexpr std::array<std::string_view, 7> kDays = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
constexpr std::array<std::string_view, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                      "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

// Collects the pieces; the text has room for exactly one date.
struct DateWriter {
  HttpDate date;
  bool fits = true;

  void put(std::string_view text) noexcept { fits = date.append(text) && fits; }
  void put_digits(unsigned value, unsigned digits) noexcept {
    unsigned place = 1;
    for (unsigned i = 1; i < digits; ++i) place *= 10;
    for (; place > 0; place /= 10) {
      fits = date.push_back(static_cast<char>('0' + value / place % 10)) && fits;
    }
  }
};

}  // namespace

HttpDate format_http_date(std::chrono::sys_seconds time) noexcept {
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(time - day);
  const auto year = static_cast<int>(date.year());
  assert(year >= 0 && year <= 9999);

  DateWriter writer;
  writer.put(kDays[std::chrono::weekday(day).c_encoding()]);
  writer.put(", ");
  writer.put_digits(static_cast<unsigned>(date.day()), 2);
  writer.put(" ");
  writer.put(kMonths[static_cast<unsigned>(date.month()) - 1]);
  writer.put(" ");
  writer.put_digits(static_cast<unsigned>(year), 4);
  writer.put(" ");
  writer.put_digits(static_cast<unsigned>(clock.hours().count()), 2);
  writer.put(":");
  writer.put_digits(static_cast<unsigned>(clock.minutes().count()), 2);
  writer.put(":");
  writer.put_digits(static_cast<unsigned>(clock.seconds().count()), 2);
  writer.put(" GMT");
  assert(writer.fits && writer.date.size() == HttpDate::capacity());
  return writer.date;
}

}  // namespace frdpu::proto

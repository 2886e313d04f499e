#pragma once

#include <chrono>

#include "proto/fixed_text.h"

namespace frdpu::proto {

/// A point in time as the Date field has it: `Sun, 06 Nov 1994 08:49:37 GMT`.
using HttpDate = FixedText<29>;

/// Writes a date. The caller keeps the result for a second: it is asked for by every response.
/// Requires: a year of four digits. Source: RFC 9110, section 5.6.7 (IMF-fixdate).
[[nodiscard]] HttpDate format_http_date(std::chrono::sys_seconds time) noexcept;

}  // namespace frdpu::proto

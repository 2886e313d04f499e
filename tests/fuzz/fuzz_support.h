#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <source_location>
#include <span>
#include <string_view>

#include "core/bytes.h"

/// What every fuzz target needs: how a broken promise ends a run, and choices taken from the input.
namespace frdpu::fuzz {

/// Ends the run as a finding when a promise does not hold; place and `what` stand in the log.
inline void require(bool holds, const char* what = "",
                    std::source_location place = std::source_location::current()) {
  if (holds) return;
  std::fprintf(stderr, "broken: %s:%u %s\n", place.file_name(), place.line(), what);
  std::abort();
}

/// Takes the choices of a case off the front of the fuzzer's bytes.
class Choices {
 public:
  Choices(const std::uint8_t* data, std::size_t size) : rest_(data, size) {}
  /// Returns: a number below `limit`; 0 when the bytes are used up.
  std::size_t below(std::size_t limit) {
    std::size_t value = 0;
    for (std::size_t most = limit - 1; most != 0; most >>= 8) value = value << 8 | next();
    return value % limit;
  }
  [[nodiscard]] core::Bytes rest() const { return std::as_bytes(rest_); }
  [[nodiscard]] std::string_view text() const { return core::as_text(rest()); }

 private:
  std::size_t next() {
    if (rest_.empty()) return 0;
    const std::uint8_t value = rest_.front();
    rest_ = rest_.subspan(1);
    return value;
  }
  std::span<const std::uint8_t> rest_;
};

}  // namespace frdpu::fuzz

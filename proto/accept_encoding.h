#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "core/coding.h"
#include "proto/request_head.h"

/// What a client says about the codings it takes. Source: RFC 9110, section 12.5.3.
namespace frdpu::proto {

/// Preferences by coding. A plain value.
///
/// An element that breaks the grammar counts as if it were not there: what is left of the field
/// can only allow less, and the answer is one that the client can read. A coding that is named
/// twice has its lowest quality, so that nothing is sent that was refused anywhere.
class AcceptEncoding {
 public:
  /// The highest quality. Units: thousandths.
  static constexpr std::uint16_t kMaxQuality = 1000;

  /// Takes one line of the field; a later line goes on where the one before ended.
  void add_line(std::string_view line) noexcept;

  /// Returns the quality that the field gives to a coding by name or by `*`, or nothing where it
  /// speaks of neither. Units: thousandths; 0 is a refusal.
  [[nodiscard]] std::optional<std::uint16_t> quality(core::Coding coding) const noexcept;

  /// Returns whether the coding may be sent. Identity may, unless it was refused.
  [[nodiscard]] bool accepts(core::Coding coding) const noexcept;

 private:
  static constexpr std::uint16_t kUnset = 0xFFFF;

  std::array<std::uint16_t, core::kCodingCount> qualities_ = [] {
    std::array<std::uint16_t, core::kCodingCount> unset{};
    unset.fill(kUnset);
    return unset;
  }();
  std::uint16_t star_ = kUnset;
};

/// Reads all lines of the field. An absent field, and one without elements, names nothing.
[[nodiscard]] AcceptEncoding parse_accept_encoding(const FieldLines& lines) noexcept;

/// Reads a weight's number ("0.5"). Returns: thousandths, or nothing where it is no qvalue: more
/// than three decimals, more than 1, or anything but digits. Source: RFC 9110, section 12.4.2.
[[nodiscard]] std::optional<std::uint16_t> parse_quality(std::string_view text) noexcept;

}  // namespace frdpu::proto

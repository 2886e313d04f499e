#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>

/// ASCII text, many octets at a time.
namespace frdpu::core {

/// Returns the small letter of a capital one; everything else as it is.
[[nodiscard]] constexpr char lower(char c) noexcept {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

/// Compares ASCII text, whatever the case. Cost: eight octets a step.
[[nodiscard]] bool equals_ignoring_case(std::string_view a, std::string_view b) noexcept;

/// Returns the eight octets from `at` on. Requires: they are there.
[[nodiscard]] inline std::uint64_t eight_at(std::string_view text, std::size_t at) noexcept {
  std::uint64_t word = 0;
  std::memcpy(&word, text.data() + at, sizeof word);
  return word;
}

/// The same value in all eight octets of a word.
[[nodiscard]] constexpr std::uint64_t in_each_octet(std::uint8_t value) noexcept {
  return value * std::uint64_t{0x0101010101010101};
}

}  // namespace frdpu::core

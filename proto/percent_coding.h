#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "proto/fixed_text.h"

/// Percent-encoding of request targets. Source: RFC 3986, section 2.1.
namespace frdpu::proto {

/// Takes the first character of an encoded text, or the octet that its escape stands for, and
/// moves the view behind it.
/// Requires: `text` is not empty.
/// Returns: nothing, with `text` as it was, when it starts with a broken escape.
[[nodiscard]] std::optional<char> take_decoded(std::string_view& text) noexcept;

/// Returns whether every `%` is followed by two hexadecimal digits.
[[nodiscard]] bool escapes_are_valid(std::string_view text) noexcept;

/// Returns whether `encoded` stands for `plain`. A broken escape stands for nothing.
[[nodiscard]] bool equals_decoded(std::string_view encoded, std::string_view plain) noexcept;

enum class DecodeOutcome : std::uint8_t { ok, broken_escape, too_long };

/// Decodes into fixed storage, which is cleared first. `+` stays a plus: the contract's values
/// hold no spaces. On any other outcome than `ok` the storage holds what came before.
template <std::size_t Capacity>
[[nodiscard]] DecodeOutcome percent_decode(std::string_view encoded,
                                           FixedText<Capacity>& out) noexcept {
  out.clear();
  if (!encoded.contains('%') && out.append(encoded)) return DecodeOutcome::ok;
  while (!encoded.empty()) {
    const std::optional<char> c = take_decoded(encoded);
    if (!c) return DecodeOutcome::broken_escape;
    if (!out.push_back(*c)) return DecodeOutcome::too_long;
  }
  return DecodeOutcome::ok;
}

}  // namespace frdpu::proto

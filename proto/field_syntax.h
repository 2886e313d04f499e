#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

/// The small grammar that all header fields share. Source: RFC 9110, section 5.6.
namespace frdpu::proto {

/// Some of the octets, as a table. Life cycle: a constant, made by the compiler from a predicate.
class CharSet {
 public:
  template <class Predicate>
  explicit consteval CharSet(Predicate is_in) noexcept {
    for (unsigned octet = 0; octet < table_.size(); ++octet) {
      table_[octet] = is_in(static_cast<char>(octet));
    }
  }
  [[nodiscard]] constexpr bool contains(char c) const noexcept {
    return table_[static_cast<unsigned char>(c)];
  }
  /// Returns whether the text has no other characters. Cost: an index and no branch a character.
  [[nodiscard]] constexpr bool contains_all_of(std::string_view text) const noexcept {
    bool all = true;
    for (const char c : text) all &= contains(c);
    return all;
  }

 private:
  std::array<bool, 256> table_{};
};

/// Returns whether the character may stand in a token (tchar). Cost: an index.
[[nodiscard]] bool is_token_char(char c) noexcept;

/// Returns whether the text is a token: not empty, and of nothing but tchars.
[[nodiscard]] bool is_token(std::string_view text) noexcept;

/// Returns whether the character may stand in a field value: visible ASCII, space, tab, or above.
[[nodiscard]] constexpr bool is_field_value_char(char c) noexcept {
  const auto octet = static_cast<unsigned char>(c);
  return octet == '\t' || (octet >= 0x20 && octet != 0x7F);
}

/// Returns whether the text can be sent as a field's value without changing the message around it.
[[nodiscard]] bool is_field_value(std::string_view text) noexcept;

/// Finds the first character that may stand in no field value.
/// Returns: its place, or npos. Cost: eight characters a step.
[[nodiscard]] std::size_t find_control(std::string_view text) noexcept;

/// Takes spaces and tabs (OWS) off both ends.
[[nodiscard]] std::string_view trim(std::string_view text) noexcept;

/// The elements of a comma-separated list, one after the other.
/// Quoted strings are not looked into: no list that we read has any.
/// Ownership: views the list.
class ListElements {
 public:
  explicit ListElements(std::string_view list) noexcept : rest_(list) {}

  /// Returns the next element, trimmed, or nothing at the end. An empty element comes as an empty
  /// view, which the caller judges; an empty list has one.
  [[nodiscard]] std::optional<std::string_view> next() noexcept;

 private:
  std::string_view rest_;
  bool ended_ = false;
};

/// Returns a field value without its parameters (`text/plain` of `text/plain; charset=utf-8`).
[[nodiscard]] std::string_view without_parameters(std::string_view value) noexcept;

}  // namespace frdpu::proto

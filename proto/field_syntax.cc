#include "proto/field_syntax.h"

#include <algorithm>

#include "core/text.h"

namespace frdpu::proto {
namespace {

constexpr CharSet kTokenChars([](char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
         std::string_view("!#$%&'*+-.^_`|~").contains(c);
});

using core::eight_at;
using core::in_each_octet;

// Whether some octet is 0x7F or below 0x20, a tab too. Source: "Bit Twiddling Hacks", hasless.
constexpr bool holds_control(std::uint64_t word) noexcept {
  const std::uint64_t is_low = (word - in_each_octet(0x20)) & ~word;
  const std::uint64_t with_del = word ^ in_each_octet(0x7F);
  const std::uint64_t is_del = (with_del - in_each_octet(1)) & ~with_del;
  return ((is_low | is_del) & in_each_octet(0x80)) != 0;
}

}  // namespace

bool is_token_char(char c) noexcept {
  return kTokenChars.contains(c);
}

bool is_token(std::string_view text) noexcept {
  return !text.empty() && kTokenChars.contains_all_of(text);
}

std::size_t find_control(std::string_view text) noexcept {
  std::size_t at = 0;
  if (text.size() >= sizeof(std::uint64_t)) {
    const std::size_t last = text.size() - sizeof(std::uint64_t);
    while (at < last && !holds_control(eight_at(text, at))) at += sizeof(std::uint64_t);
    // The last step looks at some octets again rather than at each of a rest.
    if (at >= last && !holds_control(eight_at(text, last))) return text.npos;
  }
  for (; at < text.size(); ++at) {
    if (!is_field_value_char(text[at])) return at;
  }
  return text.npos;
}

bool is_field_value(std::string_view text) noexcept {
  return find_control(text) == text.npos;
}

std::string_view trim(std::string_view text) noexcept {
  constexpr std::string_view kSpace = " \t";
  const std::size_t begin = text.find_first_not_of(kSpace);
  if (begin == text.npos) return {};
  return text.substr(begin, text.find_last_not_of(kSpace) - begin + 1);
}

std::optional<std::string_view> ListElements::next() noexcept {
  if (ended_) return std::nullopt;
  const std::size_t comma = rest_.find(',');
  const std::string_view element = trim(rest_.substr(0, comma));
  ended_ = comma == rest_.npos;
  if (!ended_) rest_.remove_prefix(comma + 1);
  return element;
}

std::string_view without_parameters(std::string_view value) noexcept {
  return trim(value.substr(0, value.find(';')));
}

}  // namespace frdpu::proto

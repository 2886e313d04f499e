#include "proto/field_syntax.h"

#include <algorithm>
#include <cstring>

namespace frdpu::proto {
namespace {

constexpr CharSet kTokenChars([](char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
         std::string_view("!#$%&'*+-.^_`|~").contains(c);
});

constexpr std::uint64_t kOnes = 0x0101010101010101;
constexpr std::uint64_t kHighBits = 0x80 * kOnes;

constexpr char lower(char c) noexcept {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

std::uint64_t eight_at(std::string_view text, std::size_t at) noexcept {
  std::uint64_t word = 0;
  std::memcpy(&word, text.data() + at, sizeof word);
  return word;
}

// Four to seven octets as one word: the last four again behind the first four.
std::uint64_t short_word(std::string_view text) noexcept {
  std::uint32_t first = 0;
  std::uint32_t last = 0;
  std::memcpy(&first, text.data(), sizeof first);
  std::memcpy(&last, text.data() + text.size() - sizeof last, sizeof last);
  return std::uint64_t{last} << 32 | first;
}

// Whether some octet is 0x7F or below 0x20, a tab too. Source: "Bit Twiddling Hacks", hasless.
constexpr bool holds_control(std::uint64_t word) noexcept {
  const std::uint64_t is_low = (word - 0x20 * kOnes) & ~word;
  const std::uint64_t with_del = word ^ (0x7F * kOnes);
  const std::uint64_t is_del = (with_del - kOnes) & ~with_del;
  return ((is_low | is_del) & kHighBits) != 0;
}

// Eight octets at once: those from A to Z get the bit that makes them small.
constexpr std::uint64_t all_lower(std::uint64_t word) noexcept {
  const std::uint64_t low_bits = word & ~kHighBits;
  const std::uint64_t from_a = low_bits + (0x80 - 'A') * kOnes;
  const std::uint64_t behind_z = low_bits + (0x7F - 'Z') * kOnes;
  return word | ((from_a & ~behind_z & ~word & kHighBits) >> 2);
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

bool equals_ignoring_case(std::string_view a, std::string_view b) noexcept {
  constexpr std::size_t kWord = sizeof(std::uint64_t);
  const std::size_t size = a.size();
  if (size != b.size()) return false;
  if (size < kWord / 2) return std::ranges::equal(a, b, {}, lower, lower);
  if (size < kWord) return all_lower(short_word(a)) == all_lower(short_word(b));
  for (std::size_t at = 0; at < size - kWord; at += kWord) {
    if (all_lower(eight_at(a, at)) != all_lower(eight_at(b, at))) return false;
  }
  // The last step looks at some octets again rather than at each of a rest.
  return all_lower(eight_at(a, size - kWord)) == all_lower(eight_at(b, size - kWord));
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

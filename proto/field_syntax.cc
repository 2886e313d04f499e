#include "proto/field_syntax.h"

#include <algorithm>
#include <cstring>

namespace frdpu::proto {
namespace {

constexpr std::array<bool, 256> kTokenChars = [] {
  std::array<bool, 256> table{};
  for (char c = '0'; c <= '9'; ++c) table[static_cast<unsigned char>(c)] = true;
  for (char c = 'a'; c <= 'z'; ++c) table[static_cast<unsigned char>(c)] = true;
  for (char c = 'A'; c <= 'Z'; ++c) table[static_cast<unsigned char>(c)] = true;
  for (const char c : std::string_view("!#$%&'*+-.^_`|~"))
    table[static_cast<unsigned char>(c)] = true;
  return table;
}();

constexpr char lower(char c) noexcept {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

}  // namespace

bool is_token_char(char c) noexcept {
  return kTokenChars[static_cast<unsigned char>(c)];
}

bool is_token(std::string_view text) noexcept {
  bool good = !text.empty();
  for (const char c : text) good = good && kTokenChars[static_cast<unsigned char>(c)];
  return good;
}

std::size_t find_control(std::string_view text) noexcept {
  constexpr std::uint64_t kOnes = 0x0101010101010101;
  constexpr std::uint64_t kHighBits = 0x80 * kOnes;
  std::size_t at = 0;
  while (at < text.size()) {
    if (text.size() - at >= sizeof(std::uint64_t)) {
      std::uint64_t word = 0;
      std::memcpy(&word, text.data() + at, sizeof word);
      // Not zero if some octet is below 0x20, or is 0x7F. Source: "Bit Twiddling Hacks", hasless.
      const std::uint64_t is_low = (word - 0x20 * kOnes) & ~word;
      const std::uint64_t with_del = word ^ (0x7F * kOnes);
      const std::uint64_t is_del = (with_del - kOnes) & ~with_del;
      if (((is_low | is_del) & kHighBits) == 0) {
        at += sizeof word;
        continue;
      }
    }
    const std::size_t end = std::min(at + sizeof(std::uint64_t), text.size());
    for (; at < end; ++at) {
      if (!is_field_value_char(text[at])) return at;
    }
  }
  return text.npos;
}

bool is_field_value(std::string_view text) noexcept {
  return find_control(text) == text.npos;
}

bool equals_ignoring_case(std::string_view a, std::string_view b) noexcept {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (lower(a[i]) != lower(b[i])) return false;
  }
  return true;
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

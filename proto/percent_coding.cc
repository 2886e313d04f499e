#include "proto/percent_coding.h"

namespace frdpu::proto {
namespace {

constexpr int hex_value(char c) noexcept {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

std::optional<char> take_decoded(std::string_view& text) noexcept {
  const char first = text.front();
  if (first != '%') {
    text.remove_prefix(1);
    return first;
  }
  if (text.size() < 3) return std::nullopt;
  const int high = hex_value(text[1]);
  const int low = hex_value(text[2]);
  if (high < 0 || low < 0) return std::nullopt;
  text.remove_prefix(3);
  return static_cast<char>(static_cast<unsigned char>(high * 16 + low));
}

bool escapes_are_valid(std::string_view text) noexcept {
  for (std::size_t at = text.find('%'); at != text.npos; at = text.find('%', at + 3)) {
    std::string_view escape = text.substr(at);
    if (!take_decoded(escape)) return false;
  }
  return true;
}

bool equals_decoded(std::string_view encoded, std::string_view plain) noexcept {
  // An escape has two characters more than what it stands for.
  if (encoded.size() <= plain.size()) return encoded == plain && !encoded.contains('%');
  if ((encoded.size() - plain.size()) % 2 != 0) return false;
  while (!encoded.empty() && !plain.empty()) {
    if (take_decoded(encoded) != plain.front()) return false;
    plain.remove_prefix(1);
  }
  return encoded.empty() && plain.empty();
}

}  // namespace frdpu::proto

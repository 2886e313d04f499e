#include "proto/json_writer.h"

#include <cassert>
#include <charconv>
#include <cmath>

namespace frdpu::proto {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";  // U+FFFD

constexpr bool is_continuation(char c) noexcept {
  return (static_cast<unsigned char>(c) & 0xC0u) == 0x80u;
}

// Returns the bytes of the UTF-8 character that the text starts with, 0 where it is none.
// Source: RFC 3629, section 4: no overlong forms, no surrogates, nothing above U+10FFFF.
std::size_t utf8_size(std::string_view text) noexcept {
  const auto lead = static_cast<unsigned char>(text[0]);
  if (lead < 0x80) return 1;
  const std::size_t size = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  if (lead < 0xC2 || lead > 0xF4 || text.size() < size) return 0;
  for (std::size_t i = 1; i < size; ++i) {
    if (!is_continuation(text[i])) return 0;
  }
  const auto second = static_cast<unsigned char>(text[1]);
  const bool overlong = (lead == 0xE0 && second < 0xA0) || (lead == 0xF0 && second < 0x90);
  const bool too_high = (lead == 0xED && second > 0x9F) || (lead == 0xF4 && second > 0x8F);
  return overlong || too_high ? 0 : size;
}

}  // namespace

void JsonWriter::before_value() noexcept {
  if (after_key_) {
    after_key_ = false;
    return;
  }
  const std::uint32_t level = depth_ == 0 ? 0 : 1u << (depth_ - 1);
  if ((has_elements_ & level) != 0) text_.put(',');
  has_elements_ |= level;
}

void JsonWriter::open(char bracket) noexcept {
  before_value();
  assert(depth_ < kMaxDepth);
  has_elements_ &= ~(1u << depth_);
  ++depth_;
  text_.put(bracket);
}

void JsonWriter::close(char bracket) noexcept {
  assert(depth_ > 0 && !after_key_);
  --depth_;
  text_.put(bracket);
}

void JsonWriter::key(std::string_view name) noexcept {
  assert(depth_ > 0);
  string(name);
  text_.put(':');
  after_key_ = true;
}

void JsonWriter::begin_string() noexcept {
  before_value();
  text_.put('"');
}

void JsonWriter::string(std::string_view value) noexcept {
  begin_string();
  string_part(value);
  end_string();
}

void JsonWriter::string_part(std::string_view part) noexcept {
  while (!part.empty()) {
    const char c = part.front();
    const std::size_t size = utf8_size(part);
    if (size == 0) {
      text_.put(kReplacement);
    } else if (c == '"' || c == '\\') {
      text_.put('\\');
      text_.put(c);
    } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) {
      text_.put(c < 0x10 ? "\\u000" : "\\u00");
      text_.put_number(static_cast<unsigned char>(c), 16);
    } else {
      text_.put(part.substr(0, size));
    }
    part.remove_prefix(size == 0 ? 1 : size);
  }
}

void JsonWriter::number(std::uint64_t value) noexcept {
  before_value();
  text_.put_number(value);
}

void JsonWriter::number(double value) noexcept {
  if (!std::isfinite(value)) {
    null();
    return;
  }
  before_value();
  char digits[32];  // the shortest form of a double has at most 24 characters
  const auto end = std::to_chars(digits, digits + sizeof digits, value).ptr;
  text_.put(std::string_view(digits, static_cast<std::size_t>(end - digits)));
}

void JsonWriter::boolean(bool value) noexcept {
  before_value();
  text_.put(value ? "true" : "false");
}

void JsonWriter::null() noexcept {
  before_value();
  text_.put("null");
}

}  // namespace frdpu::proto

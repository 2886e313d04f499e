#include "proto/accept.h"

#include <algorithm>
#include <optional>

#include "core/text.h"
#include "proto/accept_encoding.h"
#include "proto/field_syntax.h"

namespace frdpu::proto {
namespace {

// Returns the value of the first parameter of this name.
std::optional<std::string_view> parameter(std::string_view text, std::string_view name) noexcept {
  for (std::size_t at = text.find(';'); at != text.npos; at = text.find(';')) {
    text.remove_prefix(at + 1);
    const std::string_view pair = trim(text.substr(0, text.find(';')));
    const std::size_t equals = pair.find('=');
    if (equals == pair.npos || !core::equals_ignoring_case(pair.substr(0, equals), name)) continue;
    return pair.substr(equals + 1);
  }
  return std::nullopt;
}

// How closely a range fits: 0 not at all, 3 exactly.
int closeness(std::string_view range, std::string_view media_type) noexcept {
  const std::string_view name = without_parameters(range);
  const std::string_view offered = without_parameters(media_type);
  if (const auto version = parameter(range, "version")) {
    if (*version != parameter(media_type, "version")) return 0;
  }
  if (core::equals_ignoring_case(name, offered)) return 3;
  if (name == "*/*") return 1;
  const std::size_t slash = offered.find('/');
  const bool is_type_range =
      name.ends_with("/*") && slash + 2 == name.size() &&
      core::equals_ignoring_case(name.substr(0, slash), offered.substr(0, slash));
  return is_type_range ? 2 : 0;
}

}  // namespace

std::uint16_t accept_quality(std::string_view accept, std::string_view media_type) noexcept {
  if (trim(accept).empty()) return AcceptEncoding::kMaxQuality;
  int closest = 0;
  std::uint16_t quality = 0;
  ListElements ranges(accept);
  while (const auto range = ranges.next()) {
    const int close = closeness(*range, media_type);
    if (close == 0 || close < closest) continue;
    const auto weight = parse_quality(parameter(*range, "q").value_or("1"));
    if (!weight) continue;
    quality = close > closest ? *weight : std::max(quality, *weight);
    closest = close;
  }
  return quality;
}

}  // namespace frdpu::proto

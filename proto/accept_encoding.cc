#include "proto/accept_encoding.h"

#include <algorithm>

#include "proto/field_syntax.h"

namespace frdpu::proto {
namespace {

// An element is `coding [ OWS ";" OWS "q=" qvalue ]`; returns nothing where it is not.
struct Element {
  std::string_view name;
  std::uint16_t quality;
};

std::optional<Element> parse_element(std::string_view text) noexcept {
  const std::size_t semicolon = text.find(';');
  Element element{.name = trim(text.substr(0, semicolon)), .quality = AcceptEncoding::kMaxQuality};
  if (!is_token(element.name)) return std::nullopt;
  if (semicolon == text.npos) return element;
  const std::string_view weight = trim(text.substr(semicolon + 1));
  if (weight.size() < 2 || (weight[0] != 'q' && weight[0] != 'Q') || weight[1] != '=') {
    return std::nullopt;
  }
  const auto quality = parse_quality(weight.substr(2));
  if (!quality) return std::nullopt;
  element.quality = *quality;
  return element;
}

}  // namespace

std::optional<std::uint16_t> parse_quality(std::string_view text) noexcept {
  // qvalue = ( "0" [ "." 0*3DIGIT ] ) / ( "1" [ "." 0*3("0") ] )
  if (text.empty() || text.size() > 5 || (text[0] != '0' && text[0] != '1')) return std::nullopt;
  if (text.size() > 1 && text[1] != '.') return std::nullopt;
  unsigned value = text[0] == '1' ? 1000 : 0;
  unsigned place = 100;
  for (const char c : text.substr(std::min<std::size_t>(2, text.size()))) {
    if (c < '0' || c > '9') return std::nullopt;
    value += static_cast<unsigned>(c - '0') * place;
    place /= 10;
  }
  if (value > AcceptEncoding::kMaxQuality) return std::nullopt;
  return static_cast<std::uint16_t>(value);
}

void AcceptEncoding::add_line(std::string_view line) noexcept {
  ListElements list(line);
  while (const auto text = list.next()) {
    const auto element = parse_element(*text);
    if (!element) continue;
    if (element->name == "*") {
      star_ = std::min(star_, element->quality);  // kUnset is above every quality
    } else if (const auto coding = core::coding_from_name(element->name)) {
      std::uint16_t& quality = qualities_[static_cast<std::size_t>(*coding)];
      quality = std::min(quality, element->quality);
    }
  }
}

std::optional<std::uint16_t> AcceptEncoding::quality(core::Coding coding) const noexcept {
  const std::uint16_t named = qualities_[static_cast<std::size_t>(coding)];
  const std::uint16_t quality = named != kUnset ? named : star_;
  if (quality == kUnset) return std::nullopt;
  return quality;
}

bool AcceptEncoding::accepts(core::Coding coding) const noexcept {
  return quality(coding).value_or(coding == core::Coding::identity ? 1 : 0) > 0;
}

AcceptEncoding parse_accept_encoding(const FieldLines& lines) noexcept {
  AcceptEncoding result;
  for (const std::string_view line : lines.lines()) result.add_line(line);
  return result;
}

}  // namespace frdpu::proto

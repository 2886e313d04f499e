#include "proto/query_reader.h"

#include <algorithm>
#include <charconv>

#include "proto/percent_coding.h"

namespace frdpu::proto {
namespace {

using core::Errc;

// In the order of the enumerators.
constexpr std::array<std::string_view, kParameterCount> kNames = {
    "coding", "level", "window", "label", "dictionary", "prefer", "to", "from", "size", "split"};

std::optional<Parameter> parameter_from_name(std::string_view encoded) noexcept {
  for (std::size_t i = 0; i < kNames.size(); ++i) {
    if (equals_decoded(encoded, kNames[i])) return static_cast<Parameter>(i);
  }
  return std::nullopt;
}

}  // namespace

std::string_view to_string(Parameter parameter) noexcept {
  return kNames[static_cast<std::size_t>(parameter)];
}

RequestResult<QueryParameters> QueryParameters::parse(std::string_view query,
                                                      ParameterSet allowed) noexcept {
  QueryParameters result;
  while (!query.empty()) {
    const std::size_t end = std::min(query.find('&'), query.size());
    const std::string_view piece = query.substr(0, end);
    query.remove_prefix(std::min(end + 1, query.size()));
    if (piece.empty()) continue;
    const std::size_t mark = std::min(piece.find('='), piece.size());
    const std::string_view name = piece.substr(0, mark);
    const std::string_view value = piece.substr(std::min(mark + 1, piece.size()));
    const std::optional<Parameter> parameter = parameter_from_name(name);
    if (!parameter || !allowed.contains(*parameter)) {
      return refuse(Errc::unknown_parameter, "The operation takes no parameter of that name.", name,
                    value);
    }
    if (result.has(*parameter)) {
      return refuse(Errc::invalid_parameter, "The parameter is given more than once.",
                    to_string(*parameter), value);
    }
    result.given_.insert(*parameter);
    result.raw_[static_cast<std::size_t>(*parameter)] = value;
  }
  return result;
}

RequestResult<ParameterValue> QueryParameters::decoded(Parameter parameter,
                                                       Errc code) const noexcept {
  ParameterValue value;
  switch (percent_decode(raw(parameter), value)) {
    case DecodeOutcome::ok:
      return value;
    case DecodeOutcome::broken_escape:
      return refuse_value(parameter, Errc::invalid_parameter,
                          "The value holds a broken percent-escape.");
    case DecodeOutcome::too_long:
      break;
  }
  return refuse_value(parameter, code, "The value is too long to mean anything.");
}

RequestResult<std::uint32_t> QueryParameters::number(Parameter parameter, Bounds bounds, Errc code,
                                                     std::string_view subject) const noexcept {
  const auto text = decoded(parameter, code);
  if (!text) return std::unexpected(text.error());
  auto wrong = refuse_value(parameter, code, "The value is not a whole number.").error();
  wrong.subject = subject;
  wrong.bounds = bounds;
  const std::string_view digits = text->view();
  if (digits.empty() || !std::ranges::all_of(digits, [](char c) { return c >= '0' && c <= '9'; })) {
    return std::unexpected(wrong);
  }
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  const bool overflow = error != std::errc{};
  if (!overflow && value >= bounds.min && value <= bounds.max) {
    return static_cast<std::uint32_t>(value);
  }
  wrong.error.detail = "The value is outside its range.";
  wrong.error.limit = overflow || value > bounds.max ? bounds.max : bounds.min;
  if (!overflow) wrong.error.observed = value;
  return std::unexpected(wrong);
}

}  // namespace frdpu::proto

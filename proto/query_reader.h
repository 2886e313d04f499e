#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string_view>

#include "proto/fixed_text.h"
#include "proto/request_error.h"

/// Takes a query apart, before anyone asks what its values mean.
namespace frdpu::proto {

/// Every query parameter of the API.
enum class Parameter : std::uint8_t {
  coding,
  level,
  window,
  label,
  dictionary,
  prefer,
  to,
  from,
  size,
  split,
};
inline constexpr std::size_t kParameterCount = 10;

/// Returns the parameter's name as it stands in a query.
[[nodiscard]] std::string_view to_string(Parameter parameter) noexcept;

/// Some of the parameters: those that an operation takes.
class ParameterSet {
 public:
  constexpr ParameterSet() = default;
  constexpr ParameterSet(std::initializer_list<Parameter> parameters) noexcept {
    for (const Parameter parameter : parameters) insert(parameter);
  }
  constexpr void insert(Parameter parameter) noexcept {
    bits_ = static_cast<std::uint16_t>(bits_ | 1u << static_cast<unsigned>(parameter));
  }
  [[nodiscard]] constexpr bool contains(Parameter parameter) const noexcept {
    return (bits_ >> static_cast<unsigned>(parameter) & 1u) != 0;
  }

 private:
  std::uint16_t bits_ = 0;
};

/// A decoded value. No value that means anything is longer than a dictionary's name.
using ParameterValue = FixedText<64>;

/// The parameters of one request, each at most once and each known to the operation.
class QueryParameters {
 public:
  /// Splits a query (the target behind its `?`) at `&` and `=`; names are case-sensitive and may
  /// be percent-encoded. Empty pieces (`a=1&&b=2`) mean nothing and are skipped.
  /// Errors: unknown_parameter for a name that is not in `allowed`; invalid_parameter for one that
  /// is repeated.
  /// Ownership: values are views into `query`.
  [[nodiscard]] static RequestResult<QueryParameters> parse(std::string_view query,
                                                            ParameterSet allowed) noexcept;

  [[nodiscard]] bool has(Parameter parameter) const noexcept { return given_.contains(parameter); }

  /// Returns the value as it was sent; empty where the parameter is absent.
  [[nodiscard]] std::string_view raw(Parameter parameter) const noexcept {
    return raw_[static_cast<std::size_t>(parameter)];
  }

  /// Decodes a value. Errors: `code` when it is longer than any value may be, invalid_parameter
  /// for a broken percent-escape.
  [[nodiscard]] RequestResult<ParameterValue> decoded(Parameter parameter,
                                                      core::Errc code) const noexcept;

  /// Decodes a whole number within bounds.
  /// Errors: `code` for anything but digits and for a value outside; with bounds, limit (the bound
  /// that was broken) and observed filled in.
  [[nodiscard]] RequestResult<std::uint32_t> number(Parameter parameter, Bounds bounds,
                                                    core::Errc code,
                                                    std::string_view subject) const noexcept;

  /// Makes the refusal of a parameter that is there: with its name and its value.
  [[nodiscard]] std::unexpected<RequestError> refuse_value(Parameter parameter, core::Errc code,
                                                           const char* detail) const noexcept {
    return refuse(code, detail, to_string(parameter), raw(parameter));
  }

 private:
  std::array<std::string_view, kParameterCount> raw_{};
  ParameterSet given_{};
};

}  // namespace frdpu::proto

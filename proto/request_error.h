#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string_view>

#include "core/error.h"

/// The one error type of `proto`: a `core::Error` and what a problem document says about it.
namespace frdpu::proto {

/// What a value may be, both ends included.
struct Bounds {
  std::uint64_t min = 0;
  std::uint64_t max = 0;
};

/// Why a request is refused.
/// Ownership: all views look into the request's head or at literals; an error must not outlive
/// the head. Nothing here is ever taken from a body or an Authorization.
struct RequestError {
  core::Error error{};
  std::string_view parameter{};    ///< the query parameter or header field that is wrong
  std::string_view value{};        ///< its value as it was sent, still percent-encoded
  std::string_view subject{};      ///< whose rule was broken, e.g. the coding of a level
  std::optional<Bounds> bounds{};  ///< what the value may be, where that is a range
  std::string_view flag{};         ///< the flag that sets the limit, where not the code's own
  bool fixed_limit = false;        ///< no flag sets the limit: it is ours
};

template <class T>
using RequestResult = std::expected<T, RequestError>;

/// Shorthand for the return of a refusal. Requires: `detail` is a literal.
[[nodiscard]] inline std::unexpected<RequestError> refuse(core::Errc code, const char* detail,
                                                          std::string_view parameter = {},
                                                          std::string_view value = {}) noexcept {
  return std::unexpected<RequestError>(RequestError{
      .error = {.code = code, .detail = detail}, .parameter = parameter, .value = value});
}

}  // namespace frdpu::proto

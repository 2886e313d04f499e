#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "core/bytes.h"
#include "core/error.h"
#include "proto/request_error.h"

/// Error codes as HTTP answers: the one table, and the body that says what was wrong.
namespace frdpu::proto {

/// The media type of every error's body. Source: RFC 9457.
inline constexpr std::string_view kProblemType = "application/problem+json";

/// What an error code means to a client.
struct ProblemInfo {
  core::Errc code;
  std::uint16_t status;
  std::string_view name;  ///< `code` of the body and label of the metric
  std::string_view title;
  /// Nothing more can be read from the connection: where the next request starts is unknown, or
  /// there is to be none. Other refusals keep it, as far as the body was read.
  bool closes = false;
  std::uint16_t retry_after_seconds = 0;  ///< 0: no Retry-After
  std::string_view flag{};                ///< the flag that sets the limit, where one does
};

/// Returns the row of a code. Codes that no client can cause read as internal_error: messages to
/// clients carry no internals. Static storage. Cost: a look-up in a short table.
[[nodiscard]] const ProblemInfo& problem_info(core::Errc code) noexcept;

/// Every row that an answer can have, for metrics and tests. Static storage.
[[nodiscard]] std::span<const ProblemInfo> all_problems() noexcept;

/// Returns whether a refusal counts in `frdpu_limit_hits_total`: status 408, 413, 414, 431, 503,
/// and any other that names a limit, as too many content codings do.
[[nodiscard]] bool is_limit_hit(const RequestError& error) noexcept;

/// What every problem fits into, whatever its values.
inline constexpr std::size_t kMaxProblemBytes = 1200;

/// Writes the body of an error: type, title, status, detail, code, and limit, observed and offset
/// where they are known. The detail says what was wrong, with the value (cut to 64 characters,
/// anything but visible ASCII shown as `?`), what it may be, and the flag that sets the limit.
/// Requires: `out` of kMaxProblemBytes, or the answer may be 0.
/// Returns: the bytes written; 0 where it did not fit.
[[nodiscard]] std::size_t write_problem(core::MutableBytes out, const RequestError& error) noexcept;

/// The same for an error of `core`, which knows nothing of parameters.
[[nodiscard]] std::size_t write_problem(core::MutableBytes out, const core::Error& error) noexcept;

}  // namespace frdpu::proto

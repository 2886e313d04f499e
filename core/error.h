#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string_view>

/// The one list of error codes and the value that carries one. `core` and `proto` return
/// `Result<T>` and throw nothing of their own.
namespace frdpu::core {

/// Why something was refused. The names are those of the HTTP API where it has one, so that a
/// code means the same in the library, on the command line and in a problem document.
/// Values are stable: new codes are added behind the last of their group.
enum class Errc : std::uint8_t {
  // The request asks for something that does not exist or does not fit.
  unknown_coding = 1,      ///< no coding of that name
  invalid_level = 2,       ///< level outside the coding's range
  invalid_window = 3,      ///< window outside the coding's range
  invalid_parameter = 4,   ///< a parameter's value is malformed, repeated or does not apply
  unknown_parameter = 5,   ///< a parameter nobody knows
  conflicting_coding = 6,  ///< two explicit source codings that disagree
  malformed_request = 7,   ///< breaks HTTP/1.1 syntax or framing
  malformed_frames = 8,    ///< breaks the batch framing
  empty_input = 9,         ///< nothing to estimate
  unauthorized = 10,
  not_found = 11,
  unknown_dictionary = 12,  ///< named by the request (404)
  method_not_allowed = 13,
  not_acceptable = 14,
  request_timeout = 15,
  uri_too_long = 16,
  expectation_failed = 17,
  unsupported_coding = 18,  ///< bytes or fields name a coding we do not take
  headers_too_large = 19,
  unsupported_transfer_coding = 20,
  http_version_not_supported = 21,
  not_configured = 22,

  // A limit was reached.
  body_too_large = 40,
  output_limit_exceeded = 41,
  ratio_limit_exceeded = 42,
  window_too_large = 43,
  cpu_limit_exceeded = 44,
  frame_limit_exceeded = 45,
  dictionaries_too_large = 46,  ///< all that are stored, together (413, `body_too_large`)
  fixed_limit_exceeded = 47,    ///< `body_too_large` where no setting sets the limit

  // The bytes are not what they claim to be.
  corrupt_input = 60,    ///< breaks the format; `offset` says where the decoder gave up
  truncated_input = 61,  ///< ended before the frame did
  trailing_data = 62,    ///< bytes after the end
  checksum_mismatch = 63,
  missing_dictionary = 64,  ///< the frame names a dictionary we do not have (422)
  too_few_samples = 65,
  invalid_utf8 = 66,  ///< text was asked for and the bytes are none

  // Memory and the process.
  pool_exhausted = 80,  ///< every block or workspace is out
  overloaded = 81,      ///< the queue for heavy work is full
  draining = 82,        ///< the process is about to stop
  invalid_size = 83,    ///< zero, overflowing, or larger than the block
  foreign_block = 84,   ///< a block that this pool did not hand out
  double_release = 85,  ///< a block that is home already
  configuration = 86,   ///< a setting that cannot work
  io_error = 87,        ///< the operating system refused
  internal_error = 88,  ///< a library broke its own contract
};

/// Returns the code's name as it stands in the API ("corrupt_input"). Cost: a table look-up.
[[nodiscard]] std::string_view to_string(Errc code) noexcept;

/// Returns one sentence on what the code means, for people. Static storage.
[[nodiscard]] std::string_view describe(Errc code) noexcept;

/// What went wrong, small enough to be returned by value on the data path.
/// Ownership: `detail` is always a string literal; an Error never allocates.
struct Error {
  Errc code = Errc::internal_error;
  const char* detail = "";                  ///< what was wrong, without the offending value
  std::optional<std::uint64_t> limit{};     ///< the limit that was reached, in its own unit
  std::optional<std::uint64_t> observed{};  ///< the value that broke it
  std::optional<std::uint64_t> offset{};    ///< input byte where a decoder gave up
};

template <class T>
using Result = std::expected<T, Error>;

/// Shorthand for the return of an error. Threads: any. Cost: none.
[[nodiscard]] inline std::unexpected<Error> fail(Errc code, const char* detail = "") noexcept {
  return std::unexpected<Error>(Error{.code = code, .detail = detail});
}

}  // namespace frdpu::core

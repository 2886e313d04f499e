#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "proto/request_error.h"

/// The bytes of a request head, before any parser has forgiven or folded anything.
///
///   method SP target SP HTTP/1.x CRLF
///   *( name ":" OWS value OWS CRLF )
///   CRLF
namespace frdpu::proto {

/// The two versions that are spoken.
enum class HttpVersion : std::uint8_t { http10 = 10, http11 = 11 };

/// One field line. Ownership: views into the head.
struct Field {
  std::string_view name;   ///< a token, as it was sent
  std::string_view value;  ///< without the white space around it
};

/// A head whose every line keeps to the grammar. Ownership: views into the bytes it was read from.
struct RawHead {
  std::string_view method;  ///< a token
  std::string_view target;  ///< not empty, without spaces and controls; see routes.h for the rest
  HttpVersion version = HttpVersion::http11;
  std::string_view fields;  ///< the field lines, each with its CRLF; for `next_field`
};

/// Returns the length of an empty line in front of a request, which is to be skipped: some clients
/// send one behind a body. At most one is. Source: RFC 9112, section 2.2.
[[nodiscard]] std::size_t leading_empty_line_bytes(std::string_view input) noexcept;

/// Reads a whole head, strictly.
/// Requires: `head` reaches from the first byte of the request line to the end of the empty line
/// that closes the head, and no further.
/// Errors: malformed_request, with the offset of the byte, for: line ends other than CRLF, controls
/// and NUL, a folded line, white space in front of a line or of a colon, no colon, an empty or
/// malformed name, a request line of other than three parts; http_version_not_supported. All of
/// them close the connection: nobody knows where the next request starts.
/// Threads: any. Cost: one pass over the bytes, no allocation.
/// Source: RFC 9112, sections 2.2, 3 and 5; RFC 9110, section 5.5.
[[nodiscard]] RequestResult<RawHead> scan_raw_head(std::string_view head) noexcept;

/// Takes the next field off the lines of a scanned head. Returns: nothing at the end.
/// Requires: `fields` comes from `scan_raw_head`.
[[nodiscard]] std::optional<Field> next_field(std::string_view& fields) noexcept;

}  // namespace frdpu::proto
